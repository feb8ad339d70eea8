"""ct.fit, argument by argument."""

import os
import signal
import threading

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, ShapeError
from cutaway.random import stream
from cutaway.train import Ended, EpochEnded, Started, TrainingWarning


def table(n=90, k=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, k))
    return X, (X @ np.arange(1, k + 1) + 0.1 * rng.standard_normal(n)) / 5


def net(n_out=1, **options):
    return ct.nn.MLP(4, [8], n_out, **options).init(0)


def plain_loop(model, X, y, loss, opt, epochs, batch_size, seed=0):
    """The lecture's training loop on eager Tensors, with fit's batches."""
    state, step = opt.init(model.theta), 0
    for epoch in range(1, epochs + 1):
        order = stream(seed, "batch order", epoch).permutation(np.arange(len(X)))
        for i in range(0, len(X), batch_size):
            rows, step = order[i : i + batch_size], step + 1
            with model.training(seed=seed, step=step):
                out = model(X[rows])
            ct.losses.get(loss)(out, y[rows]).backward()
            theta, state = opt.update(model.theta, model.grad, state)
            model.theta[:] = theta
            model.zero_grad()


def test_training_equals_a_plain_loop_over_tensors():
    X, y = table()
    fast, slow = net(dropout=0.2).astype("float64"), net(dropout=0.2).astype("float64")
    ct.fit(fast, X, y, optimizer=ct.optim.AdamW(1e-2), epochs=3, batch_size=16)
    plain_loop(slow, X, y, "mse", ct.optim.AdamW(1e-2), epochs=3, batch_size=16)
    np.testing.assert_allclose(fast.theta, slow.theta, rtol=0, atol=1e-10)


def test_one_seed_gives_the_same_bits_twice_and_another_seed_does_not():
    X, y = table()
    runs = []
    for seed in (1, 1, 2):
        model = net(dropout=0.1)
        ct.fit(model, X, y, epochs=2, validation=0.2, seed=seed)
        runs.append(model.theta.copy())
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_history_has_a_row_an_epoch_and_steps_a_row_a_step(engine):
    X, y = table(50)
    run = ct.fit(net(), X, y, epochs=3, batch_size=16, engine=engine)
    assert list(run.history["epoch"]) == [1, 2, 3]
    assert len(run.steps) == 3 * 4
    first = run.steps["loss"][:4]
    assert run.history["loss"][0] == pytest.approx(np.average(first, weights=[16, 16, 16, 2]))
    assert run.model is not None
    assert run.stopped == "all 3 epochs done"
    assert list(run.history.to_pandas().columns) == list(run.history)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_epochs_between_which_nobody_looks_are_those_that_somebody_watches(engine):
    X, y = table(64)
    runs = [ct.fit(net(dropout=0.2), X, y, epochs=80, batch_size=16, optimizer=ct.optim.AdamW(
                ct.optim.schedules.cosine(1e-2)), engine=engine, callbacks=callbacks) for callbacks in ([], [str])]
    one, other = runs
    assert np.array_equal(one.model.theta, other.model.theta)
    for name in ("loss", "epoch", "lr"):
        assert np.array_equal(one.history[name], other.history[name]), name
    for name in ("loss", "epoch"):
        assert np.array_equal(one.steps[name], other.steps[name]), name
    assert [s["t"] for s in one.past.snapshots] == [s["t"] for s in other.past.snapshots]
    assert (np.diff(one.history["seconds"]) > 0).all()


def test_a_loss_that_is_not_finite_ends_the_same_epoch_whether_or_not_somebody_watches():
    X, y = table(64)
    rate = lambda t: 1e-3 if t < 150 else 1e30  # noqa: E731
    runs = []
    for callbacks in ([], [str]):
        with pytest.warns(TrainingWarning, match=r"\(epoch 38\)"):
            runs.append(ct.fit(net(), X, y, epochs=80, batch_size=16, optimizer=ct.optim.SGD(rate),
                               callbacks=callbacks))
    one, other = runs
    assert one.trouble == other.trouble and one.epochs_done == other.epochs_done == len(one.history) == 37
    assert np.array_equal(one.steps["loss"], other.steps["loss"])


@pytest.mark.parametrize(("batch_size", "steps"), [("full", 1), (50, 1), (1000, 1), (1, 50), (16, 4)])
def test_batch_size_decides_the_steps_of_an_epoch(batch_size, steps):
    X, y = table(50)
    assert len(ct.fit(net(), X, y, epochs=1, batch_size=batch_size).steps) == steps


