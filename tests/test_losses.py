"""Losses as functions: their values by hand, weights, shapes that are refused, and that raw outputs stay stable."""

import numpy as np
import pytest
from sklearn.metrics import mean_poisson_deviance

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from cutaway.losses import LOSSES

RNG = np.random.default_rng(0)
Z, Y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[0.0, 1.0], [1.0, 0.0]])


@pytest.mark.parametrize(("name", "z", "y", "value"), [
    ("mse", Z, Y, (1 + 9 + 0.25 + 9) / 4), ("half_mse", Z, Y, (1 + 9 + 0.25 + 9) / 8),
    ("mae", Z, Y, (1 + 3 + 0.5 + 3) / 4),
    ("huber", Z, Y, (0.5 + 2.5 + 0.125 + 2.5) / 4),
    ("poisson", Z, Y, mean_poisson_deviance(Y.ravel(), np.exp(Z).ravel()) / 2),
    ("binary_cross_entropy", Z, Y, np.mean(np.log1p(np.exp(-Z * (2 * Y - 1))))),
    ("cross_entropy", Z, np.array([1, 0]), (np.log(1 + np.exp(3)) + np.log(1 + np.exp(2.5))) / 2),
    ("cross_entropy", Z, Y, (np.log(1 + np.exp(3)) + np.log(1 + np.exp(2.5))) / 2),
])
def test_values(name, z, y, value):
    assert LOSSES[name](z, y).item() == pytest.approx(value, rel=1e-14)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "quantile"])
def test_weights_of_samples(name):
    """Σ w ℓ / B: a weight of two counts a row twice, a weight of zero not at all. As columns: with as many rows as
    classes, (2,) could mean either."""
    y = np.array([1, 0]) if name == "cross_entropy" else Y
    first, second = (LOSSES[name](Z[i : i + 1], y[i : i + 1]).item() for i in (0, 1))
    assert LOSSES[name](Z, y, weight=np.array([[2.0], [0.0]])).item() == pytest.approx(first)
    assert LOSSES[name](Z, y, weight=np.array([[0.5], [1.5]])).item() == pytest.approx((0.5 * first + 1.5 * second) / 2)


@pytest.mark.parametrize("name", [n for n in LOSSES if n not in ("cross_entropy", "quantile")])
def test_one_output_takes_a_vector_of_targets_and_nothing_else_broadcasts(name):
    z, y = Z[:, :1], Y[:, 0]
    assert LOSSES[name](z, y).item() == LOSSES[name](z, y[:, None]).item()
    for wrong in (np.zeros(3), np.zeros((1, 2)), np.zeros((2, 1)), np.zeros(2), np.zeros(())):
        with pytest.raises(ShapeError, match=r"outputs of shape \(2, 2\) but the targets have shape"):
            LOSSES[name](Z, wrong)
    with pytest.raises(ShapeError):
        LOSSES[name](np.zeros(2), np.zeros((2, 1)))


# ---- quantiles -----------------------------------------------------------------------------------------------------

LEVELS = (0.1, 0.5, 0.9)


def pinball(q, y, t):
    """The definition, number by number."""
    return t * (y - q) if y >= q else (1 - t) * (q - y)


def test_the_pinball_loss_of_one_quantile_is_its_definition():
    z, y = RNG.normal(size=(20, 1)), RNG.normal(size=20)
    by_hand = np.mean([pinball(q, t, 0.3) for q, t in zip(z[:, 0], y, strict=True)])
    for given in (y, y[:, None]):
        assert ct.losses.quantile(z, given, quantiles=0.3).item() == pytest.approx(by_hand, rel=1e-14)


def test_the_pinball_loss_of_several_is_the_mean_over_rising_outputs():
    z, y = 3 * RNG.normal(size=(20, 3)), RNG.normal(size=20)
    below, above = np.log1p(np.exp(z[:, 0])), np.log1p(np.exp(z[:, 2]))
    rising = np.stack([z[:, 1] - below, z[:, 1], z[:, 1] + above], 1)
    np.testing.assert_allclose(ct.ops.rising(z, 1).data, rising, rtol=1e-14)
    each = np.mean([[pinball(q, t, level) for q, level in zip(row, LEVELS, strict=True)]
                    for row, t in zip(rising, y, strict=True)], axis=1)
    w = RNG.uniform(0, 2, 20)
    assert ct.losses.quantile(z, y, quantiles=LEVELS).item() == pytest.approx(each.mean(), rel=1e-14)
    assert ct.losses.quantile(z, y, w, quantiles=LEVELS).item() == pytest.approx((w * each).mean(), rel=1e-14)


