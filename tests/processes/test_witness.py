"""A witness says the last words of a process that was ended, where the first process is gone too, and nothing else."""

import socket
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from cutaway.distributed.witness import Witness
witness = Witness(sys.argv[1])
for words in sys.argv[3:]:
    witness.know(words)
sys.stdin.read()
witness.leave() if sys.argv[2] == "leaves" else os._exit(1)
"""


def said(*words, alive=False, way="dies"):
    """What is said where a process knew these words, one after the other, and died or left. alive: the first lives."""
    first = socket.create_server(("127.0.0.1", 0))
    command = [sys.executable, "-c", SCRIPT, f"127.0.0.1:{first.getsockname()[1]}", way, *words]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not alive:
        first.close()
    text = process.communicate()[1]  # until the witness, which has the same stderr, is gone too
    first.close()
    return text


def test_the_last_words_are_said_where_both_are_gone():
    assert said("rank 0 was lost.") == "rank 0 was lost.\n"
    assert said("something else", "rank 0 was löst.") == "rank 0 was löst.\n"


@pytest.mark.parametrize("how", [
    {"alive": True}, {"way": "leaves"}, {"words": ("rank 0 was lost.", "")}, {"words": ()},
], ids=["the first process lives", "it leaves", "it has nothing to say any more", "it never had"])
def test_nothing_is_said_otherwise(how):
    assert said(*how.pop("words", ("rank 0 was lost.",)), **how) == ""
