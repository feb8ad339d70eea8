"""Loss surfaces: their values and slopes beside JAX, their minima, noise that cancels, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.lab.descents.descend import descend
from cutaway.lab.descents.surfaces import NAMED, Surface, surface

jax.config.update("jax_enable_x64", True)

# written down once more, in JAX
THERE = {
    "ravine": lambda x, y: 0.5 * (x**2 + 50 * y**2),
    "bowl": lambda x, y: 0.5 * (x**2 + y**2),
    "saddle": lambda x, y: x**2 - y**2 + 0.25 * y**4,
    "plateau": lambda x, y: 1 - jnp.exp(-0.25 * (x**2 + 2 * y**2)),
    "rosenbrock": lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    "beale": lambda x, y: (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2,
    "himmelblau": lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    "noisy": lambda x, y: 0.5 * (x**2 + y**2),
    "bumpy": lambda x, y: 0.05 * (x**2 + y**2) + jnp.sin(x) ** 2 + jnp.sin(y) ** 2,
}
every_surface = pytest.mark.parametrize("name", NAMED)


@every_surface
def test_values_and_gradients_are_those_of_jax(name):
    s, f = surface(name), THERE[name]
    rng = np.random.default_rng(0)
    X, Y = (rng.uniform(*ends, 20) for ends in s.bounds)
    np.testing.assert_allclose(s.values(X, Y), jax.vmap(f)(X, Y), rtol=1e-12, atol=1e-12)
    slopes = jax.jit(jax.vmap(jax.grad(f, (0, 1))))(X, Y)
    np.testing.assert_allclose([s.gradient(*at) for at in zip(X, Y, strict=True)], np.transpose(slopes), rtol=1e-10,
                               atol=1e-10)


@every_surface
def test_known_minima_are_minima_and_the_lowest_places_of_the_picture(name):
    s = surface(name)
    _, _, J = s.grid(161)
    assert s.minima
    for place in s.minima:
        at = s.values(*place)
        assert np.abs(s.gradient(*place)).max() < 1e-4
        turn = np.linspace(0, 2 * np.pi, 36)
        assert (s.values(place[0] + 0.01 * np.cos(turn), place[1] + 0.01 * np.sin(turn)) > at).all()
        assert at <= J.min() + 1e-9
        assert s.bounds[0][0] <= place[0] <= s.bounds[0][1] and s.bounds[1][0] <= place[1] <= s.bounds[1][1]


def test_a_ravines_walls_are_as_steep_as_its_condition_says():
    for condition in (1, 20, 1000):
        s = surface("ravine", condition=condition)
        assert s.gradient(0, 1)[1] == condition * s.gradient(1, 0)[0]
    assert surface("ravine", condition=20).formula == "(x^2 + 20 * y^2) / 2"


def test_bumpy_starts_in_a_poor_local_minimum_and_plateau_where_hardly_any_slope_is():
    bumpy = surface("bumpy")
    end = descend(bumpy, [ct.optim.SGD(0.1)], steps=300).paths[0]
    assert np.abs(bumpy.gradient(*end.points[-1])).max() < 1e-6 and end.loss[-1] > 0.4  # 0 at (0, 0)
    plateau = surface("plateau")
    assert np.abs(plateau.gradient(*plateau.start)).max() < 0.01 and plateau.values(*plateau.start) > 0.99


def test_a_surface_from_an_expression_and_from_a_function_are_the_same():
    text = surface("x^2 * y + exp(-y)")
    own = surface(lambda x, y: x**2 * y + ct.ops.exp(-y))
    X, Y = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-2, 2, 4))
    np.testing.assert_array_equal(text.values(X, Y), own.values(X, Y))
    assert (text.name, text.formula, own.formula) == ("your surface", "x^2 * y + exp(-y)", "f(x, y)")
    assert text.minima is None and text.lr is None

    def egg_box(x, y):
        return ct.ops.sin(x) * ct.ops.sin(y)

    assert surface(egg_box).name == "egg_box"


def test_values_fit_grids_numbers_and_functions_that_ignore_a_parameter():
    flat = surface("3")
    assert flat.values(1, 2) == 3 and flat.values(np.zeros((4, 1)), np.zeros(5)).shape == (4, 5)
    assert surface("y").gradient(1.0, 2.0).tolist() == [0, 1]
    assert surface(lambda x, y: x).values([1, 2], [[0], [0], [0]]).tolist() == [[1, 2]] * 3


def test_settings_replace_a_surfaces_own():
    s = surface("bowl", start=(1, 2), bounds=((-9, 9), (0, 4)), minima=[(0, 0)], noise=0.5)
    assert (s.start, s.bounds, s.minima) == ((1, 2), ((-9, 9), (0, 4)), ((0, 0),))
    assert (s.noise, s.rows, surface("bowl").rows) == (0.5, 64, 1)


# ---- the model -------------------------------------------------------------------------------------------------------


def test_the_model_is_a_module_of_two_weights_whose_loss_is_the_surface():
    s = surface("beale")
    model, (X, y) = s.model((1.5, -0.5)), s.data()
    assert model.theta.tolist() == [1.5, -0.5] and model.dtype == np.float64
    J = s.loss(model(*X), y)
    J.backward()
    assert J.item() == s.values(1.5, -0.5)
    np.testing.assert_array_equal(model.grad, s.gradient(1.5, -0.5))
    assert model.init(7).theta.tolist() == [1.5, -0.5]  # there is nothing to draw


def test_noise_tilts_every_row_its_own_way_and_cancels_over_all():
    s = surface("noisy")
    model, (X, y) = s.model(), s.data(seed=3)
    assert X[0].shape == (64, 1) and y.shape == (64, 1)
    rows = model(*X).data[:, 0]
    assert rows.mean() == pytest.approx(s.values(*s.start), rel=1e-12)

    def slope(X):
        model.zero_grad()
        s.loss(model(*X), y).backward()
        return model.grad.copy()

    np.testing.assert_allclose(slope(X), s.gradient(*s.start), rtol=1e-12)
    tilts = np.array([slope([x[k : k + 1] for x in X]) for k in range(64)]) - s.gradient(*s.start)
    np.testing.assert_allclose(tilts, np.concatenate(X, 1), rtol=1e-9, atol=1e-12)
    assert tilts.std() == pytest.approx(s.noise, rel=0.2)
    assert not np.array_equal(s.data(seed=4)[0][0], X[0])


def test_every_instruction_of_its_program_has_a_kernel(recwarn):
    for name in NAMED:
        s = surface(name)
        X, y = s.data()
        program = ct.compile(s.model(), s.loss, ct.optim.Adam(0.1), 1, X, y)
        assert program.engine.compiled  # one native call runs it all
    assert not recwarn.list


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "says"), [
    (lambda: surface("rosenbrok"), "no surface called 'rosenbrok'; did you mean 'rosenbrock'"),
    (lambda: surface("x +"), "the text ends early"), (lambda: surface("z^2"), "there is no 'z'"),
    (lambda: surface("log(-1 - x^2)"), "not a finite number anywhere within bounds"),
    (lambda: surface("bowl", condition=3), "condition= is a setting of the ravine"),
    (lambda: surface("ravine", condition=0), "between 1 and 1e6"),
    (lambda: surface("ravine", condition=float("nan")), "between 1 and 1e6"),
    (lambda: surface("bowl", noise=-1), "noise must be a number of at least 0"),
    (lambda: surface("bowl", noise=1, rows=1), "rows at least 2"),
    (lambda: surface("bowl", start=3), "start must be two numbers"),
    (lambda: surface("bowl", start=(0, float("inf"))), "start must be finite"),
    (lambda: surface("bowl", bounds=(0, 1)), "bounds must be"),
    (lambda: surface("bowl", bounds=((1, 0), (0, 1))), "x0 < x1"),
    (lambda: surface("bowl", minima=[1]), "minima must be two numbers"),
    (lambda: surface(lambda x, y: np.sin(x.numpy())), "gets two Tensors and must give one, got ndarray"),
    (lambda: surface(lambda x: x), "called with two Tensors, x and y; this one fails"),
])
def test_settings_that_make_no_sense(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()


def test_a_surface_is_plain_data():
    s = surface("bowl")
    assert isinstance(s, Surface) and s == surface("bowl") and s != surface("noisy")
