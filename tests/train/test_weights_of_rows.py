"""Weights of rows in ct.fit and ct.compile: two is the row twice, one is nothing, zero is a row that is not there."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

N = 40
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 3))
NUMBERS = X @ [1.0, -2.0, 0.5] + 0.3 * RNG.standard_normal(N)
CLASSES = (NUMBERS > 0).astype(int) + (NUMBERS > 1)
COUNTS = RNG.integers(0, 4, N)  # how often each row is there
TIMES = np.repeat(np.arange(N), COUNTS)
UNEVEN = RNG.uniform(0.1, 3, N)
FULL = {"batch_size": "full", "optimizer": ct.optim.SGD(0.05)}


def trained(rows=slice(None), y=NUMBERS, model=None, x=X, **options):
    """The model and run of a few epochs on some rows, in double precision unless the model says otherwise."""
    model = ct.nn.MLP(3, [8], 1).astype("float64").init(0) if model is None else model
    return model, ct.fit(model, x[rows], y[rows], **{"epochs": 4, "progress": False} | options)


def close(one, two):
    np.testing.assert_allclose(one.theta, two.theta, rtol=1e-11, atol=1e-13)


def same(one, two):
    assert np.array_equal(one.theta, two.theta)


# ---- two is the row twice --------------------------------------------------------------------------------------------


def own_loss(z, y, weight=None):
    l = ct.ops.abs(z.reshape(-1) - y)
    return (l if weight is None else weight * l).mean()


ONE_HOT = np.eye(3)[CLASSES]
TASKS = {
    "mse": (NUMBERS, 1), "half_mse": (NUMBERS, 1), "mae": (NUMBERS, 1), "huber": (NUMBERS, 1), "quantile": (NUMBERS, 3),
    own_loss: (NUMBERS, 1),
    "binary_cross_entropy": ((CLASSES > 0).astype(float), 1), "cross_entropy": (CLASSES, 3),
}
TASKS = [(loss, *rest) for loss, rest in TASKS.items()] + [
    ("mse", np.stack([NUMBERS, -NUMBERS], 1), 2), ("binary_cross_entropy", ONE_HOT, 3), ("cross_entropy", ONE_HOT, 3),
]


@pytest.mark.parametrize(("loss", "y", "outputs"), TASKS)
def test_a_row_of_weight_k_is_the_row_k_times_for_every_loss(loss, y, outputs):
    models = [ct.nn.MLP(3, [8], outputs).astype("float64").init(0) for _ in range(2)]
    trained(y=y, model=models[0], loss=loss, sample_weight=COUNTS, **FULL)
    trained(TIMES, y=y, model=models[1], loss=loss, **FULL)
    close(*models)


def images():
    layers = [ct.nn.Conv2d(2, 4, 3), ct.nn.ReLU(), ct.nn.MaxPool2d(2), ct.nn.Flatten(), ct.nn.Linear(16, 1)]
    return ct.nn.Sequential(*layers), np.random.default_rng(1).standard_normal((N, 6, 6, 2))


def sequences():
    lengths = np.random.default_rng(2).integers(1, 8, N)
    values = np.random.default_rng(3).standard_normal((N, 7, 2))
    net = ct.nn.Sequential(ct.nn.LastState(ct.nn.GRU(2, 5)), ct.nn.Linear(5, 1))
    return net, ct.Sequences(values, lengths)


@pytest.mark.parametrize("made", [images, sequences])
def test_images_and_sequences_count_as_often_as_their_weights_say(made):
    (one, x), (two, _) = made(), made()
    one, two = one.astype("float64").init(0), two.astype("float64").init(0)
    trained(model=one, x=x, sample_weight=COUNTS, **FULL)
    trained(TIMES, model=two, x=x, **FULL)
    close(one, two)


@pytest.mark.parametrize("optimizer", [ct.optim.Momentum(0.05), ct.optim.AdamW(0.01)])
def test_only_the_ratios_of_weights_count(optimizer):
    options = {"batch_size": 7, "optimizer": optimizer}
    close(trained(sample_weight=UNEVEN, **options)[0], trained(sample_weight=1e-6 * UNEVEN, **options)[0])


def test_a_batch_of_heavy_rows_takes_a_longer_step():
    """J = Σ w ℓ / rows, with weights of mean one over all rows: an epoch's gradients add up to the whole one."""
    options = {"epochs": 1, "shuffle": False, "batch_size": 16, "optimizer": ct.optim.SGD(1e-300)}
    model, run = trained(sample_weight=UNEVEN, **options)
    l = (model.predict(X)[:, 0] - NUMBERS) ** 2
    w = UNEVEN / UNEVEN.mean()
    np.testing.assert_allclose(run.steps["loss"], [(w * l)[k : k + 16].mean() for k in (0, 16, 32)])
    np.testing.assert_allclose(run.history["loss"], np.average(l, weights=UNEVEN))


