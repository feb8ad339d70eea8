"""CSV: the history on disk, line by line, to the bit, whatever the run goes through."""

import copy
import csv
import pickle
import signal
import threading

import numpy as np
import pytest
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import cutaway as ct
from cutaway.callbacks import CSV
from cutaway.errors import ArgumentError, FileError
from cutaway.sklearn import MLPClassifier
from cutaway.train import EpochEnded, TrainingWarning

X, y = ct.datasets.make("moons", n=120, seed=0)
HOW = {"loss": "cross_entropy", "batch_size": 40, "epochs": 4}


def net():
    return ct.nn.MLP(2, [4], 2).init(0)


def read(path):
    """A CSV as Python's reader has it: {column: numbers}."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]} if rows else {}


def of(history):
    return {name: column.tolist() for name, column in history.columns().items()}


def stop_after(epoch, how=lambda event: event.run.stop("enough")):
    return lambda event: how(event) if isinstance(event, EpochEnded) and event.epoch == epoch else None


def test_the_file_holds_the_history_to_the_bit(tmp_path):
    run = ct.fit(net(), X, y, **HOW, validation=0.25, metrics="accuracy", callbacks=[CSV(tmp_path / "a.csv")])
    assert read(tmp_path / "a.csv") == of(run.history)
    assert (tmp_path / "a.csv").read_text().startswith("epoch,loss,val_loss,val_accuracy,lr,seconds\n1,")


def test_weights_of_rows_do_not_disturb_it_and_it_does_not_disturb_the_weights(tmp_path):
    w = np.linspace(0, 2, len(X))
    with_it = ct.fit(net(), X, y, **HOW, sample_weight=w, callbacks=[CSV(tmp_path / "a.csv")]).model.theta
    assert (with_it == ct.fit(net(), X, y, **HOW, sample_weight=w).model.theta).all()


def test_each_line_is_there_when_its_epoch_is_over(tmp_path):
    seen = []
    look = lambda event: seen.append(len(read(tmp_path / "a.csv").get("epoch", ())))  # noqa: E731
    ct.fit(net(), X, y, **HOW, callbacks=[CSV(tmp_path / "a.csv"), look])
    assert seen == [0, 1, 2, 3, 4, 4]


def test_a_new_run_writes_the_file_anew(tmp_path):
    tracker = CSV(tmp_path / "a.csv")
    ct.fit(net(), X, y, **HOW, validation=0.25, callbacks=[tracker])
    run = ct.fit(net(), X, y, **HOW, callbacks=tracker)
    assert read(tmp_path / "a.csv") == of(run.history)


def test_a_run_that_goes_on_has_what_was_before_and_not_what_was_beyond(tmp_path):
    ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "run", callbacks=[stop_after(2)])
    (tmp_path / "a.csv").write_text("epoch,loss\n1,9\n2,9\n3,9\n")  # of a run killed later than its checkpoint
    run = ct.fit(net(), X, y, **HOW, checkpoint=tmp_path / "run", resume=True, callbacks=[CSV(tmp_path / "a.csv")])
    assert read(tmp_path / "a.csv") == of(run.history) and len(run.history) == 4


def test_ctrl_c_leaves_the_epochs_that_were_done(tmp_path):
    press = stop_after(2, lambda event: signal.raise_signal(signal.SIGINT))
    run = ct.fit(net(), X, y, **HOW, callbacks=[CSV(tmp_path / "a.csv"), press])
    assert run.stopped == "interrupted" and read(tmp_path / "a.csv") == of(run.history) and len(run.history) == 2


def test_every_fit_of_a_search_has_a_file_of_its_own(tmp_path):
    model = ct.Classifier([4], epochs=2, callbacks=[CSV(tmp_path / "runs" / "*.csv")])
    cross_val_score(model, X, y, cv=3)
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == ["1.csv", "2.csv", "3.csv"]
    assert all(read(p)["epoch"] == [1, 2] for p in (tmp_path / "runs").iterdir())


def test_processes_never_share_a_number(tmp_path):
    Parallel(2)(delayed(ct.fit)(net(), X, y, **HOW, callbacks=[CSV(tmp_path / "*.csv")]) for _ in range(6))
    assert [len(read(tmp_path / f"{k}.csv")["epoch"]) for k in range(1, 7)] == [4] * 6


def test_one_tracker_follows_many_runs_at_a_time(tmp_path):
    tracker = CSV(tmp_path / "*.csv")
    runs = ct.fit_many([{"model": net(), "X": X, "y": y, **HOW, "seed": k, "callbacks": [tracker]} for k in range(3)],
                       workers=3)
    assert sorted(read(p)["loss"] for p in tmp_path.iterdir()) == sorted(of(run.history)["loss"] for run in runs)


def test_two_runs_on_one_file_are_told_apart(tmp_path):
    other = CSV(tmp_path / "a.csv")
    into = stop_after(2, lambda event: ct.fit(net(), X, y, **HOW, callbacks=[other]))
    with pytest.warns(TrainingWarning, match=r"writes no more after epoch 3: another run writes to .*a\.csv too"):
        run = ct.fit(net(), X, y, **HOW, callbacks=[CSV(tmp_path / "a.csv"), into])
    assert run.epochs_done == 4 and len(read(tmp_path / "a.csv")["epoch"]) == 4


def test_a_file_that_can_no_longer_be_written_ends_no_training(tmp_path):
    def lose(event):
        (tmp_path / "a.csv").unlink()
        (tmp_path / "a.csv").mkdir()

    with pytest.warns(TrainingWarning, match="writes no more after epoch 3: Is a directory"):
        assert ct.fit(net(), X, y, **HOW, callbacks=[CSV(tmp_path / "a.csv"), stop_after(2, lose)]).epochs_done == 4


@pytest.mark.parametrize(("path", "kind", "says"), [
    ("nowhere/a.csv", FileError, "create it first"), ("a.json", ArgumentError, "ends in .csv"),
    ("*/*.csv", ArgumentError, "2 stars"),
])
def test_what_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, path, kind, says):
    model = net()
    before = model.theta.copy()
    with pytest.raises(kind, match=says):
        ct.fit(model, X, y, **HOW, callbacks=[CSV(tmp_path / path)])
    assert (model.theta == before).all()


def test_an_estimator_keeps_its_bits_and_is_cloned_copied_and_pickled_with_it(tmp_path):
    plain = ct.Classifier([4], epochs=3).fit(X, y)
    model = ct.Classifier([4], epochs=3, callbacks=[CSV(tmp_path / "a.csv")]).fit(X, y)
    assert (model.predict_proba(X) == plain.predict_proba(X)).all()
    assert read(tmp_path / "a.csv") == of(model.history_)
    for again in (clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert again.callbacks == [CSV(tmp_path / "a.csv")] and again.callbacks is not model.callbacks
        assert (again.fit(X, y).predict_proba(X) == plain.predict_proba(X)).all()


def test_a_tracker_is_copied_in_the_middle_of_a_run(tmp_path):
    tracker, copies = CSV(tmp_path / "a.csv"), []
    keep = stop_after(2, lambda event: copies.append(pickle.loads(pickle.dumps(tracker))))
    ct.fit(net(), X, y, **HOW, callbacks=[tracker, keep])
    assert copies == [tracker]


def test_scikit_learns_networks_take_it_in_fit_and_in_single_passes(tmp_path):
    model = MLPClassifier([4], max_iter=3, random_state=0, callbacks=[CSV(tmp_path / "a.csv")])
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1])
    assert read(tmp_path / "a.csv")["loss"] == model.loss_curve_


def test_it_is_written_from_any_thread(tmp_path):
    how = {**HOW, "callbacks": [CSV(tmp_path / "a.csv")]}
    thread = threading.Thread(target=ct.fit, args=(net(), X, y), kwargs=how)
    thread.start()
    thread.join()
    assert len(read(tmp_path / "a.csv")["epoch"]) == 4
