"""The witness: a small process that says who was lost where JAX has ended the process that knew it.

When the first process is gone, JAX ends all others from a thread of its own, at times before a line of Python can run.
This file is run as a script, too: it imports nothing of the package, and ends with the process that began it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress


def connected(address: str) -> socket.socket:
    """A connection to host:port. Raises OSError, and ValueError for what is no address."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=2)


def answers(address: str) -> bool:
    """Whether somebody listens at host:port."""
    try:
        connected(address).close()
    except (OSError, ValueError):
        return False
    return True


class Witness:
    """Says the last words of this process if it ends and nobody listens at the address any more."""

    def __init__(self, address: str) -> None:
        self._words = ""
        self._process = subprocess.Popen([sys.executable, "-I", "-S", __file__, address], stdin=subprocess.PIPE,
                                         stdout=subprocess.DEVNULL)

    def know(self, words: str) -> None:
        """Take these as the last words; "" for none."""
        if words != self._words and self._process.stdin:
            self._words = words
            with suppress(OSError, ValueError):  # it is gone, as where a whole group of processes is told to end
                self._process.stdin.write(json.dumps(words).encode() + b"\n")
                self._process.stdin.flush()

    def leave(self) -> None:
        """End the witness without a word."""
        self.know("")
        with suppress(OSError, ValueError, subprocess.TimeoutExpired):
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait(2)


def testify(address: str) -> None:
    """Read words until the process that writes them is gone, and say the last ones if the address is dead, too."""
    words = ""
    for line in sys.stdin.buffer:
        words = json.loads(line)
    if words and not answers(address):
        os.write(2, f"{words}\n".encode())


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # Ctrl-C goes to all processes of a terminal
        testify(sys.argv[1])