# ---- one is nothing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [np.ones(N), np.full(N, 0.1)])
def test_equal_weights_change_no_bit(weights):
    options = {"batch_size": 16, "validation": 0.2, "metrics": "r2"}
    (one, a), (two, b) = trained(sample_weight=weights, **options), trained(**options)
    same(one, two)
    assert a.history["val_loss"].tolist() == b.history["val_loss"].tolist()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_program_with_weights_of_one_steps_like_one_without(dtype):
    models = [ct.nn.MLP(3, [8], 1).astype(dtype).init(0) for _ in range(2)]
    with_weights, without = (ct.compile(m, "mse", batch_size=16, weighted=w)
                             for m, w in zip(models, (True, False), strict=True))
    with_weights.feed(X, NUMBERS, np.ones(N))
    without.feed(X, NUMBERS)
    for _ in range(3):
        np.testing.assert_allclose(with_weights.run(), without.run(), rtol=1e-6)
    same(*models)


# ---- zero is a row that is not there ---------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"validation": 0.25, "metrics": "r2"}, {"batch_size": 7, "drop_last": True}])
def test_a_row_of_weight_zero_is_not_there_whatever_it_holds(options):
    kept = COUNTS > 0
    x, y = X.copy(), NUMBERS.copy()
    x[~kept], y[~kept] = np.nan, np.inf
    one, a = trained(x=x, y=y, sample_weight=UNEVEN * kept, **options)
    two, b = trained(kept, sample_weight=UNEVEN[kept], **options)
    same(one, two)
    for name in {*a.history} - {"seconds"}:
        assert a.history[name].tolist() == b.history[name].tolist()


def test_unlabelled_rows_may_have_any_class_number():
    y = np.where(COUNTS > 0, CLASSES, -1)
    one, two = (ct.nn.MLP(3, [8], 3).init(0) for _ in range(2))
    trained(y=y, model=one, loss="cross_entropy", sample_weight=(COUNTS > 0).astype(float))
    trained(COUNTS > 0, y=y, model=two, loss="cross_entropy")
    same(one, two)


def test_a_row_that_counts_is_still_checked():
    x = X.copy()
    x[[3, 5]] = np.nan
    with pytest.raises(ct.errors.DataError, match=r"row 5, column 0 \(3 such values"):
        trained(x=x, sample_weight=np.arange(N) != 3)


# ---- validation and early stopping -----------------------------------------------------------------------------------

V, T = RNG.standard_normal((20, 3)), RNG.standard_normal(20)
OFTEN = RNG.integers(0, 3, 20)


def test_validation_rows_count_as_often_as_their_weights_say_and_so_stop_training_at_the_same_epoch():
    options = {"epochs": 60, "early_stopping": 3, "metrics": ["rmse", "mae", "r2"], "optimizer": ct.optim.SGD(0.02)}
    V_, T_ = np.repeat(V, OFTEN, axis=0), np.repeat(T, OFTEN)
    (one, a), (two, b) = trained(validation=(V, T, OFTEN), **options), trained(validation=(V_, T_), **options)
    for name in ("val_loss", "val_rmse", "val_mae", "val_r2"):
        np.testing.assert_allclose(a.history[name], b.history[name], rtol=1e-12)
    assert a.best_epoch == b.best_epoch and a.epochs_done == b.epochs_done < 60
    same(one, two)


def test_rows_held_back_by_chance_keep_their_weights():
    model, run = trained(sample_weight=UNEVEN, validation=0.25, seed=3)
    _, held = ct.data.split(N, 0.25, 3)
    l = (model.predict(X[held])[:, 0] - NUMBERS[held]) ** 2
    assert run.history["val_loss"][run.best_epoch - 1] == pytest.approx(np.average(l, weights=UNEVEN[held]))


def test_accuracy_is_weighted_and_a_metric_of_ones_own_may_be():
    y, often = (T > 0).astype(int), OFTEN

    def plain(z, y):
        return len(y)

    def total(z, y, weight):
        return weight.sum()

    model = ct.nn.MLP(3, [8], 2).init(0)
    options = {"loss": "cross_entropy", "metrics": ["accuracy", plain, total], "epochs": 1}
    _, run = trained(y=CLASSES > 0, model=model, validation=(V, y, often), **options)
    right = np.repeat(model.predict(V).argmax(1) == y, often)
    assert run.history["val_accuracy"][0] == pytest.approx(right.mean())
    assert run.history["val_plain"][0] == pytest.approx(run.history["val_total"][0]) == (often > 0).sum()


# ---- threads, and losses that cannot be weighted ---------------------------------------------------------------------


def test_threads_give_the_same_weighted_training_nearly_and_each_count_the_same_bits():
    one, two, again = (trained(sample_weight=UNEVEN, batch_size=20, threads=t)[0] for t in (1, 2, 2))
    same(two, again)
    close(one, two)


@pytest.mark.parametrize("given", [{"sample_weight": UNEVEN}, {"validation": (V, T, OFTEN)}])
def test_a_loss_that_takes_no_weights_is_refused_before_training(given):
    def plain(z, y):
        return ((z.reshape(-1) - y) ** 2).mean()

    trained(loss=plain)
    with pytest.raises(ArgumentError, match=r"the loss plain takes none.*def plain\(z, y, weight=None\)"):
        trained(loss=plain, **given)