def test_quantiles_have_the_precision_of_the_outputs_and_weights_may_be_a_column():
    z, y, w = RNG.normal(size=(4, 3)), RNG.normal(size=4), RNG.uniform(1, 2, 4)
    assert ct.losses.quantile(ct.Tensor(z.astype("float32")), y).dtype == np.float32
    assert ct.losses.quantile(z, y, w).item() == ct.losses.quantile(z, y, w[:, None]).item()
    with pytest.raises(ShapeError, match="there are 4 rows: it is one number a row"):
        ct.losses.quantile(z, y, np.ones(3))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rising_numbers_never_cross_however_outputs_lie(dtype):
    z = (10.0 ** RNG.uniform(-8, 4, (500, 7)) * RNG.choice([-1, 1], (500, 7))).astype(dtype)
    for middle in (0, 3, 6):
        assert (np.diff(ct.ops.rising(z, middle).data, axis=1) >= 0).all()


def test_the_mean_pinball_loss_is_least_at_the_quantile():
    y = RNG.normal(size=999)
    for level in (0.05, 0.5, 0.8):
        tried = np.sort(y)
        found = [ct.losses.quantile(np.full((999, 1), q), y, quantiles=level).item() for q in tried[::10]]
        assert tried[::10][np.argmin(found)] == pytest.approx(np.quantile(y, level), abs=0.05)


@pytest.mark.parametrize("wrong", [
    (0.0, 0.5), (0.5, 1.0), (0.5, 0.5), (0.9, 0.1), (), (float("nan"),), "0.5", None, (0.5, "a"), -0.1,
])
def test_quantiles_that_are_none_are_refused(wrong):
    with pytest.raises(ArgumentError, match="each once and in rising order"):
        ct.losses.quantile(np.zeros((4, 2)), np.zeros(4), quantiles=wrong)


def test_quantiles_take_one_number_a_row_and_an_output_each():
    with pytest.raises(ShapeError, match=r"outputs of shape \(4, 2\), and there are 3 quantiles"):
        ct.losses.quantile(np.zeros((4, 2)), np.zeros(4))
    for wrong in (np.zeros((4, 3)), np.zeros(3), np.zeros(())):
        with pytest.raises(ShapeError, match="targets are one number a row"):
            ct.losses.quantile(np.zeros((4, 3)), wrong)


def test_cross_entropy_refuses_what_is_no_class():
    for wrong in (np.array([0, 2]), np.array([-1, 0])):
        with pytest.raises(ShapeError, match="2 outputs are for classes 0 to 1, but y has classes"):
            ct.losses.cross_entropy(Z, wrong)
    with pytest.raises(ShapeError, match=r"class numbers must have shape \(2,\), got \(2, 1\)"):
        ct.losses.cross_entropy(Z, np.array([[0], [1]]))
    with pytest.raises(ShapeError, match=r"outputs must be \(n, classes\), got \(2,\)"):
        ct.losses.cross_entropy(np.zeros(2), np.array([0, 1]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outputs_far_from_zero_give_finite_losses_and_gradients(dtype):
    z = ct.Tensor(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]], dtype), requires_grad=True)
    for J in (ct.losses.cross_entropy(z, np.array([1, 1])), ct.losses.binary_cross_entropy(z, Y)):
        z.grad = None
        J.backward()
        assert np.isfinite(J.item()) and np.isfinite(z.grad).all() and z.grad.dtype == dtype


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "quantile"])
def test_precision_is_that_of_the_outputs(name):
    y = np.array([1, 0]) if name == "cross_entropy" else Y
    assert LOSSES[name](ct.Tensor(Z.astype("float32")), y).dtype == np.float32


def test_whole_numbers_as_targets_of_a_regression():
    assert ct.losses.mse(Z, np.array([[0, 1], [1, 0]])).item() == ct.losses.mse(Z, Y).item()


def test_targets_and_weights_that_want_a_gradient_are_refused():
    z, y = ct.Tensor(Z, requires_grad=True), ct.Tensor(Y, requires_grad=True)
    for call in (lambda: ct.losses.mse(z, y), lambda: ct.losses.mse(z, Y, weight=y[:, 0]),
                 lambda: ct.losses.cross_entropy(z, y * 2)):
        with pytest.raises(ArgumentError, match="would get no gradient"):
            call()


