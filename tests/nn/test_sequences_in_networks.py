"""Sequences of different lengths through layers, programs, training and predict. Padding never changes anything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cutaway as ct
from cutaway.errors import ArgumentError, DataError, RecordingError, ShapeError
from cutaway.nn import (
    GELU,
    GRU,
    AvgPool1d,
    BatchNorm1d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool,
    GlobalMaxPool,
    LastState,
    LayerNorm,
    Linear,
    MaxPool1d,
    Module,
    Recurrent,
    Sequential,
    Softmax,
    Tanh,
)
from depth import each_once, examples

pytestmark = pytest.mark.usefixtures("kernels_as_written")

LENGTHS = np.array([3, 1, 6, 4])
both_engines = pytest.mark.parametrize("engine", ["cpu", "reference"])


def garbage(x, lengths, seed=9):
    """The same sequences with other padding."""
    x, rng = x.copy(), np.random.default_rng(seed)
    for row, length in zip(x, lengths, strict=True):
        row[length:] = rng.integers(0, 5, row[length:].shape) if x.dtype.kind == "i" else 100 * rng.normal(
            size=row[length:].shape)
    return x


def some(seed=0, time=6, features=2):
    x = np.random.default_rng(seed).normal(size=(len(LENGTHS), time, features))
    return ct.Sequences(garbage(x, LENGTHS), LENGTHS)


# ---- layers ----------------------------------------------------------------------------------------------------------

STEP_BY_STEP = {
    "linear": (lambda: Linear(2, 3), some()), "layer norm": (lambda: LayerNorm(2), some()),
    "tanh": (Tanh, some()), "gelu": (GELU, some()), "softmax": (Softmax, some()), "dropout": (Dropout, some()),
    "embedding": (lambda: Embedding(5, 3), ct.Sequences(np.random.default_rng(0).integers(0, 5, (4, 6)), LENGTHS)),
    "several": (lambda: Sequential(Linear(2, 3), Tanh(), Linear(3, 2)), some()),
}


@pytest.mark.parametrize("name", STEP_BY_STEP)
def test_layers_of_values_and_features_work_step_by_step(name):
    make, x = STEP_BY_STEP[name]
    layer = make()
    y = layer(x)
    assert isinstance(y, ct.Sequences) and y.lengths.numpy().dtype == np.int32
    np.testing.assert_array_equal(y.lengths.numpy(), LENGTHS)
    np.testing.assert_array_equal(y.values.numpy(), layer(x.values).numpy())


@pytest.mark.parametrize(("layer", "says"), [
    (Flatten(), "padding could not be told from values: use LastState"),
    (BatchNorm2d(2), "it is for images: use BatchNorm1d, which knows where each sequence ends"),
    (MaxPool1d(2), "a window would mix padding with values"), (AvgPool1d(2), "a window would mix padding with values"),
    (Conv2d(2, 2, 1), "a window would mix padding with values"),
])
def test_layers_that_would_ignore_lengths_refuse_sequences(layer, says):
    with pytest.raises(ArgumentError, match=says):
        layer(some())
    with pytest.raises(ArgumentError, match=r"^(layer1|input) \(.*\) takes no Sequences: "):
        Sequential(layer)(some())


def test_operations_say_what_to_do_with_sequences():
    class Square(Module):
        def forward(self, x):
            return ct.ops.square(x)

    with pytest.raises(ArgumentError, match=r"operations take Tensors, got Sequences: calculate with x\.values"):
        Square()(some())


CONVOLUTIONS = {
    "same": {"padding": "same"}, "valid": {}, "strided": {"stride": 2, "padding": 1},
    "strided same": {"stride": 3, "padding": "same"}, "dilated": {"dilation": 2, "padding": 2},
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_over_sequences_is_as_over_each_alone(name):
    layer, lengths = Conv1d(2, 3, 3, **CONVOLUTIONS[name]).init(0).astype("float64"), np.array([3, 5, 8, 7])
    x = np.random.default_rng(0).normal(size=(4, 8, 2))
    y = layer(ct.Sequences(garbage(x, lengths), lengths))
    assert y.lengths.dtype == np.int32
    c = np.random.default_rng(1).normal(size=y.shape)
    parts = [layer(x[i : i + 1, :length]) for i, length in enumerate(lengths)]
    np.testing.assert_array_equal(y.lengths.numpy(), [part.shape[1] for part in parts])
    wanted, inside = 0, np.zeros(y.shape)
    for i, part in enumerate(parts):
        k = part.shape[1]
        np.testing.assert_allclose(y.values.numpy()[i, :k], part.numpy()[0], rtol=1e-12)
        wanted, inside[i, :k] = wanted + (part * c[i : i + 1, :k]).sum(), 1
    wanted.backward()
    alone = layer.grad
    layer.zero_grad()
    (y.values * (c * inside)).sum().backward()
    np.testing.assert_allclose(layer.grad, alone, rtol=1e-10)


def test_a_sequence_shorter_than_the_window_keeps_one_place():
    y = Conv1d(2, 1, 3)(some())
    np.testing.assert_array_equal(y.lengths.numpy(), [1, 1, 4, 2])


@pytest.mark.parametrize(("layer", "join"), [(GlobalAveragePool(), np.mean), (GlobalMaxPool(), np.max)])
def test_global_pooling_sees_each_sequence_s_own_steps(layer, join):
    x = some()
    rows = np.array([join(row, axis=0) for row in x.rows()])
    np.testing.assert_allclose(layer(x).numpy(), rows, rtol=1e-6)


some_lengths = st.lists(st.integers(1, 9), min_size=1, max_size=6)


@settings(max_examples=examples(30), deadline=None)
@given(some_lengths, st.integers(0, 2))
def test_batch_norm_is_by_hand_that_of_all_steps_one_below_the_other(lengths, padding):
    """Mean, variance, running averages and every gradient, whatever stands behind the ends."""
    rng, lengths = np.random.default_rng(sum(lengths)), np.array(lengths)
    x, c = (rng.normal(size=(len(lengths), lengths.max() + padding, 2)) for _ in range(2))
    inside = np.arange(x.shape[1]) < lengths[:, None]
    layer, plain = (BatchNorm1d(2).astype("float64") for _ in range(2))
    for one in (layer, plain):
        one.weight.data[:], one.bias.data[:] = (1.5, -0.7), (0.2, 0.1)
    padded, rows = ct.Tensor(garbage(x, lengths), requires_grad=True), ct.Tensor(x[inside], requires_grad=True)
    with layer.training():
        y = layer(ct.Sequences(padded, ct.Tensor(lengths.astype(np.int32))))
    (y.values * (c * inside[:, :, None])).sum().backward()
    if len(rows) > 1:
        with plain.training():
            z = plain(rows)
        (z * c[inside]).sum().backward()
        for name, buffer in plain.named_buffers():
            np.testing.assert_allclose(getattr(layer, name).data, buffer.data, rtol=1e-9)
    else:  # all is the mean: only the shift is left
        z = ct.Tensor(np.array([[0.2, 0.1]]))
        rows.grad, plain.bias.grad, plain.weight.grad = np.zeros((1, 2)), c[inside][0], np.zeros(2)
    np.testing.assert_allclose(y.values.numpy()[inside], z.numpy(), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(padded.grad[inside], rows.grad, rtol=1e-7, atol=1e-9)
    assert not padded.grad[~inside].any()
    for name, p in plain.named_parameters():
        np.testing.assert_allclose(getattr(layer, name).grad, p.grad, rtol=1e-7, atol=1e-9)


def normed():
    return Sequential(Conv1d(2, 4, 3, padding="same", bias=False), BatchNorm1d(4), Tanh(), Conv1d(4, 5, 3, 2, "same"),
                      BatchNorm1d(5), Tanh(), GlobalAveragePool(), Linear(5, 1))


@settings(max_examples=examples(30), deadline=None)
@given(some_lengths, st.integers(0, 3))
def test_a_convolutional_network_sees_each_sequence_as_if_it_were_alone(lengths, padding):
    rng, net = np.random.default_rng(sum(lengths)), normed().init(0).astype("float64")
    for _, b in net.named_buffers():
        b.data[:] = rng.uniform(0.5, 2, b.shape)
    x = rng.normal(size=(len(lengths), max(lengths) + padding, 2))
    together = net(ct.Sequences(garbage(x, lengths), np.array(lengths))).numpy()
    alone = [net(ct.Sequences(row[None, :k], np.array([k]))).numpy()[0] for row, k in zip(x, lengths, strict=True)]
    np.testing.assert_allclose(together, alone, rtol=1e-10, atol=1e-12)


# ---- programs --------------------------------------------------------------------------------------------------------


def pooled():
    return Sequential(Linear(2, 4), Tanh(), Conv1d(4, 5, 3, stride=2, padding=1), GlobalAveragePool(), Linear(5, 1))


def words():
    return Sequential(Embedding(5, 3), LastState(GRU(3, 4)), Linear(4, 1))


class Two(Module):
    """Sequences beside an array."""

    def __init__(self):
        self.state, self.head = LastState(GRU(2, 4)), Linear(5, 1)

    def forward(self, x, extra):
        return self.head(ct.ops.concat([self.state(x), extra]))


NETWORKS = {
    "lstm": lambda: Recurrent(2, 6, 1, bidirectional=True), "gru": lambda: Recurrent(2, 6, 1, "gru", layers=2),
    "rnn": lambda: Recurrent(2, 6, 1, "rnn"), "pooled": pooled, "normed": normed,
}


def sums(n=120, longest=7, seed=0):
    """Sequences of 1 to `longest` steps, and the sum of their first feature."""
    rng = np.random.default_rng(seed)
    rows = [rng.normal(size=(k, 2)) for k in rng.integers(1, longest + 1, n)]
    return rows, np.array([row[:, 0].sum() / 2 for row in rows])


@pytest.mark.parametrize(("name", "engine"), each_once(NETWORKS, ["cpu", "reference"]))
def test_programs_read_the_lengths_and_learn(name, engine):
    rows, y = sums()
    net = NETWORKS[name]().init(0)
    run = ct.fit(net, rows, y, optimizer=ct.optim.AdamW(2e-2), epochs=15, batch_size=16, validation=0.2,
                 early_stopping=12, engine=engine)
    assert min(run.history["val_loss"]) < 0.35 * run.history["val_loss"][0]
    x, lengths = run.program.engine.listing.inputs
    assert (x.name, lengths.name, lengths.dtype, lengths.shape) == ("x", "lengths", np.dtype("int32"), ())
    out = net.predict(rows, engine=engine)
    np.testing.assert_allclose(out, net(ct.Sequences.from_list(rows)).numpy(), rtol=1e-4, atol=1e-5)
    alone = np.concatenate([net.predict(row[None], engine=engine) for row in rows[:4]])
    if name not in ("pooled", "normed"):  # a strided window at one step's edge sees the same zeros, but needs padding
        np.testing.assert_allclose(alone, out[:4], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "engine"), each_once(NETWORKS, ["reference", "cpu"]))
def test_padding_changes_no_weight(name, engine):
    rows, y = sums(40)
    clean = ct.Sequences.from_list(rows)
    dirty = clean.with_values(garbage(clean.values, clean.lengths))
    gaps = clean.values.copy()
    gaps[np.arange(gaps.shape[1]) >= clean.lengths[:, None]] = np.nan
    longer = ct.Sequences(np.pad(clean.values, ((0, 0), (0, 3), (0, 0))), clean.lengths)
    trained = []
    for X in (clean, dirty, clean.with_values(gaps), longer):
        net = NETWORKS[name]().init(0).astype("float64")
        ct.fit(net, X, y, epochs=2, batch_size=16, engine=engine)
        trained.append(net.theta.copy())
    for other in trained[1:]:
        np.testing.assert_allclose(other, trained[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("name", "engine"), each_once(NETWORKS, ["cpu", "reference"]))
def test_predict_takes_sequences_of_any_length(name, engine):
    net = NETWORKS[name]().init(0)
    rows, y = sums(30)
    ct.fit(net, rows, y, epochs=1, engine=engine)
    for longest in (3, 12):
        others, _ = sums(9, longest, seed=longest)
        np.testing.assert_allclose(
            net.predict(others, batch_size=4, engine=engine), net(others).numpy(), rtol=1e-5, atol=1e-6)
    assert net.predict(ct.Sequences.from_list(rows)[:0], engine=engine).shape == (0, 1)


def test_lists_of_one_length_are_arrays_and_of_several_are_sequences():
    from cutaway.sequences import ragged_to_sequences

    assert ragged_to_sequences([[1.0, 2.0], [3.0, 4.0]]) == [[1.0, 2.0], [3.0, 4.0]]
    assert isinstance(ragged_to_sequences([np.ones((2, 1)), np.ones((3, 1))]), ct.Sequences)
    net = Recurrent(1, 3, 1)
    assert net([np.ones((2, 1)), np.ones((3, 1))]).shape == net([np.ones((3, 1)), np.ones((3, 1))]).shape == (2, 1)


@pytest.mark.parametrize("form", ["tuple", "dict"])
def test_sequences_may_be_one_of_several_inputs(form):
    rows, y = sums(60)
    extra = np.random.default_rng(3).normal(size=(60, 1))
    X = (rows, extra) if form == "tuple" else {"extra": extra, "x": rows}
    net = Two().init(0)
    run = ct.fit(net, X, y + extra[:, 0], optimizer=ct.optim.AdamW(2e-2), epochs=10, batch_size=8, validation=0.2,
                 engine="reference")
    assert run.history["val_loss"][-1] < 0.5 * run.history["val_loss"][0]
    names = [v.name for v in run.program.engine.listing.inputs]
    assert names == (["x1", "x1.lengths", "x2"] if form == "tuple" else ["x.extra", "x.x", "x.x.lengths"])
    assert net.predict(X, engine="reference").shape == (60, 1)


@both_engines
def test_words_of_different_sentences(engine):
    rows = [np.arange(k) % 5 for k in (3, 1, 6, 4, 2, 5)]
    net = words().init(0)
    run = ct.fit(net, rows, np.array([3.0, 1, 6, 4, 2, 5]), epochs=30, batch_size=6, engine=engine,
                 optimizer=ct.optim.AdamW(3e-2))
    assert run.history["loss"][-1] < 0.3 * run.history["loss"][0]
    with pytest.raises(ArgumentError, match="whole numbers from 0 to 4, got 0 to 7"):
        net.predict([np.arange(2)] * 5 + [np.arange(8)], engine=engine)


def test_validation_data_may_be_longer_than_training_data():
    (rows, y), (long, yv) = sums(40), sums(20, longest=11, seed=5)
    run = ct.fit(Recurrent(2, 4, 1).init(0), rows, y, validation=(long, yv), epochs=2, engine="reference")
    assert np.isfinite(run.history["val_loss"]).all()


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path):
    rows, y = sums(40)
    options = {"batch_size": 16, "engine": "reference", "epochs": 4, "seed": 2}
    whole, parts = (Recurrent(2, 4, 1, "gru").init(0) for _ in range(2))
    ct.fit(whole, rows, y, **options)

    def stop(event):
        if getattr(event, "epoch", 0) == 2:
            event.run.stop("enough")

    ct.fit(parts, rows, y, callbacks=[stop], checkpoint=tmp_path, **options)
    ct.fit(parts.init(9), rows, y, checkpoint=tmp_path, resume=True, **options)
    np.testing.assert_array_equal(parts.theta, whole.theta)


@both_engines
def test_sequences_on_disk_come_in_stages(tmp_path, monkeypatch, engine):
    from cutaway.train import feeding

    rows, y = sums(50)
    s = ct.Sequences.from_list(rows)
    np.save(tmp_path / "values.npy", s.values)
    mapped = ct.Sequences(np.load(tmp_path / "values.npy", mmap_mode="r"), s.lengths)
    monkeypatch.setattr(feeding, "STAGE", 2000)
    trained = []
    for X in (s, mapped):
        net = Recurrent(2, 4, 1).init(0).astype("float64")
        ct.fit(net, X, y, epochs=2, batch_size=8, validation=(X, y), engine=engine)
        trained.append(net.theta.copy())
    np.testing.assert_array_equal(*trained)


# ---- what does not fit -----------------------------------------------------------------------------------------------


def test_programs_of_sequences_and_of_arrays_are_not_mixed_up():
    rows, y = sums(10)
    s = ct.Sequences.from_list(rows)
    net = Recurrent(2, 4, 1)
    ragged, full = (ct.compile(net, "mse", batch_size=4, input=X, engine="reference") for X in (s, s.values))
    with pytest.raises(ArgumentError, match="x is an array, but the program was compiled with Sequences"):
        ragged.feed(s.values, y)
    with pytest.raises(ArgumentError, match="x is Sequences, but the program was compiled with an array"):
        full.feed(s, y)
    with pytest.raises(ShapeError, match=r"compiled for rows of shape \(6, 2\), got rows of shape \(2, 7\)"):
        ragged.feed(ct.Sequences(np.ones((10, 2, 7)), np.ones(10, int)), y)
    with pytest.raises(ShapeError, match=r"got rows of shape \(3, 4\)"):  # as many numbers, but another time
        ragged.feed(ct.Sequences(np.ones((10, 3, 4)), np.ones(10, int)), y)
    s.lengths[3] = 99
    with pytest.raises(DataError, match="lengths must lie from 1 to 6, got 1 to 99"):
        ragged.feed(s, y)


def test_rows_must_agree():
    rows, y = sums(10)
    with pytest.raises(ShapeError, match="same number of rows"):
        ct.fit(Recurrent(2, 4, 1), rows, y[:9], engine="reference")


def test_networks_that_end_in_sequences_cannot_be_trained():
    with pytest.raises(RecordingError, match=r"must return one Tensor, got Sequences: end with ct\.nn\.LastState"):
        ct.fit(Sequential(Linear(2, 1)), *sums(10), engine="reference")


def test_gaps_within_sequences_are_found():
    rows, y = sums(10)
    rows[4] = np.full((3, 2), np.nan)
    with pytest.raises(DataError, match="X has nan at row 4"):
        ct.fit(Recurrent(2, 4, 1), rows, y, engine="reference")
