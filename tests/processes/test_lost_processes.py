"""A process that is killed or stopped in training is named by its rank, and the run goes on to the same bits."""

import json
import os
import signal

import pytest
from launch import begin, found

pytest.importorskip("jax")
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system stops no process by a signal")
SCRIPT = "one_is_lost.py"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """What three runs left: undisturbed in one process; one of two processes killed; one of two stopped."""
    whole, killed, stopped = (tmp_path_factory.mktemp(name) for name in ("whole", "killed", "stopped"))
    runs = [begin(SCRIPT, 1, whole), begin(SCRIPT, 2, killed, LOST=f"1:{int(signal.SIGKILL)}"),
            begin(SCRIPT, 2, stopped, LOST=f"1:{int(signal.SIGSTOP)}")]
    try:
        codes = [run[0].wait(timeout=300) for run in runs]
    finally:
        for run in runs:
            run[-1].kill()
            run[-1].wait()
    said = [(folder / "errors-0.txt").read_text() for folder in (whole, killed, stopped)]
    return (whole, killed, stopped), list(zip(said, codes, strict=True))


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


def test_four_processes_go_on_to_the_bits_of_one_that_nothing_disturbed(folders):
    (whole, killed, _), _ = folders
    kept = sorted(os.listdir(killed / "kept"))
    assert kept
    assert kept[-1] < "step-000000450"
    (killed / "rank-0.json").unlink()
    runs = found(begin(SCRIPT, 4, killed), killed)
    undisturbed = json.loads((whole / "rank-0.json").read_text())
    assert runs == [undisturbed] * 4