def test_by_name():
    assert ct.losses.get("mse") is ct.losses.mse and ct.losses.get(np.sum) is np.sum
    with pytest.raises(ArgumentError, match="no loss is called 'mean': use one of mse, half_mse"):
        ct.losses.get("mean")


@pytest.mark.smoke
def test_the_worked_example_of_the_lecture():
    """z = wx + b, a = sigmoid(z), J = (a - y)²/2: dJ/dw = (a - y) · a (1 - a) · x."""
    w, b = ct.Tensor([[0.5]], requires_grad=True), ct.Tensor([0.1], requires_grad=True)
    a = ct.ops.sigmoid(ct.ops.linear(ct.Tensor([[2.0]]), w, b))
    ct.losses.half_mse(a, [[1.0]]).backward()
    value = 1 / (1 + np.exp(-1.1))
    assert w.grad[0, 0] == pytest.approx((value - 1) * value * (1 - value) * 2, rel=1e-14)
    assert b.grad[0] == pytest.approx((value - 1) * value * (1 - value), rel=1e-14)


# ---- rows and classes ------------------------------------------------------------------------------------------------

Z3, CLASSES = np.array([[0.2, -1.0, 0.5], [1.5, 0.3, 0.0], [0.0, 2.0, -1.0], [1.0, 1.0, 1.0]]), np.array([0, 2, 1, 1])
EACH = np.log(np.exp(Z3).sum(1)) - Z3[np.arange(4), CLASSES]


def test_weights_of_classes():
    w = np.array([1.0, 4.0, 0.5])
    truth = (w[CLASSES] * EACH).sum() / 4
    assert ct.losses.cross_entropy(Z3, CLASSES, class_weight=w).item() == pytest.approx(truth)
    assert ct.losses.cross_entropy(Z3, np.eye(3)[CLASSES], class_weight=w).item() == pytest.approx(truth)
    rows = np.array([2.0, 1.0, 0.0, 1.0])
    both = ct.losses.cross_entropy(Z3, CLASSES, weight=rows, class_weight=w).item()
    assert both == pytest.approx((rows * w[CLASSES] * EACH).sum() / 4)


def test_weights_of_classes_have_the_right_slope():
    z, w, h = ct.Tensor(Z3, requires_grad=True), np.array([1.0, 4.0, 0.5]), 1e-6
    ct.losses.cross_entropy(z, CLASSES, class_weight=w).backward()
    d = np.random.default_rng(0).normal(size=Z3.shape)
    up, down = (ct.losses.cross_entropy(Z3 + by * d, CLASSES, class_weight=w).item() for by in (h, -h))
    assert (z.grad * d).sum() == pytest.approx((up - down) / 2 / h, rel=1e-6)


def test_a_weight_a_class_is_not_taken_for_one_a_row():
    with pytest.raises(ShapeError, match=r"weight has shape \(3,\), and there are 4 rows.*class_weight="):
        ct.losses.cross_entropy(Z3, CLASSES, weight=np.ones(3))
    with pytest.raises(ArgumentError, match=r"as many rows as classes.*class_weight=w"):
        ct.losses.cross_entropy(Z3[:3], CLASSES[:3], weight=np.ones(3))
    with pytest.raises(ShapeError, match="one number >= 0 a class"):
        ct.losses.cross_entropy(Z3, CLASSES, class_weight=np.ones(4))


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "quantile"])
def test_weights_as_a_column_are_the_same_and_other_shapes_are_refused(name):
    y = np.array([1, 0, 1]) if name == "cross_entropy" else np.ones((3, 2))
    z, w = np.vstack([Z, Z[:1]]), np.array([0.5, 1.0, 1.5])
    assert LOSSES[name](z, y, weight=w).item() == LOSSES[name](z, y, weight=w[:, None]).item()
    for wrong in (np.ones((1, 3)), np.ones((3, 3)), np.ones(2), np.ones(())):
        with pytest.raises(ShapeError, match="there are 3 rows: it is one number a row"):
            LOSSES[name](z, y, weight=wrong)


