#!/usr/bin/env bash
# After jax.distributed.initialize, SIGTERM no longer ends a process, nor calls the handler that it had set itself.
#
# Versions: jax and jaxlib 0.10.2 (pinned below), a cluster of one process over loopback.
# Expected: SIGTERM ends a Python process that has set nothing; in one that has set a handler by signal.signal, it calls
#           that handler, and signal.getsignal names who will be called.
# Seen:     initialize starts a service that puts a handler of its own beneath Python's. It notes the signal for those
#           who ask at their next step, and that is all: the process sleeps or computes on, a handler that was set
#           before is never called again, and signal.getsignal still names it. One that is set afterwards is called.
# Matters:  Slurm, Kubernetes, systemd and Docker end a job by SIGTERM and kill it some seconds later: whoever saves
#           the weights in a handler set at the start of the script, or in `finally`, saves nothing. The option
#           jax_enable_preemption_service=False gives the signal back.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cat > "$place/rank.py" <<'PYTHON'
import signal
import sys
import time

import jax

port, when, service = sys.argv[1:]


def save(number, frame):
    raise SystemExit(7)


if when == "before":
    signal.signal(signal.SIGTERM, save)
jax.config.update("jax_enable_preemption_service", service == "on")
jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=1, process_id=0)
if when == "after":
    signal.signal(signal.SIGTERM, save)
elif when == "before":
    assert signal.getsignal(signal.SIGTERM) is save
print("ready", flush=True)
for _ in range(50):  # five seconds
    time.sleep(0.1)
print("the script came to its end", flush=True)
PYTHON
cat > "$place/stop.py" <<'PYTHON'
import signal
import socket
import subprocess
import sys
from importlib.metadata import version

print("jax", version("jax"), "Python", sys.version.split()[0])
seen = {}
for when, service in (("never", "on"), ("before", "on"), ("after", "on"), ("never", "off"), ("before", "off")):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    rank = subprocess.Popen([sys.executable, sys.argv[1], str(port), when, service], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert rank.stdout.readline() == "ready\n"
    rank.terminate()
    rest, _ = rank.communicate(timeout=60)
    seen[when, service] = rank.returncode
    print(f"handler set: {when:6}  service {service:3}  exit {rank.returncode:3}  {rest.strip()}")
assert seen == {("never", "on"): 0, ("before", "on"): 0, ("after", "on"): 7,
                ("never", "off"): -signal.SIGTERM, ("before", "off"): 7}, "SIGTERM is dealt with in another way now"
PYTHON
"$place/venv/bin/python" "$place/stop.py" "$place/rank.py"
