"""The lab's pages: every experiment shows what the library finds, grows in stages, has words, and can be stopped."""

import json
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError, ResourceError
from cutaway.studio import lab
from cutaway.studio.choices import Control, LabChoices
from cutaway.studio.experiments import EXPERIMENTS, read_choices
from cutaway.studio.folder import new_run, run_named
from cutaway.studio.server import STATIC
from cutaway.text import jsonable

SMALL = {
    "descend": {"steps": 12, "optimizers": "SGD, Adam:0.5"}, "escape": {"seeds": 3, "steps": 20},
    "approximation": {"widths": "2, 4", "depths": "2", "seeds": 1, "steps": 60}, "hinges": {"steps": 60},
    "bend": {"seeds": 1, "steps": 30}, "boundary": {"epochs": 3}, "collapse": {"inputs": 2},
    "landscape": {"epochs": 1, "points": 9}, "between": {"epochs": 1, "points": 9},
    "trajectory": {"epochs": 1, "points": 7, "optimizers": "SGD"}, "race": {"seeds": 1, "budget": 1, "epochs": 1,
                                                               "optimizers": "SGD, Adam"},
    "lr_find": {"steps": 30}, "batch_size": {"epochs": 1}, "batches": {"epochs": 1, "runs": 1, "sizes": "full"},
    "shuffling": {"epochs": 1, "runs": 1}, "scaling": {"sizes": "40", "seeds": 1},
}
WORDS = (STATIC / "words.js").read_text(encoding="utf-8").partition("\n  ar: {")
KNOWN = [set(re.findall(r'(?:^|, |\{ )\s*(\w+): "', part, re.MULTILINE)) for part in (WORDS[0], WORDS[2])]


def perform(name, **given):
    """What an experiment shows: the words, pictures and share done of each stage."""
    shown = []
    asked = LabChoices(read_choices(name, SMALL[name] | given), {})
    EXPERIMENTS[name][0](asked, lambda found, panels, done: shown.append((str(found), jsonable(panels), done)))
    return shown


@pytest.mark.parametrize("name", [name for name in EXPERIMENTS if name != "features"])
def test_an_experiment_grows_to_its_end_in_pictures_that_can_be_drawn_and_words_that_are_known(name):
    shown = perform(name)
    words = {f"lab_{name}", f"lab_{name}_says"}
    assert shown[-1][2] == 1 and [one[2] for one in shown] == sorted(one[2] for one in shown)
    for one in shown[-1][1]:
        words |= {one["title"], one["x"], one["y"]}
        if "z" in one:
            assert np.shape(one["z"]) == (len(one["up"]), len(one["across"]))
        for line in one.get("curves", ()):
            assert len(line["x"]) == len(line["y"]) > 0
    words |= {f"{c.name}_list" if c.kind == "numbers" else c.name for c in EXPERIMENTS[name][1]}
    plain = words - {"x", "y", "x0", "x1", "val_loss"}
    assert all(plain <= known for known in KNOWN), plain - KNOWN[0] | plain - KNOWN[1]


def test_features_have_a_page_too():
    assert "digits" in [choice.first for choice in EXPERIMENTS["features"][1]]
    assert all({"lab_features", "lab_features_says", "selectivity", "share_explained"} <= known for known in KNOWN)


def test_what_is_shown_is_what_the_library_finds():
    words, panels, _ = perform("descend")[-1]
    found = ct.lab.descend("ravine", {"SGD": ct.optim.SGD(ct.lab.descend("ravine", steps=1)["SGD"].optimizer.lr),
                                      "Adam": ct.optim.Adam(0.5)}, steps=12)
    assert words == str(found)
    for line, path in zip(panels[1]["curves"], found.paths, strict=True):
        assert line["label"] == path.name and line["y"] == path.loss.tolist()