def test_weights_of_classes_in_a_fit():
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = (X[:, 0] > 1).astype(int)
    w = np.array([1.0, 5.0])
    nets = [ct.nn.MLP(2, [4], 2).init(0) for _ in range(2)]
    ct.fit(nets[0], X, y, loss=lambda z, y: ct.losses.cross_entropy(z, y, class_weight=w), epochs=3)
    scale = w[y].mean()
    ct.fit(nets[1], X, y, loss=lambda z, y, weight: ct.losses.cross_entropy(z, y, weight) * scale, sample_weight=w[y],
           epochs=3)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-4, atol=1e-6)


# ---- (n, 1) and (n,) -------------------------------------------------------------------------------------------------


def squares(z, y):
    return ct.ops.mean((z - y) ** 2)


def weighted_squares(z, y, weight=None):
    e = (z - y) ** 2
    return (e if weight is None else weight * e).mean()


X5 = np.random.default_rng(1).normal(size=(40, 3))
Y5 = X5 @ [1.0, -2.0, 0.5]


@pytest.mark.parametrize("own", [
    squares, weighted_squares, lambda z, y: ((z[:, 0] - y) ** 2).mean(),
    lambda z, y: ((z - y.reshape(z.shape)) ** 2).mean(), lambda z, y: (z - y).square().mean(axis=1).mean(),
])
@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_a_loss_of_ones_own_pairs_rows(own, engine):
    nets = [ct.nn.MLP(3, [4], 1).init(0) for _ in range(2)]
    options = {"epochs": 3, "validation": 0.25, "engine": engine, "metrics": [lambda z, y: np.mean((z - y) ** 2)]}
    run, truth = (ct.fit(net, X5, Y5, loss=loss, **options) for net, loss in zip(nets, (own, "mse"), strict=True))
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(run.history["val_loss"], truth.history["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(run.history["val_<lambda>"], run.history["val_loss"], rtol=1e-5)


def test_a_loss_of_ones_own_pairs_rows_and_their_weights():
    w = np.random.default_rng(2).uniform(0.5, 2, 40)
    nets = [ct.nn.MLP(3, [4], 1).init(0) for _ in range(2)]
    for net, loss in zip(nets, (weighted_squares, "mse"), strict=True):
        ct.fit(net, X5, Y5, loss=loss, epochs=3, sample_weight=w)
    np.testing.assert_allclose(nets[0].theta, nets[1].theta, rtol=1e-4, atol=1e-6)


def test_an_estimator_takes_such_a_loss():
    model = ct.Regressor(loss=lambda z, y: ct.ops.mean((z - y) ** 2), epochs=60).fit(X5, Y5)
    assert model.score(X5, Y5) > 0.5


@pytest.mark.parametrize("f", [lambda z, y: z - y, lambda z, y: y - z, lambda z, y: ct.ops.sigmoid(z) * y])
def test_in_a_plain_loop_outputs_and_numbers_that_would_not_pair_are_refused(f):
    net = ct.nn.MLP(3, [4], 1).init(0)
    with pytest.raises(ShapeError, match=r"each row with all 40: write y.reshape\(z.shape\), or z\[:, 0\]"):
        f(net(X5), Y5)
    assert (net(X5)[:, 0] - Y5).shape == (40,) and (net(X5) - Y5[:, None]).shape == (40, 1)
    assert (net(X5) - Y5[None]).shape == (40, 40)  # said, and so meant


def test_a_new_axis_of_ones_own_broadcasts():
    u = ct.Tensor([1.0, 2.0], requires_grad=True) * 2
    assert (u[:, None] - np.ones(2)).shape == (u.reshape(2, 1) * np.ones(2)).shape == (2, 2)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.uint64, np.float32, float])
def test_class_numbers_of_any_type(dtype):
    """A single True among them was taken for a position."""
    z, y = np.random.default_rng(0).normal(size=(4, 2)), np.array([0, 1, 0, 0])
    expected = -np.log(np.exp(z) / np.exp(z).sum(1, keepdims=True))[range(4), y].mean()
    assert ct.losses.cross_entropy(z, y.astype(dtype)).item() == pytest.approx(expected)


@pytest.mark.parametrize(("given", "says"), [
    ({"reduction": "sum"}, "others by ct.ops"), ({"label_smoothing": 0.1}, "as probabilities"),
    ({"from_logits": True}, "outputs are logits"),
    ({"class_weight": {0: 1.0}}, "a list or array"), ({"wieght": None}, "did you mean weight="),
])
def test_arguments_of_other_libraries_losses(given, says):
    with pytest.raises(ct.errors.CutawayError, match=says):
        ct.losses.cross_entropy(np.zeros((2, 2)), [0, 1], **given)
