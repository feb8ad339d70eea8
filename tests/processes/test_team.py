"""What processes tell each other, with a store of texts in this one: what they agree on, and who is lost."""

import atexit
import json
import threading

import pytest

from cutaway.distributed.team import Alone, Team
from cutaway.distributed.watch import Lookout
from cutaway.errors import ArgumentError


class Texts(dict):
    """A store as JAX's coordinator keeps one."""

    put = dict.__setitem__

    def folder(self, name):
        return {key.removeprefix(f"{name}/"): text for key, text in self.copy().items() if key.startswith(f"{name}/")}


def compared(*parts):
    """What each of several processes says that compares its parts with the others'."""
    store, said = Texts(), [""] * len(parts)

    def one(rank):
        try:
            Team(rank, len(parts), Lookout(rank, len(parts), store)).compare("what they run", lambda: parts[rank])
        except ArgumentError as error:
            said[rank] = str(error)

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(len(parts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_other_versions_are_refused_in_words_on_every_process():
    first, second, third = compared({"JAX": "0.10.2", "Python": "3.11"}, {"JAX": "0.12.0", "Python": "3.11"},
                                    {"JAX": "0.10.2", "Python": "3.11"})
    assert first == second == third
    assert "do not agree on what they run, so none of them begins. JAX: ranks 0 and 2 have 0.10.2, rank 1 has 0.12.0." \
        in first


def test_what_is_equal_is_let_through():
    assert compared({"JAX": "0.10.2"}, {"JAX": "0.10.2"}) == ["", ""]


def looked(seconds, capfd, waits=True, patience=20.0, **sign):
    """What rank 0 finds of rank 1 in so many seconds in which it waits for all: the last word, and what it printed."""
    store = Texts()
    lookout = Lookout(0, 2, store, patience=patience)
    lookout._meetings, lookout._inside, lookout._since = 5, waits, 0.0
    sign = {"meetings": 4, "inside": False, "busy": False, "pid": 7, "host": "node", "beats": True} | sign
    with lookout.watching("training"):
        for now in range(seconds):
            store["cutaway/signs/1"] = json.dumps(sign | {"beat": now if sign["beats"] else 0})
            lookout._look(float(now))
    return lookout.lost, capfd.readouterr().err


def test_a_process_that_gives_no_sign_is_lost_after_six_seconds(capfd):
    assert looked(6, capfd, beats=False) == ("", "")
    lost, _ = looked(10, capfd, beats=False)
    assert lost.startswith("rank 1 (process 7 on node) was lost: no sign of life for 7 s, so it was killed or stopped.")


def test_a_process_that_works_at_something_else_is_named_and_later_lost(capfd):
    assert looked(8, capfd) == ("", "")
    lost, said = looked(12, capfd)
    assert lost == ""
    assert said == ("cutaway, rank 0: all wait for rank 1 (process 7 on node) since 9 s; it works at something of its "
                    "own. Training ends if it does not come within 20 s.\n")
    assert "all wait for it since 21 s: it is stuck" in looked(30, capfd)[0]


@pytest.mark.parametrize("how", [{"busy": True}, {"inside": True}, {"meetings": 5}, {"waits": False}])
def test_who_is_waited_for_with_reason_is_not_named(capfd, how):
    assert looked(40, capfd, **how) == ("", "")


def test_what_one_says_of_a_third_is_passed_on(capfd):
    store = Texts({"cutaway/over/1": json.dumps({"why": "?", "attempt": 1, "lost": "rank 2 was lost", "who": 2})})
    lookout = Lookout(0, 3, store)
    with lookout.watching("training"):
        lookout._look(0.0)
    assert (lookout.lost, lookout.who) == ("rank 2 was lost", 2)


def test_what_ended_an_earlier_attempt_is_no_matter_now():
    store = Texts({"cutaway/over/1": json.dumps({"why": "DataError", "attempt": 1, "lost": "", "who": 1})})
    lookout = Lookout(0, 2, store)
    for _ in range(2):
        with lookout.watching("getting ready to train"):
            pass
    with lookout.watching("training"):
        lookout._look(0.0)
    assert lookout.lost == ""


def test_who_gave_up_one_attempt_takes_part_in_the_next():
    store = Texts({"cutaway/over/1": json.dumps({"why": "DataError: no", "attempt": 1, "lost": "", "who": 1})})
    lookout = Lookout(0, 2, store)
    with lookout.watching("getting ready to train"):
        lookout._look(0.0)
        assert "rank 1 was lost: DataError: no." in lookout.lost
    with lookout.watching("training"):
        lookout._look(1.0)
        assert lookout.lost == ""


def test_who_gives_up_names_itself_though_another_gave_up_before():
    store = Texts({"cutaway/over/1": json.dumps({"why": "DataError: no", "attempt": 1, "lost": "", "who": 1})})
    lookout = Lookout(0, 2, store)
    with lookout.watching("getting ready to train"):
        lookout._look(0.0)
    with lookout.watching("training"):
        lookout.leave("DataError: X has nan")
    assert json.loads(store["cutaway/over/0"]) == {"why": "DataError: X has nan", "attempt": 2, "lost": "", "who": 0}


@pytest.mark.parametrize(("goes_on", "ended"), [(True, 0), (False, 1)])
def test_who_comes_out_of_a_failure_and_begins_anew_is_not_ended_by_it(monkeypatch, goes_on, ended):
    """The watch waits a moment for the error that a process has by itself."""
    store = Texts({"cutaway/over/1": json.dumps({"why": "DataError: no", "attempt": 2, "lost": "", "who": 1})})
    lookout, ends = Lookout(0, 2, store), []
    monkeypatch.setattr(lookout, "_end", lambda: ends.append(lookout.lost))
    with lookout.watching("an attempt"):
        lookout.leave("ArgumentError: seed")  # which is over by now, and keeps nobody in the next
    first, second = lookout.watching("getting ready to train"), lookout.watching("training")
    first.__enter__()
    lookout._look(0.0)

    def meanwhile(_):
        if goes_on:
            first.__exit__(None, None, None)
            second.__enter__()

    monkeypatch.setattr("cutaway.distributed.watch.time.sleep", meanwhile)
    lookout._get_out()
    assert len(ends) == ended


def test_the_watch_is_over_before_python_ends():
    """A thread that is within JAX's store then aborts the whole process: "FATAL: exception not rethrown"."""
    store = Texts()
    lookout = Lookout(0, 1, store)
    lookout.begin()
    atexit.unregister(lookout._end)
    lookout._end()
    assert not lookout._thread.is_alive()
    assert json.loads(store["cutaway/over/0"])["why"] == "its script is over"


def test_one_process_by_itself_asks_nobody():
    alone = Alone()
    alone.compare("anything", lambda: pytest.fail("nobody is asked"))
    assert (alone.highest(3), alone.of_first(lambda: [1.0])) == ((3, 0), [1.0])