def test_drop_last_leaves_the_smaller_batch_out():
    X, y = table(50)
    assert len(ct.fit(net(), X, y, epochs=2, batch_size=16, drop_last=True).steps) == 2 * 3


def test_without_shuffling_rows_come_in_their_order():
    X, y = table(40)
    a, b = net().astype("float64"), net().astype("float64")
    ct.fit(a, X, y, epochs=2, batch_size=8, shuffle=False, optimizer=ct.optim.SGD(0.1))
    for _ in range(2):
        for i in range(0, 40, 8):
            ct.losses.mse(b(X[i : i + 8]), y[i : i + 8]).backward()
            b.theta[:] -= 0.1 * b.grad
            b.zero_grad()
    np.testing.assert_allclose(a.theta, b.theta, atol=1e-12)


@pytest.mark.parametrize(("n", "batch_size"), [(23, 5), (20, 5), (7, 100), (1, 1)])
def test_every_row_is_used_once_an_epoch(n, batch_size):
    """With J = sum of w x, an SGD step moves w by the batch's sum: a row seen twice or never would show."""

    class Sum(ct.nn.Module):
        def __init__(self):
            self.w = ct.nn.Parameter((1,), ct.nn.init.zeros)

        def forward(self, x):
            return x * self.w

    model = Sum().astype("float64")
    X = 2.0 ** np.arange(n)[:, None]
    run = ct.fit(model, X, np.zeros(n), loss=lambda z, y: z.sum(), optimizer=ct.optim.SGD(1.0), epochs=1,
                 batch_size=batch_size)
    assert len(run.steps) == -(-n // min(batch_size, n))
    assert -model.theta[0] == 2.0**n - 1


def test_the_order_is_new_each_epoch():
    orders = [stream(5, "batch order", epoch).permutation(23).tolist() for epoch in (1, 2)]
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    ("loss", "y", "n_out"),
    [
        ("mse", "numbers", 1), ("half_mse", "numbers", 1), ("mae", "numbers", 1), ("huber", "numbers", 1),
        ("binary_cross_entropy", "two", 1), ("cross_entropy", "classes", 3), ("cross_entropy", "probabilities", 3),
        ("quantile", "numbers", 3), ("mse", "several", 2), (lambda z, y: ((z - y) ** 2).mean(), "column", 1),
    ],
)
def test_every_loss_falls(loss, y, n_out):
    X, numbers = table(200)
    targets = {
        "numbers": numbers, "column": numbers[:, None], "two": (numbers > 0).astype(int),
        "classes": np.digitize(numbers, [-0.5, 0.5]), "several": np.stack([numbers, -numbers], 1),
        "probabilities": np.eye(3)[np.digitize(numbers, [-0.5, 0.5])],
    }
    run = ct.fit(net(n_out), X, targets[y], loss=loss, optimizer=ct.optim.Adam(1e-2), epochs=10)
    assert run.history["loss"][-1] < 0.7 * run.history["loss"][0]


# ---- validation, early stopping ------------------------------------------------------------------------------------


def test_the_best_weights_by_validation_loss_are_put_back():
    X, y = table(60)
    model = net()
    run = ct.fit(model, X, y, optimizer=ct.optim.SGD(0.35), epochs=30, validation=(X[:20], y[:20]))
    best = int(np.argmin(run.history["val_loss"]))
    assert run.best_epoch == best + 1
    now = float(ct.losses.mse(model(X[:20]), y[:20].astype("float32")).data)
    assert now == pytest.approx(run.history["val_loss"][best], rel=1e-5)
    assert set(run.last) == set(model.state_dict())


def test_early_stopping_waits_so_many_epochs_for_a_better_validation_loss():
    X, _ = table(60)
    rng = np.random.default_rng(1)
    run = ct.fit(net(), X, rng.standard_normal(60), epochs=200, optimizer=ct.optim.Adam(3e-2), validation=0.3,
                 early_stopping=4)
    assert run.epochs_done == run.best_epoch + 4 < 200
    assert "4 epochs" in run.stopped