def test_own_data_are_read_as_the_run_read_them(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("a,b,kind\n" + "\n".join(f"{k},{k % 7},{'xy'[k % 2]}" for k in range(60)))
    asked = LabChoices(read_choices("boundary", {}) | {"data": "0123456789ab"}, {"0123456789ab": (str(path), "kind")})
    assert asked.about.names == ["kind"] and len(asked.about.y) == 60


@pytest.mark.parametrize(("name", "given", "says"), [
    ("dance", {}, "there is no experiment"), ("race", {"speed": 1}, "there is no choice 'speed'"),
    ("race", {"epochs": "many"}, "a whole number from 1 to 200"), ("escape", {"lr": "nan"}, "a number from"),
    ("bend", {"activation": "bend"}, "choose one of"), ("escape", {"sizes": "1, two"}, "sizes 'two'"),
    ("descend", {"surface": "x" * 300}, "longer than 200"), ("race", [], "names with numbers or words")])
def test_choices_that_cannot_be_are_refused_before_anything_runs(name, given, says):
    with pytest.raises(ArgumentError, match=says):
        read_choices(name, given)


def test_an_empty_field_is_what_stood_there_at_first():
    assert Control("epochs", 20).read("") == 20 and Control("sizes", "1, full", "numbers").read(None) == [1, np.inf]


def test_an_experiment_that_is_stopped_has_shown_what_it_knew(tmp_path):
    labs = lab.LabProcesses(tmp_path)
    run = labs.begin("approximation", {"widths": "1, 2, 4, 8, 16", "seeds": 5, "steps": 20_000, "depths": "2"})["run"]
    folder, deadline = run_named(tmp_path, run), time.monotonic() + 120
    while not (folder.path / "events.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    labs.stop(run)
    while folder.settings["state"] != "over" and time.monotonic() < deadline:
        time.sleep(0.02)
    events = [json.loads(line) for line in (folder.path / "events.jsonl").read_text().splitlines()]
    assert [events[0]["kind"], events[-1]] == ["shown", {"kind": "over", "why": "stopped"}]
    assert events[0]["words"][0].startswith("sin(3 * x): from 1 to 1 ReLUs")


def test_more_experiments_than_the_studio_lets_and_data_that_are_not_there_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ArgumentError, match="there are no data"):
        lab.LabProcesses(tmp_path).begin("boundary", {"data": "/etc/passwd"})
    monkeypatch.setattr(lab, "MOST_LABS", 0)
    with pytest.raises(ResourceError, match="stop one of them"):
        lab.LabProcesses(tmp_path).begin("collapse", {})
    run = new_run(tmp_path, name="a.csv", file="a.csv")
    with pytest.raises(ArgumentError, match="not an experiment"):
        lab.LabProcesses(tmp_path).stop(run.name)


def test_a_process_that_ends_without_a_word_and_folders_that_are_long_over_are_not_left(tmp_path, monkeypatch):
    labs = lab.LabProcesses(tmp_path)
    monkeypatch.setattr(lab, "MOST_LABS_KEPT", 1)
    folders = [new_run(tmp_path, lab="collapse", name="collapse", choices={}) for _ in range(3)]
    (folders[0].path / "worker.log").write_text("Killed\n")
    for folder in folders:
        labs._await(SimpleNamespace(wait=lambda: -9), folder)
    assert folders[0].events()[0] == [{"kind": "over", "why": "the experiment's process ended: Killed"}]
    labs._forget()
    assert sum(folder.path.exists() for folder in folders) == 1


def test_what_a_page_asks_of_an_experiment_is_performed_and_told_in_its_folder(tmp_path):
    folder = new_run(tmp_path, lab="collapse", name="collapse", choices={"inputs": "2"})
    lab.perform(folder)
    (first, over), _ = folder.events()
    assert (first["kind"], first["done"], over) == ("shown", 1.0, {"kind": "over", "why": "done"})
    wrong = new_run(tmp_path, lab="descend", name="descend", choices={"surface": "x +"})
    lab.perform(wrong)
    assert wrong.settings["state"] == "over" and wrong.events()[0][-1]["why"] not in ("done", "stopped")
