"""Which of many runs came to their end, and whether somebody asked all to stop."""

from types import SimpleNamespace

import pytest

from cutaway.errors import TrainingError
from cutaway.lab.runs import finished


def run(done=3, stopped="all 3 epochs done", stopping=""):
    return SimpleNamespace(epochs=3, epochs_done=done, stopped=stopped, stopping=stopping)


def test_runs_count_by_groups_of_which_all_are_done():
    done, cut = finished([run(), run(), run(), run(2, "interrupted", "interrupted")], group=2)
    assert (done.tolist(), cut) == ([True, False], "interrupted")


def test_an_interrupt_that_comes_as_the_last_steps_end_is_not_lost():
    """The runs are whole; what goes on with further runs must end all the same."""
    done, cut = finished([run(stopping="interrupted")])
    assert (done.tolist(), cut) == ([True], "interrupted")


def test_where_none_is_done_it_says_why():
    with pytest.raises(KeyboardInterrupt):
        finished([run(1, "interrupted", "interrupted")])
    with pytest.raises(TrainingError, match=r"none of 1 runs .*: J is not finite"):
        finished([run(1, "J is not finite")])
