"""cutaway step: what a user types, and what a terminal then shows."""

import io
import os
import re
import select
import subprocess
import sys
import time

import pytest

import cutaway as ct
from cutaway.cli.step import moons
from cutaway.cli.stepper import Stepper
from depth import every

pty = pytest.importorskip("pty")


@pytest.fixture
def typed(run, monkeypatch):
    """typed("n", "b", ...) -> the output of `cutaway step` that got these lines through a pipe."""

    def call(*lines, args=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        status, out, err = run("step", *args)
        assert (status, err) == (0, "") and "Traceback" not in out
        return out

    return call


def test_the_first_contact_says_what_it_is_and_what_comes(typed):
    out = typed()
    for text in ("two moons", "200 points, 25 a step", "Nothing has run yet", "help lists all", "step 1 of 160"):
        assert text in " ".join(out.split())
    assert re.search(r"next\s+0 load\s+batch", out)


def test_a_step_instruction_by_instruction(typed):
    out = typed("n", "", "p", "", "", "", "")
    order = ["load: a batch of rows", "n = 25: rows", "x (25 × 2)", "forward: each layer", "z1 (25 × 4)",
             "a1 (25 × 4) 0 to", "loss: how wrong", "J = 0.", "backward: the same", "dW2 (2 × 4)",
             "update: the optimizer", "all are finite", "‖θ‖ was", "step 1 of 160, epoch 1 of 20, done"]
    found = [out.find(text) for text in order]
    assert -1 not in found and found == sorted(found), dict(zip(order, found, strict=True))


def test_back_shows_what_is_undone_and_the_same_numbers_again(typed):
    out = typed("n 4", "v z1 0 0", "b", "v z1 0 0", "n", "v z1 0 0", "b 9")
    values = re.findall(r"z1\[0, 0\] = (\S+)", out)
    assert len(values) == 2 and values[0] == values[1]
    assert "instruction 3 of step 1, linear, is undone" in out and "layer1.z is not there yet" in out
    assert "This is the beginning." in out


def test_steps_epochs_runs_and_places(typed):
    out = typed("s", "e", "run 10", "g 3", "goto 999", "run", "n", "p")
    for text in ("step 1 is done", "epoch 1 is done", "10 steps done", "step 3 of 160", "from 1 to 160",
                 "the run is over"):
        assert text in out
    s = moons(25, 0)
    s.run()
    assert f"J {s.losses[160]:.4g}" in out


def test_watches_and_breakpoints(typed):
    out = typed("w layer1.weight 0 1", "s", "w layer1.weight[0, 1]", "break loss < 0.3", "break layer1.weight 0 1 > 9",
                "break", "r", "clear 0", "break what", "clear 7")
    assert re.search(r"layer1.weight\[0, 1\] = -?\d\S+, was", out) and "no longer watched" in out
    assert re.search(r"step \d+: loss < 0.3: loss is 0\.\d+", out)
    assert "1  layer1.weight[0, 1] > 9" in out and "no condition" in out and "no breakpoint 7" in out


def test_changes_are_said_and_logged(typed):
    out = typed("s", "set layer1.weight 0 1 0.5", "freeze layer1.weight 0 1", "kill layer1 2", "lr 0.1",
                "optimizer adam 0.01", "s", "v layer1.weight 0 1", "v a1", "log", "undo", "optimizer",
                "revive layer1 2", "unfreeze layer1.weight", "lr")
    assert out.count("layer1.weight[0, 1] = 0.5, was -1.3") == 2 and "layer1.weight[0, 1] = 0.5\n" in out
    assert out.count("neuron 2 of layer1 is killed") == 2 and "m, v from zero" in out
    assert "undone: the optimizer is Adam" in " ".join(out.split()) and "SGD(lr=0.1)" in out and "lr = 0.1" in out


def test_two_futures_side_by_side(typed):
    out = typed("run 5", "fork", "kill layer1 0", "compare 10", "g 1", "compare 3")
    assert "forked at step 5" in out and "they part at step 6" in out and "layer2.bias" in out


def test_samples_of_a_batch_and_batches_of_one(typed):
    out = typed("s", "sample", "sample 7", "sample 99", "sample x")
    assert "sample 1 of 25, row" in out and "sample 7 of 25" in out and "samples 0 to 24, got 99" in out
    assert "'x' is not a whole number" in out
    assert "sample 0 of 1, row" in typed("sample", "sample", args=("--batch", "1"))


def test_explain_list_help(typed):
    out = typed("s", "x layer1.weight 0 1", "l", "help", "help kill", "v")
    assert "∂J/∂W1[0, 1]" in out and re.search(r">\s+0\s+load", out) and "hold the activation of neuron K at 0" in out
    assert "values: x (25, 2)" in " ".join(out.split())


@pytest.mark.parametrize(("line", "answer"), [
    ("foo", "There is no command 'foo'"), ("freez layer1.weight", "did you mean freeze?"),
    ("v layer1.weigth", "did you mean 'layer1.weight'"), ("v layer1.weight 9 9", "shape (4, 2)"),
    ("n x", "'x' is not a whole number"), ("n -1", "at least 1"), ("goto", "goto which step"),
    ("set", "set what to what"), ("set layer1.weight 0 1 much", "'much' is not a number"),
    ("kill layer1", "which neuron"), ("lr -1", "lr must be"),
    ("optimizer best", "there is no optimizer 'best'"), ("undo", "nothing was changed"),
    ("v [", "names no value"), ("x", "names no value"), ("\x1b[31m", "There is no command"),
])
def test_what_cannot_be_done_is_said(typed, line, answer):
    out = typed(line, "n")
    assert answer in " ".join(out.split()) and "\x1b" not in out.replace(line, "") and "n = 25" in out


def test_the_tab_key_completes_commands_and_names():
    stepper = Stepper(moons(25, 0))
    assert stepper.completenames("fr") == ["freeze"] and stepper.completedefault("layer1.w") == ["layer1.weight"]
    assert {"layer1", "layer1.z", "layer1.dz"} < set(stepper.completedefault("layer1"))


def test_training_that_breaks_off(typed):
    out = typed("lr 1e38", "run", "n", "p", "break nan", "g 1", "run", "b", "q")
    assert "cannot go on" in out and re.search(r"nan: \S+ is not finite", out)


def test_ctrl_c_within_a_command_leaves_the_session_whole(typed, monkeypatch):
    def interrupted(self):
        self._one()
        raise KeyboardInterrupt

    monkeypatch.setattr("cutaway.inspect.stepping.session.Session.next_phase", interrupted)
    out = typed("run 3", "p", "s", "v J", "g 4", "s", "v J")
    values = re.findall(r"^J = (\S+)", out, re.MULTILINE)
    assert "stopped" in out and len(values) == 2 and values[0] == values[1]


@pytest.mark.parametrize("kind", ["price", "kind", "labels"])
def test_a_model_and_its_data(typed, models, kind):
    out = typed("n 4", "s", "s", args=(models / f"{kind}.safetensors", models / "table.csv"))
    assert "300 rows of table.csv" in out and "step 2 is done" in out and "the weights in" in out


def test_a_model_may_begin_anew(typed, models):
    assert "new first weights" in typed("q", args=(models / "kind.safetensors", models / "table.csv", "--fresh"))


def test_the_training_of_a_file_is_the_one_that_fit_would_do(models):
    from cutaway.cli.step import from_file
    from cutaway.cli.training import training

    file, data = models / "kind.safetensors", models / "table.csv"
    session, _ = from_file(file, data, None, None, True, 3, False)
    given = training(file, data, None, False)
    design = given.estimator.design_
    run = ct.fit(design.network(3), given.Z, given.T, **given.settings, epochs=design.epochs, seed=3, threads=1,
                 batch_size=session.past.batch_size, progress=False)
    session.run()
    assert [session.losses[k] for k in range(1, 4)] == run.steps["loss"][:3].tolist()


@pytest.mark.parametrize(("args", "message"), [
    (("no.safetensors", "table.csv"), "no.safetensors"), (("--target", "price"), "MODEL DATA"),
    (("model",), "give the data, too"), (("--batch", "0"), "--batch"),
])
def test_bad_arguments_are_a_line_and_status_2(here, run, args, message):
    status, _, err = run("step", *args)
    assert status == 2 and message in err and "Traceback" not in err


# ---- a real terminal -------------------------------------------------------------------------------------------------

# the new process itself takes the terminal, so that Ctrl-C reaches it
IN_A_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from cutaway.cli import main
main(["step"])
"""


class Terminal:
    """`cutaway step` in a pseudo-terminal."""

    def __init__(self, columns):
        self.text = ""  # that was not waited for yet
        master, slave = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "LINES": "30"}
        self.process = subprocess.Popen([sys.executable, "-c", IN_A_TERMINAL], stdin=slave, stdout=slave, stderr=slave,
                                        env=environment, start_new_session=True)
        os.close(slave)
        self.master = master

    def until(self, text, press="", seconds=30):
        """What appears up to a text; keys are pressed, and again after a second of silence."""
        end, ready = time.monotonic() + seconds, False
        while text not in self.text:
            if not ready:
                self.type(press)
            ready, _, _ = select.select([self.master], [], [], 1.0)
            assert ready or time.monotonic() < end, f"{text!r} did not appear: {self.text!r}"
            if not ready:
                continue
            try:
                got = os.read(self.master, 65536)
            except OSError:
                got = b""
            assert got, f"the program ended: {self.text!r}"
            self.text += got.decode()
        shown, self.text = self.text.split(text, 1)
        return shown

    def type(self, keys):
        os.write(self.master, keys.encode())


@pytest.fixture
def terminal():
    opened = []

    def call(columns=80):
        opened.append(Terminal(columns))
        return opened[-1]

    yield call
    for one in opened:
        one.process.kill()
        one.process.wait()
        os.close(one.master)


@pytest.mark.parametrize("columns", every(2, [40, 80]))
def test_a_terminal_with_ctrl_c_and_ctrl_d(terminal, columns):
    t = terminal(columns)
    t.until("step 1> ")
    t.type("p\n")
    shown = t.until("step 1> ")
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).replace("\r", "").split("\n")
    assert max(map(len, lines)) <= columns and "n = 25" in shown
    t.type("half a li")
    t.until("half a li")  # readline has it: what Ctrl-C throws out of the terminal's queue, it would wait for
    t.until("q leaves", press="\x03")
    t.until("step 1> ")
    t.type("\n")
    t.until("step 1> ")
    t.type("\x04")
    assert t.process.wait(10) == 0
