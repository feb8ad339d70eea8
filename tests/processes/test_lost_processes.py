"""A process that is interrupted, killed or stopped is named by its rank; the run goes on to the same bits."""

import json
import signal
import time

import pytest
from launch import begin, found

pytest.importorskip("jax")
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system stops no process by a signal")
SCRIPT = "one_is_lost.py"


def checkpoints(folder):
    return sorted(path.name for path in (folder / "kept").glob("step-*"))


def ended(processes, waits_for):
    """Wait for one of several processes, and end those that are left: with which code it ended."""
    try:
        return processes[waits_for].wait(timeout=300)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def said_at_last(path, words):
    """What a process wrote of its errors, with what its witness adds a moment after its end."""
    end = time.monotonic() + 20
    while words not in path.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    return path.read_text()


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What runs left: undisturbed in one process; of two, Ctrl-C in one, which is then killed; of two, one stopped."""
    whole, killed, stopped = (tmp_path_factory.mktemp(name) for name in ("whole", "killed", "stopped"))
    lost = f"1:{int(signal.SIGINT)} 1:{int(signal.SIGKILL)}"
    runs = [begin(SCRIPT, 1, whole), begin(SCRIPT, 2, killed, cluster="MPI", LOST=lost),
            begin(SCRIPT, 2, stopped, LOST=f"1:{int(signal.SIGSTOP)}")]
    codes = [ended(run, 0) for run in runs]
    said = [(folder / "errors-0.txt").read_text() for folder in (whole, killed, stopped)]
    return (whole, killed, stopped), list(zip(said, codes, strict=True))


def test_an_interrupt_in_one_ends_the_training_of_all(folders):
    """It returned the run so far on each, and a second call went on from its checkpoint."""
    (_, killed, _), _ = folders
    assert json.loads((killed / "rank-0.json").read_text())["stopped"] == ["rank 1 was told to stop"]


def test_a_killed_process_is_named_by_an_error(folders):
    (_, killed, _), said = folders
    errors, code = said[1]
    assert code == 1
    told = json.loads((killed / "rank-0.json").read_text())["error"]
    assert told.startswith("rank 1 (process ")
    assert "was lost: no sign of life" in told
    assert "resume=True" in told
    assert told in errors


def test_a_stopped_process_is_named_and_the_others_end(folders):
    _, said = folders
    errors, code = said[2]
    assert code == 1
    assert "rank 1 (process " in errors
    assert "so it was killed or stopped" in errors


def test_the_first_process_killed_is_named_and_three_go_on_to_the_bits_of_one_that_nothing_disturbed(folders):
    (whole, killed, _), _ = folders
    before = checkpoints(killed)
    assert ended(begin(SCRIPT, 2, killed, LOST=f"0:{int(signal.SIGKILL)}"), 1) != 0
    said = said_at_last(killed / "errors-1.txt", "cutaway, rank 1: rank 0 (process ")
    assert "cutaway, rank 1: rank 0 (process " in said
    assert "was lost: it was killed, or its machine is gone" in said
    assert before < checkpoints(killed) < ["step-000000360.safetensors"]
    assert found(begin(SCRIPT, 3, killed), killed) == [json.loads((whole / "rank-0.json").read_text())] * 3