def test_a_validation_share_is_stratified_for_classes_and_takes_no_part_in_training():
    X, _ = table(100)
    y = np.repeat([0, 1], [90, 10])
    held = []

    def keep(z, y):
        held.append(y)
        return 0.0

    run = ct.fit(net(2), X, y, loss="cross_entropy", epochs=1, batch_size=1, validation=0.2, metrics=keep)
    assert sorted(held[0].tolist()) == [0] * 18 + [1] * 2
    assert len(run.steps) == 80


def test_metrics_are_scored_on_validation_data():
    X, y = table(60)
    model = net()
    run = ct.fit(model, X, y, epochs=2, validation=(X, y), metrics=("r2", "rmse", lambda z, y: 7.0))
    z = model.predict(X)[:, 0]
    at = run.best_epoch - 1
    assert run.history["val_rmse"][at] == pytest.approx(np.sqrt(np.mean((z - y) ** 2)), rel=1e-4)
    assert run.history["val_<lambda>"][0] == 7.0


# ---- weights of samples --------------------------------------------------------------------------------------------


def test_weight_two_equals_the_row_twice_and_zero_equals_absent():
    X, y = table(30)
    w = np.ones(30)
    w[:5], w[5:10] = 2, 0
    twice = np.r_[0:5, 0:5, 10:30]
    models = [net().astype("float64") for _ in range(2)]
    options = {"epochs": 5, "batch_size": "full", "optimizer": ct.optim.SGD(0.1)}
    ct.fit(models[0], X, y, sample_weight=w, **options)
    ct.fit(models[1], X[twice], y[twice], **options)
    np.testing.assert_allclose(models[0].theta, models[1].theta, atol=1e-12)


def test_equal_weights_change_nothing():
    X, y = table(30)
    a, b = net().astype("float64"), net().astype("float64")
    ct.fit(a, X, y, epochs=2)
    ct.fit(b, X, y, epochs=2, sample_weight=np.full(30, 5.0))
    np.testing.assert_allclose(a.theta, b.theta, atol=1e-12)


# ---- kinds of input ------------------------------------------------------------------------------------------------


class TwoInputs(ct.nn.Module):
    def __init__(self):
        self.names = ct.nn.Embedding(5, 3)
        self.out = ct.nn.Linear(7, 1)

    def forward(self, x, who):
        return self.out(ct.ops.concat([x, self.names(who)]))


def test_a_dict_of_inputs_reaches_forward_by_name_and_a_tuple_by_place():
    X, y = table(40)
    who = np.arange(40) % 5
    by_name, by_place = TwoInputs().init(0), TwoInputs().init(0)
    ct.fit(by_name, {"x": X, "who": who}, y, epochs=3, validation=0.2)
    ct.fit(by_place, (X, who), y, epochs=3, validation=0.2)
    assert np.array_equal(by_name.theta, by_place.theta)
    assert by_name.predict({"x": X, "who": who}).shape == (40, 1)


def test_a_memory_map_is_read_in_stages_with_the_same_result(tmp_path, monkeypatch):
    X, y = table(200)
    X32 = X.astype("float32")
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", "float32", X32.shape)
    mapped[:] = X32
    monkeypatch.setattr(ct.train.feeding, "STAGE", 4 * 4 * 50)
    in_memory, staged = net(), net()
    options = {"epochs": 3, "batch_size": 16, "validation": 0.2, "sample_weight": np.linspace(0.5, 1.5, 200)}
    ct.fit(in_memory, X32, y, **options)
    ct.fit(staged, np.load(tmp_path / "X.npy", mmap_mode="r"), y, **options)
    assert np.array_equal(in_memory.theta, staged.theta)


# ---- events, interruption, time ------------------------------------------------------------------------------------


def test_callbacks_hear_typed_events_and_may_stop_the_run():
    X, y = table()
    heard = []

    def listen(event):
        heard.append(type(event))
        if isinstance(event, EpochEnded) and event.epoch == 2:
            event.run.stop("enough")

    run = ct.fit(net(), X, y, epochs=50, callbacks=[listen])
    assert heard == [Started, EpochEnded, EpochEnded, Ended]
    assert (run.epochs_done, run.stopped) == (2, "enough")


def test_ctrl_c_returns_the_model_trained_so_far():
    X, y = table(2000)
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    run = ct.fit(net(), X, y, epochs=10**6, validation=0.1)
    assert run.stopped == "interrupted"
    assert run.epochs_done > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_time_limit_ends_training():
    X, y = table(500)
    run = ct.fit(net(), X, y, epochs=10**6, time_limit=0.2)
    assert "time limit" in run.stopped
    assert 0 < run.epochs_done < 10**6


