"""cutaway fit and demo, end to end."""

import os
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest

import cutaway as ct
from cutaway.cli import study as study_room
from cutaway.engines.cpu import bfloat

SECTIONS = ["Data", "Design", "Training", "Scores", "Columns that matter", "Time", "Written", "Next"]


def heads(out):
    """The sections of a command's output, in order."""
    return [line.split("  ")[0] for line in out.splitlines() if line.split("  ")[0] in SECTIONS]


def test_regression_from_table_to_files(here, run):
    status, out, err = run("fit", "table.csv", "--target", "price", "--drop", "kind", "--epochs", 3,
                           "--report", "r.html")
    assert (status, err) == (0, "")
    assert heads(out) == SECTIONS
    for said in ("300 rows, 11 columns", "price: a number from", "every row is empty", "left out as asked: kind",
                 "ridge regression", "R²", "RMSE", "median error", "as asked", "model.safetensors", "Slowest:",
                 "cutaway predict model.safetensors table.csv"):
        assert said in out
    assert {"model.safetensors", "r.html", "table.csv"} == set(os.listdir(here))
    assert "ridge regression" in (here / "r.html").read_text(encoding="utf-8")
    assert isinstance(ct.load("model.safetensors"), ct.Regressor)


def test_classification_prints_a_confusion_matrix(here, run):
    status, out, err = run("fit", "table.csv", "-t", "kind", "--drop", "price", "--epochs", 3, "--hidden", "16")
    assert (status, err) == (0, "")
    assert "Confusion" in out and "balanced accuracy" in out and "ROC AUC" in out and "logistic regression" in out
    assert "3 classes" in out


def test_several_targets(here, run):
    status, out, _ = run("fit", "table.csv", "-t", "price", "-t", "area", "--drop", "kind", "--epochs", 3)
    assert status == 0 and "multi-output regression" in out and "Each output" in out
    assert "dropped   2 rows without a target" in out
    status, out, _ = run("fit", "table.csv", "-t", "big", "-t", "far", "--epochs", 3)
    assert status == 0 and "multilabel" in out


def test_scores_are_those_of_the_model_written(here, run, table):
    run("fit", "table.csv", "-t", "price", "--epochs", 3, "--test", 0.25, "--seed", 7)
    model = ct.load("model.safetensors")
    n = len(table)
    parts = ct.data.split(n, (0.1 * 0.75, 0.25), 7)
    from cutaway.files import describe

    test = describe("model.safetensors")["extra"]["findings"]["scores"][-1]
    assert (test["part"], test["rows"]) == ("test", len(parts[-1]))
    assert test["network"]["R²"] == pytest.approx(model.score(table.iloc[parts[-1]], table["price"].iloc[parts[-1]]))


def test_one_seed_one_model_and_quiet_prints_the_verdict_alone(here, run):
    for out in ("a", "b"):
        status, said, err = run("fit", "table.csv", "-t", "price", "--epochs", 3, "-o", f"{out}.safetensors", "--quiet")
        assert status == 0 and err == "" and said.startswith("On the 60 test rows") and said.count("\n") <= 3
    first, second = (ct.load(f"{out}.safetensors").model_.theta for out in ("a", "b"))
    assert np.array_equal(first, second)


def test_groups_stay_together_and_are_no_input(here, run, table):
    status, out, _ = run("fit", "table.csv", "-t", "price", "--group", "owner", "--epochs", 3)
    assert status == 0 and "owner divides the rows and is not an input" in out
    assert "owner" not in ct.load("model.safetensors").feature_names_in_
    assert "no owner on two sides" in " ".join(run("inspect", "model.safetensors")[1].split())


def test_time_tests_on_the_latest(here, run):
    status, _, _ = run("fit", "table.csv", "-t", "price", "--time", "sold", "--epochs", 3)
    assert status == 0 and "the latest by sold" in " ".join(run("inspect", "model.safetensors")[1].split())


def test_options_reach_the_network(here, run):
    run("fit", "table.csv", "-t", "price", "--hidden", "none", "--epochs", 2, "--batch-size", 50, "--lr", 0.5,
        "--loss", "mae", "--threads", 1, "--time-limit", 60)
    design = ct.load("model.safetensors").design_
    assert (design.hidden, design.epochs, design.batch_size, design.lr, design.loss) == ((), 2, 50, 0.5, "mae")


def test_task_can_be_overruled(here, run):
    assert "task      regression" in run("fit", "table.csv", "-t", "big", "--task", "regression", "--epochs", 2)[1]


def test_gap_words_in_a_numeric_target_are_gaps(here, run, table):
    odd = table.astype({"price": object})
    odd.loc[[0, 5], "price"] = "?"
    odd.to_csv("odd.csv", index=False)
    status, out, _ = run("fit", "odd.csv", "-t", "price", "--epochs", 2)
    assert status == 0 and "dropped   2 rows without a target" in out and "task      regression" in out


