"""TensorBoard: what its own reader makes of the files, of new runs, of those that go on, of several in a folder."""

import pickle
import signal

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import cutaway as ct
from cutaway.callbacks import TensorBoard
from cutaway.callbacks.tensorboard import new_file
from cutaway.errors import ArgumentError, FileError
from cutaway.train import EpochEnded

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as Shown
from tensorboard.util.tensor_util import make_ndarray

X, y = ct.datasets.make("moons", n=120, seed=0)
HOW = {"loss": "cross_entropy", "batch_size": 40, "epochs": 4}


def net():
    return ct.nn.MLP(2, [4], 2).init(0)


def read(folder):
    """What others read with TensorBoard's reader."""
    return EventAccumulator(str(folder)).Reload()


def curve(seen, tag):
    return [event.step for event in seen.Scalars(tag)], [event.value for event in seen.Scalars(tag)]


def text(folder, tag):
    """What TensorBoard itself shows (the other reader drops no texts that were overwritten)."""
    return [make_ndarray(event.tensor_proto).item().decode() for event in Shown(str(folder)).Reload().Tensors(tag)]


def stop_after(epoch, how=lambda event: event.run.stop("enough")):
    return lambda event: how(event) if isinstance(event, EpochEnded) and event.epoch == epoch else None


def test_its_reader_finds_every_column_of_the_history(tmp_path):
    run = ct.fit(net(), X, y, **HOW, validation=0.25, metrics="accuracy", callbacks=[TensorBoard(tmp_path / "run")])
    seen = read(tmp_path / "run")
    assert sorted(seen.Tags()["scalars"]) == ["loss", "lr", "seconds", "val_accuracy", "val_loss"]
    for tag in seen.Tags()["scalars"]:
        assert curve(seen, tag) == ([1, 2, 3, 4], run.history[tag].astype(np.float32).tolist())


def test_texts_hold_settings_and_outcome_in_full(tmp_path):
    run = ct.fit(net(), X, y, **HOW, validation=0.25, seed=7, callbacks=[TensorBoard(tmp_path / "run")])
    (settings,), (outcome,) = (text(tmp_path / "run", tag) for tag in ("settings", "outcome"))
    assert "| seed | 7 |" in settings and "| optimizer | AdamW(" in settings
    assert f"| best_val_loss | {run.history['val_loss'][run.best_epoch - 1]} |" in outcome
    assert "| stopped | all 4 epochs done |" in outcome


def test_an_estimator_writes_its_design_too_and_keeps_its_bits(tmp_path):
    plain = ct.Classifier([4], epochs=2).fit(X, y)
    model = ct.Classifier([4], epochs=2, callbacks=[TensorBoard(tmp_path / "run", weights=1)]).fit(X, y)
    assert (model.predict_proba(X) == plain.predict_proba(X)).all()
    (design,) = text(tmp_path / "run", "design")
    assert "warm-up 10%, then a cosine" in design and all(line.startswith("    ") for line in design.splitlines())
    again = clone(pickle.loads(pickle.dumps(model)))
    assert again.callbacks == model.callbacks and (again.fit(X, y).predict_proba(X) == plain.predict_proba(X)).all()


def test_histograms_of_weights_come_every_so_many_epochs(tmp_path):
    run = ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / "run", weights=3)])
    events = read(tmp_path / "run").Tensors("weights/layer1.weight")
    assert [event.step for event in events] == [3, 4]
    low, high, counts = make_ndarray(events[-1].tensor_proto).T
    W = run.model.state_dict()["layer1.weight"]
    assert counts.sum() == W.size and np.isclose(low[0], W.min()) and np.isclose(high[-1], W.max())


def test_a_run_that_goes_on_overwrites_what_lies_beyond_its_checkpoint(tmp_path):
    ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "c", callbacks=[stop_after(2)])
    killed = ct.fit(net(), X, y, **{**HOW, "seed": 1}, callbacks=[TensorBoard(tmp_path / "run")])  # at epoch 4
    run = ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "c", resume=True, callbacks=[TensorBoard(tmp_path / "run")])
    steps, values = curve(read(tmp_path / "run"), "loss")
    before, after = killed.history["loss"][:2], run.history["loss"][2:]
    assert steps == [1, 2, 3, 4] and values == [*before.astype(np.float32), *after.astype(np.float32)]
    assert len(text(tmp_path / "run", "outcome")) == 1


def test_a_new_run_overwrites_the_one_before_however_long_that_was(tmp_path):
    ct.fit(net(), X, y, **{**HOW, "epochs": 9}, callbacks=[TensorBoard(tmp_path / "run")])
    run = ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / "run")])
    assert curve(read(tmp_path / "run"), "loss") == ([1, 2, 3, 4], run.history["loss"].astype(np.float32).tolist())


def test_a_reader_that_is_open_sees_epochs_as_they_end_and_forgets_what_was_overwritten(tmp_path):
    seen, steps = EventAccumulator(str(tmp_path / "run")), []
    look = lambda event: steps.append(len(seen.Reload().Scalars("loss")))  # noqa: E731
    for _ in range(2):
        ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / "run"), stop_after(2, look), stop_after(4, look)])
    assert steps == [2, 4, 2, 4]


def test_files_are_read_in_the_order_in_which_they_were_begun(tmp_path):
    names = []
    for _ in range(12):
        names.append(new_file(tmp_path).name)
        (tmp_path / names[-1]).touch()
    assert names == sorted(names) and len(set(names)) == 12


def test_ctrl_c_leaves_a_whole_file(tmp_path):
    press = stop_after(2, lambda event: signal.raise_signal(signal.SIGINT))
    ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / "run"), press])
    assert curve(read(tmp_path / "run"), "loss")[0] == [1, 2]
    assert "| stopped | interrupted |" in text(tmp_path / "run", "outcome")[0]


def test_an_error_of_another_callback_is_written_down(tmp_path):
    def fails(event):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / "run"), stop_after(2, fails)])
    assert "| stopped | RuntimeError: no |" in text(tmp_path / "run", "outcome")[0]


def test_each_fit_of_a_search_has_a_folder_of_its_own(tmp_path):
    model = ct.Classifier([4], epochs=2, callbacks=[TensorBoard(tmp_path / "*")])
    cross_val_score(model, X, y, cv=3)
    assert [curve(read(tmp_path / str(k)), "loss")[0] for k in (1, 2, 3)] == [[1, 2]] * 3


@pytest.mark.parametrize(("folder", "weights", "kind", "says"), [
    ("run.csv", None, ArgumentError, "promises a table"), ("run", 0, ArgumentError, "weights"),
    ("taken/run", None, FileError, "no event file can be written"),
])
def test_what_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, folder, weights, kind, says):
    (tmp_path / "taken").touch()
    with pytest.raises(kind, match=says):
        ct.fit(net(), X, y, **HOW, callbacks=[TensorBoard(tmp_path / folder, weights)])