def test_nothing_is_printed_where_there_is_no_terminal(capfd):
    X, y = table()
    ct.fit(net(), X, y, epochs=2)
    assert capfd.readouterr() == ("", "")


def test_progress_shows_loss_validation_and_epochs(capfd):
    X, y = table()
    ct.fit(net(), X, y, epochs=2, validation=0.2, progress=True)
    err = capfd.readouterr().err
    assert "2/2" in err
    assert "val_loss" in err


# ---- what goes wrong -----------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_keeps_good_weights_and_names_step_layer_and_cause():
    X, y = table()
    model = net()
    with pytest.warns(TrainingWarning, match=r"step \d+ .*layer\d.*learning rate"):
        run = ct.fit(model, X, y, optimizer=ct.optim.SGD(1e30), epochs=5)
    assert np.isfinite(model.theta).all()
    assert "not finite" in run.stopped


def test_with_validation_the_best_weights_come_back_after_a_blow_up():
    X, y = table()

    def jump(event):
        if isinstance(event, EpochEnded) and event.epoch == 3:
            event.run.model.theta[:] = 1e30

    model = net()
    with pytest.warns(TrainingWarning, match="best weights"):
        run = ct.fit(model, X, y, epochs=9, validation=0.2, callbacks=[jump])
    assert run.best_epoch <= 3
    assert np.abs(model.theta).max() < 1e3


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"X": np.full((90, 4), np.nan)}, DataError, "nan at row 0, column 0"),
        ({"y": np.r_[np.inf, np.zeros(89)]}, DataError, "y has inf at row 0"),
        ({"y": np.zeros(80)}, ShapeError, "same number of rows"),
        ({"y": np.zeros((90, 2))}, ShapeError, "outputs of shape"),
        ({"X": np.zeros((90, 5))}, ShapeError, r"layer1 \(Linear 4 -> 8\)"),
        ({"X": np.array([["a"] * 4] * 90)}, DataError, "encode text"),
        ({"y": np.array(["a"] * 90)}, DataError, "ct.Classifier"),
        ({"X": np.zeros((0, 4)), "y": np.zeros(0)}, DataError, "no rows"),
        ({"X": np.zeros(90)}, ShapeError, "reshape"),
        ({"epochs": 0}, ArgumentError, "epochs"),
        ({"batch_size": 0}, ArgumentError, "batch_size"),
        ({"batch_size": 2.5}, ArgumentError, "batch_size"),
        ({"validation": 1.5}, ArgumentError, "validation"),
        ({"early_stopping": 3}, ArgumentError, "needs validation"),
        ({"loss": "mes"}, ArgumentError, "no loss is called 'mes'"),
        ({"loss": "cross_entropy"}, DataError, "class numbers"),
        ({"loss": "cross_entropy", "y": np.arange(90) % 3}, ShapeError, "1 outputs are for classes 0 to 0"),
        ({"loss": "binary_cross_entropy", "y": np.arange(90) % 3}, DataError, "0 to 1"),
        ({"sample_weight": -np.ones(90)}, ArgumentError, "sample_weight"),
        ({"sample_weight": np.ones(3)}, ShapeError, "sample_weight"),
        ({"engine": "gpu"}, ArgumentError, "cpu, portable, reference"),
        ({"metrics": "auc"}, ArgumentError, "no metric"),
        ({"optimizer": "adam"}, ArgumentError, "ct.optim"),
    ],
)
def test_bad_input_gets_a_clear_error_and_changes_nothing(change, error, says):
    X, y = table()
    model = net()
    before = model.theta.copy()
    with pytest.raises(error, match=says):
        ct.fit(model, **({"X": X, "y": y} | change))
    assert np.array_equal(model.theta, before)


def test_drop_last_leaves_batch_norm_no_batch_of_one_row():
    X, y = table(33)
    run = ct.fit(net(norm="batch"), X, y, batch_size=16, drop_last=True, epochs=1)
    assert len(run.steps) == 2


def test_a_network_that_ends_in_softmax_is_refused_under_cross_entropy():
    X, _ = table()
    model = ct.nn.Sequential(ct.nn.Linear(4, 3), ct.nn.Softmax())
    with pytest.raises(ArgumentError, match="ends in softmax"):
        ct.fit(model, X, np.arange(90) % 3, loss="cross_entropy")


