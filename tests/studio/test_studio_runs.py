"""A run from file to forks, as the page asks for it; and what it says of files and questions it cannot use."""

import io
import json
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

import cutaway as ct
from cutaway.data import npz_files
from cutaway.errors import CutawayError
from cutaway.studio import processes
from cutaway.studio.folder import new_run, run_named, runs
from cutaway.studio.inside import Inside
from cutaway.studio.playground import Ground
from cutaway.studio.processes import Processes
from cutaway.studio.script import script_of
from cutaway.studio.training import RunTraining
from cutaway.studio.worker import Worker

TABLE = "size,zone,price\n" + "\n".join(
    f"{30 + i % 50},{'ABC'[i % 3]},{(30 + i % 50) * (1 + i % 3)}" for i in range(200))

SMALL = {"preset": "fast", "hidden": "6", "batch_size": 32}


def ask(client, run, do, **how):
    return client.post(f"/api/runs/{run}/ask", json={"do": do, **how})


def right(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["right"]


def wait_for(client, run, state):
    deadline = time.monotonic() + 120
    while (about := client.get(f"/api/runs/{run}").json())["state"] != state:
        assert time.monotonic() < deadline and about["state"] != "failed", about
        time.sleep(0.02)
    return about


@pytest.fixture(scope="module")
def run(client):
    """A run that has been trained for 4 epochs of 5 steps or so."""
    name = client.post("/api/files", content=TABLE, headers={"x-name": "flats.csv"}).json()["run"]
    right(ask(client, name, "design", target="price", choices=SMALL | {"epochs": 4}))
    right(ask(client, name, "train"))
    wait_for(client, name, "done")
    return name


def test_columns_are_told_with_their_kinds_and_a_target_is_guessed(client, run):
    found = right(ask(client, run, "understand"))
    assert {c["name"]: c["kind"] for c in found["columns"]} == {"size": "number", "zone": "category", "price": "number"}
    assert found["target"] == "price" and found["columns"][1]["cells"][:3] == ["A", "B", "C"]


def worker(folder, content=b"", name="flats.csv"):
    """What a run's process does, without one."""
    (folder / name).write_bytes(content if name != "flats.csv" else TABLE.encode())
    return Worker(new_run(folder, file=str(folder / name), name=name))


def test_a_kind_that_was_overruled_and_a_choice_are_in_the_design(tmp_path):
    made = worker(tmp_path).design("price", {"size": "category", "zone": "drop"}, {
        "preset": "fast", "hidden": "5,4", "activation": "tanh", "lr": "0.02", "seed": "3"})
    rows = {row[0]: row[1:] for row in made["rows"]}
    assert rows["hidden"][0].startswith("5 and 4, tanh") and rows["hidden"][1] == "as asked"
    assert "lr 0.02" in rows["optimizer"][0] and "zone" in str(made["notes"])
    assert {c["name"]: c["now"] for c in made["controls"]}["seed"] == 3


def test_a_traced_step_is_the_step_that_was_trained(client, run):
    losses = np.frombuffer(client.get(f"/api/runs/{run}/losses?from=0").content)
    for step in (1, 7, len(losses)):
        assert right(ask(client, run, "step", step=step))["J"] == losses[step - 1]


def test_the_thread_leads_from_a_step_to_a_weights_chain_rule_and_update(client, run):
    step = right(ask(client, run, "step", step=3))
    lines = TABLE.splitlines()[1:]
    size, zone, price = lines[step["rows"][2]["row"]].split(",")
    assert step["head"] == ["price", "size", "zone"] and step["rows"][2]["cells"] == [price, size, zone]
    row = right(ask(client, run, "row", step=3, place=2))
    assert row["cells"] == [price, size, zone] and row["given"][0][0] == "size"
    layer = row["layers"][1]
    assert len(layer["drawn"]["weights"]) == len(layer["drawn"]["gradients"]) == len(layer["values"]) == 6
    unit = right(ask(client, run, "unit", step=3, place=2, name=layer["value"], unit=layer["places"][0]))
    assert unit["value"] == layer["values"][0] and "z1[2, 0]" in json.dumps(unit["blocks"])
    weight = unit["weights"][0]
    found = right(ask(client, run, "weight", step=3, name=weight["name"], index=weight["index"]))
    assert found["value"] == weight["value"]
    assert "∂J/∂W1" in found["gradient"][1]["formula"] and found["update"][0]["title"].startswith("Update: ")
    course = right(ask(client, run, "course", name=weight["name"], index=weight["index"]))
    assert course["steps"][2] == 2 and course["values"][2] == found["value"]  # after two steps


def test_a_fork_trains_another_future_from_its_step_on(client, run, studio):
    made = right(ask(client, run, "fork", step=8, change={"kind": "rate", "value": 0.5}))
    assert made["what"] == "lr = 0.5"
    folder, deadline = run_named(studio.home, run), time.monotonic() + 60
    while not any(e["kind"] == "forked" for e in folder.events()[0]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    own, other = (np.frombuffer(folder.losses(fork=fork)) for fork in (0, made["fork"]))
    assert len(own) == len(other) and (own[:8] == other[:8]).all() and (own[8:] != other[8:]).all()
    assert right(ask(client, run, "step", step=12, fork=made["fork"]))["J"] == other[11]
    assert [e for e in folder.events()[0] if e["kind"] == "fork"][-1]["apart"] > 0


def test_a_run_is_there_again_when_its_process_was_ended(client, run, studio):
    before = right(ask(client, run, "step", step=5))
    Processes(studio.home).end(run_named(studio.home, run))
    time.sleep(0.2)
    assert right(ask(client, run, "step", step=5)) == before


SERVES = """import sys
from pathlib import Path
from cutaway.studio.command import serve, socket_on
serve(socket_on(int(sys.argv[1])), Path(sys.argv[2]), None, lambda link: print(link, flush=True))
"""


@contextmanager
def serving(home, port):
    """A studio in a process of its own, which is killed: the process, and the link that opens it."""
    server = subprocess.Popen([sys.executable, "-c", SERVES, str(port), str(home)], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def test_a_server_that_is_killed_loses_nothing_and_the_next_one_knows_its_visitors(tmp_path):
    with serving(tmp_path, 0) as link, httpx.Client(timeout=120, trust_env=False) as first:
        base = link.partition("/start")[0]
        first.get(link)
        headers = {"origin": base, "x-cutaway": first.get(f"{base}/api/home").json()["token"]}
        visitor = httpx.Client(base_url=base, cookies=first.cookies, headers=headers, timeout=120, trust_env=False)
        name = visitor.post("/api/files", content=TABLE, headers={"x-name": "flats.csv"}).json()["run"]
        right(ask(visitor, name, "design", target="price", choices=SMALL | {"epochs": 100_000}))
        right(ask(visitor, name, "train"))
    folder, deadline = run_named(tmp_path, name), time.monotonic() + 60
    try:
        with pytest.raises(httpx.ConnectError):
            visitor.get("/api/home")
        done = len(folder.losses())
        while len(folder.losses()) <= done:  # training goes on
            assert time.monotonic() < deadline
            time.sleep(0.01)
        with serving(tmp_path, int(base.rpartition(":")[2])):
            assert visitor.get(f"/api/runs/{name}").json()["state"] == "training"
            right(ask(visitor, name, "stop"))
    finally:
        visitor.close()
        Processes(tmp_path).end(folder)


@pytest.mark.parametrize(("times", "choices", "networks"), [(1, SMALL, 1), (2, {"preset": "best"}, 5)])
def test_a_stopped_run_goes_on_where_it_stood_and_of_several_networks_all_stop(tmp_path, times, choices, networks):
    head, *lines = TABLE.splitlines()
    one = worker(tmp_path, "\n".join([head, *times * lines]).encode(), "more.csv")
    folder = next(iter(runs(tmp_path, 1)))
    assert one.design("price", {}, choices | {"epochs": 100_000})["networks"] == networks

    def until(done, state=""):
        deadline = time.monotonic() + 60
        while len(folder.losses()) // 8 <= done or folder.settings["state"] == state:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    one.train()
    until(20)
    one.stop()
    until(20, "training")
    done = len(folder.losses()) // 8
    assert folder.settings["state"] == "stopped"
    one.train()
    until(done)
    one.stop()
    until(done, "training")
    told = [e for e in folder.events()[0] if e["kind"] in ("started", "ended")]
    assert [e["kind"] for e in told] == ["started", "ended"] * 2 and told[2]["done"] == told[1]["done"] == done


def test_the_stream_goes_on_after_the_last_event_that_was_heard(client, run):
    def first(last):
        with client.stream("GET", f"/api/events?runs={run}", headers={"last-event-id": last}) as answer:
            lines = answer.iter_lines()
            place = next(line for line in lines if line.startswith("id: "))[4:]
            return place, json.loads(next(lines)[6:])

    place, told = first("")
    assert [e["kind"] for e in told["events"]][:2] == ["started", "epoch"] and told["run"] == run
    offset = int(place.partition(":")[2])
    last_line = len(json.dumps(told["events"][-1])) + 1
    assert first(f"{run}:{offset - last_line}")[1]["events"] == told["events"][-1:]


def packed(**arrays):
    """Arrays as an .npz file."""
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    return made.getvalue()


@pytest.mark.parametrize(("content", "name"), [
    (b"\x00\x01\x02", "a.csv"), (b"PK\x03\x04nothing", "a.xlsx"), (b"x", "a.exe"), (b"", "a.csv"),
    (packed(X=np.zeros((9, 2)), y=np.array([print] * 9, object)), "a.npz"),
    (packed(X=np.zeros((2**18, 8), np.int8), y=np.zeros(2**18, np.int8)), "a.npz")],
    ids=["binary", "workbook", "program", "empty", "pickle", "bomb"])
def test_a_file_that_cannot_be_read_is_told_in_words(tmp_path, monkeypatch, content, name):
    monkeypatch.setattr(npz_files, "MOST_UNPACKED", 2**20)
    with pytest.raises(CutawayError, match=name):
        worker(tmp_path, content, name).understand()


@pytest.mark.parametrize(("question", "says"), [
    ({"do": "step", "step": 10**9}, "has done steps 1 to"), ({"do": "step", "step": "1"}, "a whole number"),
    ({"do": "_leave"}, "cannot be asked"), ({"do": "step"}, "missing"),
    ({"do": "weight", "step": 1, "name": "x", "index": [0]}, "there is no weight"),
    ({"do": "fork", "step": 1, "change": {"kind": "x"}}, "a fork changes one of"),
    ({"do": "row", "step": 1, "place": -1}, "row of the batch"), ({"do": "design"}, "begin another one")])
def test_a_question_that_has_no_answer_is_told_in_words(client, run, question, says):
    answer = client.post(f"/api/runs/{run}/ask", json=question)
    assert answer.status_code == 422 and says in answer.json()["wrong"]


def test_another_run_on_the_file_takes_the_choices_but_those_that_a_cure_changes(client, run):
    other = client.post(f"/api/runs/{run}/again", json={"choices": {"epochs": "9"}}).json()["run"]
    about = client.get(f"/api/runs/{other}").json()
    assert about["choices"] == SMALL | {"epochs": "9"} and about["target"] == "price" and about["state"] == "new"


def test_more_runs_than_may_train_at_a_time_are_refused_with_what_to_do(tmp_path, monkeypatch):
    others = [new_run(tmp_path, file="x.csv", name="x.csv") for _ in range(processes.MOST_AT_WORK)]
    for other in others:
        other.put(state="training")
    monkeypatch.setattr(Processes, "at_work", lambda self: others)
    with pytest.raises(CutawayError, match="stop one of them, or wait"):
        Processes(tmp_path).ask(new_run(tmp_path, file="x.csv", name="x.csv"), {"do": "understand"})


@pytest.fixture(scope="module")
def spirals(tmp_path_factory):
    """A run on made data, trained in this process: and what looks inside it."""
    home = tmp_path_factory.mktemp("spirals")
    made = Ground.asked({"name": "spirals", "rows": 120, "noise": 0.4}).write(home)
    folder = new_run(home, file=str(made), name="spirals.csv")
    folder.put(target="class", columns={}, choices=SMALL | {"epochs": 5, "optimizer": "Momentum", "lr": "0.2"})
    training = RunTraining(folder)
    training.train()
    return training, Inside.on(training)


def test_an_optimizer_that_was_chosen_trains_and_is_in_the_design(spirals):
    training, inside = spirals
    assert ["optimizer", repr(ct.optim.Momentum(0.2)), "as asked"] in list(map(list, training.study.found.design))
    assert "Momentum" in inside.step(2)["title"]


def test_a_plane_shows_what_the_network_says_at_that_step(spirals):
    _, inside = spirals
    early, late = (inside.regions(step) for step in (1, inside.done))
    assert early["features"] == ["x1", "x2"] and early["classes"] == ["A", "B"] and early["said"] != late["said"]
    inside.session.goto(inside.done)
    corner = np.array([[late["across"][0], late["up"][0]]], np.float32)  # the first cell
    z = float(np.ravel(inside.session.model.predict(corner))[0])
    assert late["said"][0] == (z > 0) and late["sure"][0] == pytest.approx(1 / (1 + np.exp(-abs(z))), abs=2e-3)
    with pytest.raises(CutawayError, match="choose two different ones"):
        inside.regions(1, "x1", "x1")


def test_the_script_of_a_session_does_the_same_to_the_same_bits(spirals, capsys):
    training, _ = spirals
    folder = training.folder
    change = {"kind": "weight", "name": "layer1.weight", "index": [0, 1], "value": 2.0}
    folder.put(forks=[{"step": 4, "change": change}])
    names = {}
    exec(compile(script_of(folder), "script.py", "exec"), names)
    assert names["run"].steps["loss"].tobytes() == folder.losses()
    kept = ct.load(folder.path / "model.safetensors").model_
    assert names["study"].estimator.model_.theta.tobytes() == kept.theta.tobytes()
    assert names["fork1"].losses[4] != names["run"].steps["loss"][3]
    assert "layer1.weight[0, 1] = 2" in capsys.readouterr().out


def test_a_run_that_is_done_has_a_report_and_a_model_to_take_home(spirals):
    training, _ = spirals
    told = [event["kind"] for event in training.folder.events()[0]]
    assert told[-2:] == ["scored", "reported"]
    assert "spirals.csv" in (training.folder.path / "report.html").read_text()
    assert ct.load(training.folder.path / "model.safetensors").classes_.tolist() == ["A", "B"]


def test_layers_of_images_are_shown_as_maps_that_open_their_largest_unit(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", X=rng.integers(0, 255, (60, 12, 12), np.uint8), y=np.arange(60) % 2)
    folder = new_run(tmp_path, file=str(tmp_path / "a.npz"), name="a.npz")
    folder.put(choices={"epochs": 1, "batch_size": 16})
    training = RunTraining(folder)
    training.train()
    inside = Inside.on(training)
    row = inside.row(1, 3)
    layer = next(layer for layer in row["layers"] if "conv" in layer["about"])
    assert len(row["picture"]) == 12 and len(layer["maps"]) == min(layer["units"], 32)
    one = layer["maps"][2]
    unit = inside.unit(1, 3, layer["value"], tuple(one["unit"]))
    assert unit["value"] == one["largest"]
    first = unit["weights"][0]  # of the filter, the one with the largest gradient
    t = inside.at(1)
    assert first["index"][0] == one["unit"][-1] and first["value"] == t[first["name"]][tuple(first["index"])]
    assert abs(first["gradient"]) == np.abs(t.grad(first["name"])[first["index"][0]]).max()
