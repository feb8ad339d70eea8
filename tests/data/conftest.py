"""What the tests of hostile files share: a process that reads them in little memory, and sees what else is done."""

import json
import subprocess
import sys

import pytest

#: Reads every path in a process of its own: what came of each, and what happened that should not have.
CHILD = """
import json, resource, sys
import numpy, pandas, PIL.Image
import cutaway.data
from cutaway.data.pillow import PLUGINS
from cutaway.errors import CutawayError

now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + int(sys.argv[2]),) * 2)
allowed = {f"PIL.{plugin}ImagePlugin" for plugin in PLUGINS}
done = set()

def watch(event, about):
    if event.startswith(("os.system", "os.exec", "os.fork", "os.posix_spawn", "subprocess.", "socket.", "pickle.")):
        done.add(event)
    elif event == "import" and about[0].endswith("ImagePlugin") and about[0] not in allowed:
        done.add(about[0])
    elif event == "open" and isinstance(about[2], int) and about[2] & 3:
        done.add(f"writes {about[0]}")

sys.addaudithook(watch)
answers = {}
for path in sys.argv[3:]:
    try:
        answers[path] = repr(getattr(cutaway.data, sys.argv[1])(path))
    except CutawayError as problem:
        answers[path] = f"{type(problem).__name__}: {problem}"
print(json.dumps([answers, sorted(done)]))
"""


@pytest.fixture
def read_in_a_child(tmp_path):
    """Reads files of `tmp_path` with a function of cutaway.data in a process with `spare` bytes of memory to fill.

    Gives what came of each file, its repr or the error. Whatever else is raised fails, as does a process started, a
    connection, a file written, an unpickled name, and a part of Pillow loaded for a format that we do not read.
    """

    def read(reader, names, spare):
        given = [sys.executable, "-c", CHILD, reader, str(spare), *names]
        ended = subprocess.run(given, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr
        answers, done = json.loads(ended.stdout)
        assert done == []
        return answers

    return read
