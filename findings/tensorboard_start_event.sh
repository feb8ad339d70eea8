#!/usr/bin/env bash
# TensorBoard's two readers disagree about which points a resumed run replaces, and neither does what the START event is for.
#
# Versions: tensorboard 2.21.0, protobuf 7.36.2, numpy 2.4.6 (pinned below).
# Expected: a run that goes on from step 4 writes a START event of step 4 first, as PyTorch's SummaryWriter(purge_step=4)
#           does; readers drop what earlier files hold of steps 4 and later, whatever kind of data it is.
# Seen:     EventAccumulator, which scripts use, drops old scalars of the first form (a plain number), and keeps old text and
#           scalars of the second form (a tensor, as TensorFlow 2 and tf.summary write them). The plugins' accumulator, which
#           TensorBoard's own Python server reads with, drops nothing at all if this is the first START event of the run: a
#           run has to write one when it begins, too. Then that one drops all; EventAccumulator still keeps the tensors.
# Matters:  a resumed run shows two values a step, the old one and the new, and what is shown depends on who reads. A writer
#           has to begin every run with a START event, the first one too, and to write scalars as plain numbers.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check \
    tensorboard==2.21.0 protobuf==7.36.2 numpy==2.4.6 setuptools==80.9.0
cat > "$place/resumed.py" <<'PYTHON'
import logging
import sys
import time
from pathlib import Path

import numpy as np
import tensorboard.version
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginsAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.metadata import create_summary_metadata as scalar
from tensorboard.plugins.text.metadata import create_summary_metadata as text
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_ndarray, make_tensor_proto

logging.disable(logging.WARNING)
print("tensorboard", tensorboard.version.VERSION)


def write(folder, steps, start, word):
    writer = EventFileWriter(str(folder))
    if start:
        writer.add_event(Event(wall_time=time.time(), step=steps[0], session_log=SessionLog(status=SessionLog.START)))
    for step in steps:
        values = [
            Summary.Value(tag="plain", simple_value=step),
            Summary.Value(tag="tensor", metadata=scalar("", ""), tensor=make_tensor_proto(np.float32(step))),
            Summary.Value(tag="text", metadata=text("", ""), tensor=make_tensor_proto([word.encode()])),
        ]
        writer.add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=values)))
    writer.close()
    time.sleep(1.1)  # files are read in the order of the seconds in their names


def steps_read(reader, folder):
    found = reader(str(folder)).Reload()
    plain = found.Scalars("plain") if reader is EventAccumulator else found.Tensors("plain")
    return {"plain": [e.step for e in plain], **{tag: [e.step for e in found.Tensors(tag)] for tag in ("tensor", "text")}}


BOTH, NEW = [1, 2, 3, 4, 5, 6, 4, 5], [1, 2, 3, 4, 5]
expected = {
    (False, EventAccumulator): {"plain": NEW, "tensor": BOTH, "text": BOTH},
    (False, PluginsAccumulator): {"plain": BOTH, "tensor": BOTH, "text": BOTH},
    (True, EventAccumulator): {"plain": NEW, "tensor": BOTH, "text": BOTH},
    (True, PluginsAccumulator): {"plain": NEW, "tensor": NEW, "text": NEW},
}
for first_says_start in (False, True):
    folder = Path(sys.argv[1]) / f"run {first_says_start}"
    write(folder, [1, 2, 3, 4, 5, 6], first_says_start, "old")
    write(folder, [4, 5], True, "new")
    print(f"\nSTART when the run begins: {first_says_start}; when it goes on from step 4: True")
    for reader in (EventAccumulator, PluginsAccumulator):
        found = steps_read(reader, folder)
        print(f"  {reader.__module__.rpartition('.')[2]}:", *(f"\n    {tag}: steps {steps}" for tag, steps in found.items()))
        assert found == expected[first_says_start, reader], "this is different now"
PYTHON
"$place/venv/bin/python" "$place/resumed.py" "$place"