def test_small_tables_hold_nothing_back_for_validation(here, run, table):
    table.head(60).to_csv("small.csv", index=False)
    status, out, _ = run("fit", "small.csv", "-t", "price", "--epochs", 2)
    assert status == 0 and "48 rows to learn from, 12 for the test" in out and "validation  none" in out


def test_names_cannot_steer_the_terminal(here, run, table):
    odd = table.rename(columns={"area": "ar\x1b[31mea", "zone": "[bold red]zone[/]", "price": "pr\tice"})
    odd.to_csv("odd.csv", index=False)
    status, out, err = run("fit", "odd.csv", "-t", "pr\tice", "--epochs", 2)
    assert status == 0 and "\x1b" not in out + err
    assert r"ar\x1b[31mea" in out and "[bold red]zone[/]" in out and r"pr\tice" in out


def test_interrupted_training_still_scores_and_writes(here, run, monkeypatch):
    train = study_room.Study.train

    def interrupt(before):
        while signal.getsignal(signal.SIGINT) is before:  # what comes before the steps is not what a Ctrl-C keeps
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    def interrupted(self, progress, **checkpoints):
        threading.Thread(target=interrupt, args=(signal.getsignal(signal.SIGINT),), daemon=True).start()
        train(self, progress, **checkpoints)

    monkeypatch.setattr(study_room.Study, "train", interrupted)
    status, out, _ = run("fit", "table.csv", "-t", "price", "--epochs", 1_000_000, "--hidden", "256,256")
    assert status == 0 and "Interrupted" in out and "Scores" in out
    assert isinstance(ct.load("model.safetensors"), ct.Regressor)


def test_a_network_that_diverged_is_not_written(here, run):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        status, _, err = run("fit", "table.csv", "-t", "kind", "--lr", "1e30", "--epochs", 50)
    assert status == 2 and "error: training stopped at step" in err and "lower --lr" in err
    assert os.listdir(here) == ["table.csv"]


def test_a_spent_time_limit_still_gives_a_model(here, run):
    status, out, _ = run("fit", "table.csv", "-t", "kind", "--time-limit", "0.000001")
    assert status == 0 and "time limit" in out and "Written" in out


def test_interrupt_elsewhere_writes_nothing(here, run, monkeypatch):
    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(study_room.Study, "score", interrupted)
    status, _, err = run("fit", "table.csv", "-t", "price", "--epochs", 2)
    assert status == 130 and "Traceback" not in err and os.listdir(here) == ["table.csv"]


def test_demo_does_the_main_job(here, run, monkeypatch):
    monkeypatch.setattr(study_room, "MOST_SHUFFLED", 100)
    status, out, err = run("demo", "--out", "tour", "--epochs", 15)
    assert (status, err) == (0, "")
    assert heads(out) == SECTIONS
    assert sorted(os.listdir("tour")) == ["houses.html", "houses.safetensors"]
    lines = [line.split() for line in out.splitlines()]
    k = next(k for k, line in enumerate(lines) if line[:1] == ["test"])
    assert lines[k][2] == "network" and float(lines[k][3]) >= 0.92
    assert lines[k + 1][0] == "linear" and float(lines[k + 1][1]) > 0.8
    assert "ridge regression" in out and "cutaway fit YOUR.csv --target COLUMN" in out


@pytest.mark.parametrize(("target", "score", "column"), [
    ("kind", "accuracy", "val_accuracy"), ("price", "r2", "val_r2"),
])
def test_the_score_that_chooses_the_weights_can_be_chosen(here, run, target, score, column):
    status, _, _ = run("fit", "table.csv", "-t", target, "--monitor", score, "--epochs", 4)
    history = ct.load("model.safetensors").history_
    assert status == 0 and column in history
    status, _, err = run("fit", "table.csv", "-t", target, "--monitor", "auc")
    assert status == 2 and f"--monitor auc: for this target give loss, {score}" in err


@pytest.mark.skipif(not bfloat.there(), reason="this processor has no products of bf16")
def test_a_precision_is_trained_in_and_kept(here, run):
    status, out, err = run("fit", "table.csv", "-t", "price", "--precision", "bf16", "--epochs", 2)
    assert (status, err) == (0, "") and re.search(r"precision +float32, products in bf16 +as asked", out)
    assert ct.load("model.safetensors").precision == "bf16"


def test_a_precision_that_there_is_not_is_told_which_there_are(here, run):
    status, _, err = run("fit", "table.csv", "-t", "price", "--precision", "half")
    assert status == 2 and "bf16" in err and "float32" in err
