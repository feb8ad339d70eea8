"""Rules bound to other arrays: helpers of one name in different files, rules of a user's own, and counters that are
known only while a step runs."""

import ast
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cutaway.engines.xla.arrays import arrays
from cutaway.optim import OPTIMIZERS, clip, l1, l2
from cutaway.optim.hoisted import by_products, hoisted
from cutaway.rules import OPS, bind, xp
from cutaway.rules.dropout import kept
from depth import each_once

both_modes = pytest.mark.parametrize("x64", [False, True])


def width(z):
    """Called like the helper of rules/loss.py, which `mse` below goes on calling."""
    return xp.abs(z) + 1


mean_of_squares = OPS["mse"].forward


def shifted_and_loss(z, y):
    def inner(z):
        return width(z)

    return inner(z), mean_of_squares(z, y)


def test_every_function_keeps_the_names_of_its_own_file():
    z, y = np.array([[1.0, -2.0]], np.float32), np.zeros((1, 2), np.float32)
    near, loss = jax.jit(bind(shifted_and_loss, arrays()))(z, y)
    np.testing.assert_allclose(near, [[2.0, 3.0]])
    np.testing.assert_allclose(loss, [2.5])


def test_what_a_rule_takes_from_around_it_is_bound_too():
    def around(array):
        def helper(z):
            return helper(z[1:]) if z.shape[0] > 1 else array.exp(z)

        return lambda z: helper(z)

    result = jax.jit(bind(around(xp), arrays()))(np.arange(3, dtype=np.float32))
    np.testing.assert_allclose(result, [np.exp(2)], rtol=1e-6)


def test_the_rule_itself_stays_as_it_was():
    before = OPS["gelu"].forward.__globals__["xp"]
    bind(OPS["gelu"].forward, arrays())
    assert OPS["gelu"].forward.__globals__["xp"] is before


@both_modes
@pytest.mark.parametrize("step", [1, 2**31, 2**32 - 1])
def test_masks_of_a_traced_step_are_numpys_bit_for_bit(step, x64):
    ours = kept((7, 11), 0.4, 5, step, 2)
    with jax.enable_x64(x64):
        there = jax.jit(lambda step: bind(kept, arrays())((7, 11), 0.4, 5, step, 2))(jnp.uint32(step))
    np.testing.assert_array_equal(there, ours)


@both_modes
def test_mirrored_images_of_a_traced_step_are_numpys_bit_for_bit(x64):
    x = np.random.default_rng(0).normal(size=(40, 5, 4, 2)).astype(np.float32)
    settings = {"flip": True, "flip_vertical": True, "shift": 0.0, "rotate": 0.0, "crop": 1.0, "seed": 3, "call": 1}
    augment = OPS["augment"].forward
    with jax.enable_x64(x64):
        there = jax.jit(lambda x, step: bind(augment, arrays())(x, step=step, **settings))(x, jnp.uint32(9))
    np.testing.assert_array_equal(there, augment(x, step=9, **settings))


# ---- optimizers and what is done to gradients before ----------------------------------------------------------------


def vectors(opt, dtype):
    rng = np.random.default_rng(1)
    theta, g, *state = (rng.normal(size=9).astype(dtype) for _ in range(2 + len(opt.state_names)))
    return theta, g, *(np.abs(v) for v in state)


@pytest.mark.parametrize(("name", "t", "x64"), [
    (name, *of) for name, of in each_once(OPTIMIZERS, product([1, 3000], [True, False]))])
def test_updates_on_jax_with_their_constants_found_in_double(name, t, x64):
    opt, dtype = OPTIMIZERS[name](0.01), "float64" if x64 else "float32"
    given = vectors(opt, dtype)
    settings = {s: getattr(opt, s) for s in opt.settings} | ({"t": t} if opt.uses_step else {})
    apart = hoisted(type(opt).rule)
    with jax.enable_x64(x64):
        there = jax.jit(bind(apart.function(), arrays()))(*given, *apart.numbers(1, **settings)[0].astype(dtype))
    ours = type(opt).rule(*given, **settings)
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (ours, there)), strict=True):
        assert a.dtype == b.dtype == dtype
        np.testing.assert_allclose(b, a, rtol=4e-16 * 4 if x64 else 4e-7)


@both_modes
@pytest.mark.parametrize("wrap", [lambda o: clip(o, norm=0.7), lambda o: clip(o, norm=70), lambda o: clip(o, value=0.1),
                                  lambda o: l1(o, 0.3), lambda o: l2(o, 0.3)])
def test_gradients_are_prepared_on_jax(wrap, x64):
    (prepare,) = wrap(OPTIMIZERS["SGD"](0.1)).prepare
    theta, g = vectors(OPTIMIZERS["SGD"](0.1), "float64" if x64 else "float32")
    with jax.enable_x64(x64):
        there = jax.jit(lambda g, theta: bind(type(prepare).rule, arrays())(g, theta, **vars(prepare)))(g, theta)
    ours = prepare.apply(g, theta)
    assert there.dtype == ours.dtype == g.dtype
    np.testing.assert_allclose(there, ours, rtol=1e-14 if x64 else 3e-7)


def test_a_gradient_of_no_length_stays():
    with jax.enable_x64(False):
        (prepare,) = clip(OPTIMIZERS["SGD"](0.1), norm=1).prepare
        there = bind(type(prepare).rule, arrays())(jnp.zeros(3), jnp.zeros(3), norm=1.0)
    np.testing.assert_array_equal(there, np.zeros(3))


def changes_a_setting(theta, g, *, lr):
    lr = lr * 2
    return theta - lr * g


def test_a_rule_that_changes_a_setting_is_not_taken_apart():
    """Its constants would not be what the rule sees."""
    with pytest.raises(TypeError, match="changes lr, a setting"):
        hoisted(changes_a_setting)


def test_constants_are_expressions_of_settings_alone():
    apart = hoisted(OPTIMIZERS["Adam"].rule)
    assert apart.constants == ("beta1", "1 - beta1", "beta2", "1 - beta2", "lr", "1 - beta1 ** t", "1 - beta2 ** t",
                               "eps")
    assert apart.numbers(2, beta1=0.9, beta2=0.999, lr=0.1, eps=1e-8, t=np.array([1, 2]))[:, 6].tolist() == [
        1 - 0.999, 1 - 0.999**2]


def test_a_quotient_by_a_constant_becomes_a_product():
    apart = by_products(hoisted(OPTIMIZERS["Adam"].rule))
    assert apart.constants[-2:] == ("np.float64(1) / (1 - beta1 ** t)", "np.float64(1) / (1 - beta2 ** t)")
    assert "/ c" not in "".join(map(ast.unparse, apart.body))
    settings = {"beta1": 0.9, "beta2": 0.999, "lr": 1e-3, "eps": 1e-8, "t": np.array([1, 2])}
    np.testing.assert_allclose(apart.numbers(2, **settings)[:, -2], [10, 1 / 0.19])