def test_a_run_reads_well():
    X, y = table()
    run = ct.fit(net(), X, y, epochs=12, validation=0.2)
    assert "12 of 12 epochs" in repr(run)
    assert "..." in repr(run.history)
    figure = run.plot()
    assert figure.axes[0].get_xlabel() == "epoch"


# ---- several inputs, several outputs ---------------------------------------------------------------------------------


class Pair(ct.nn.Module):
    def __init__(self):
        self.inner = ct.nn.Linear(4, 3)

    def forward(self, a, b):
        return ct.ops.cat([self.inner(a), self.inner(b).sum(dim=1, keepdim=True)], dim=1)


@pytest.mark.parametrize(("X", "says"), [
    (table()[0], r"Pair.forward takes \(a, b\), and X holds 1 input: .*'b'. Several inputs are a tuple of arrays"),
    ((table()[0],) * 3, r"X holds 3 inputs: too many"),
    ({"a": table()[0]}, r"inputs in a dict go to Pair.forward by their names"),
])
def test_inputs_that_do_not_fit_forward_are_told_what_it_takes(X, says):
    with pytest.raises(ArgumentError, match=says):
        ct.fit(Pair(), X, table()[1], epochs=1)


@pytest.mark.parametrize("several", [lambda y: (y, y[:, None]), lambda y: {"a": y, "b": y}])
def test_several_targets_are_one_array(several):
    X, y = table()
    with pytest.raises(ShapeError, match=r"y is one array with .*, got a (tuple|dict) of 2: .*column_stack"):
        ct.fit(net(2), X, several(y), epochs=1)


def test_classes_beside_other_targets_are_columns():
    X, y = table()
    kinds = (X[:, 0] > 0).astype(int)

    def by_number(z, t):
        return ct.losses.cross_entropy(z[:, :3], t[:, 0]) + ct.losses.mse(z[:, 3:], t[:, 1:])

    def by_column(z, t):
        return ct.losses.cross_entropy(z[:, :3], t[:, :3]) + ct.losses.mse(z[:, 3:], t[:, 3:])

    with pytest.raises(ArgumentError, match=r"class numbers must be whole numbers, and these are float.*np.eye"):
        ct.fit(Pair(), (X, X), np.column_stack([kinds, y]), loss=by_number, epochs=1)
    run = ct.fit(Pair().init(0), (X, X), np.column_stack([np.eye(3)[kinds], y]), loss=by_column, epochs=5)
    assert run.history["loss"][-1] < run.history["loss"][0]


def test_a_mask_of_infinities_is_not_taken_for_the_trouble_that_it_makes():
    class Masked(ct.nn.Module):
        def __init__(self):
            self.inner, self.out = ct.nn.Linear(4, 3), ct.nn.Linear(3, 1)

        def forward(self, x):
            scores = self.inner(x)
            return self.out(scores.masked_fill(x[:, :1] > 0, -np.inf).softmax())

    X, y = table()
    with pytest.warns(TrainingWarning, match=r"\(softmax\) is not finite. Likely cause: a mask that leaves no number"):
        ct.fit(Masked().init(0), X, y, epochs=1)


def test_every_callback_hears_of_the_end_whatever_ended_it():
    heard = []

    def fails(event):
        if isinstance(event, EpochEnded):
            raise RuntimeError("no")
        if isinstance(event, Ended):
            raise OSError("nor this")

    X, y = ct.datasets.make("moons", n=40, seed=0)
    listen = lambda event: heard.append((type(event).__name__, event.run.stopped))  # noqa: E731
    with pytest.raises(RuntimeError, match=r"^no$"):
        ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=2, callbacks=[fails, listen])
    assert heard == [("Started", ""), ("Ended", "RuntimeError: no")]


def test_an_error_at_the_end_is_raised_after_all_have_heard_of_it():
    heard = []

    def fails(event):
        if isinstance(event, Ended):
            raise OSError("no")

    X, y = ct.datasets.make("moons", n=40, seed=0)
    with pytest.raises(OSError, match="no"):
        ct.fit(ct.nn.MLP(2, [4], 2).init(0), X, y, loss="cross_entropy", epochs=2, callbacks=[fails, heard.append])
    assert isinstance(heard[-1], Ended) and heard[-1].run.stopped == "all 2 epochs done"
