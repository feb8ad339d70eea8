"""Names and links of every kind as a command's files."""

import os
import subprocess

import numpy as np
import pandas as pd
import pytest

from cutaway.cli import main
from cutaway.cli.fit import shell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="links and names of another system")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a table, a model, and links that lead in a circle."""
    folder = tmp_path_factory.mktemp("paths")
    rng = np.random.default_rng(0)
    pd.DataFrame({"a": rng.normal(size=60), "y": rng.normal(size=60)}).to_csv(folder / "d.csv", index=False)
    assert main(["fit", str(folder / "d.csv"), "-t", "y", "--hidden", "4", "--epochs", "1", "-q", "-o",
                 str(folder / "m.safetensors")]) == 0
    for ending in (".csv", ".safetensors", ".html", ".svg", ""):
        (folder / f"one{ending}").symlink_to(folder / f"two{ending}")
        (folder / f"two{ending}").symlink_to(folder / f"one{ending}")
    return folder


COMMANDS = {
    "predict": "predict m.safetensors d.csv -o {0}.csv", "fit": "fit d.csv -t y -o {0}.safetensors",
    "report": "fit d.csv -t y -o new.safetensors --report {0}.html", "drawing": "inspect m.safetensors --draw {0}.svg",
    "a folder": "predict m.safetensors d.csv -o {0}/p.csv", "demo": "demo --out {0}",
    "a model": "predict {0}.safetensors d.csv", "data": "predict m.safetensors {0}.csv",
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["one", "x" * 300])
def test_a_path_that_leads_nowhere_is_told_in_a_line(made, command, name, monkeypatch, capsys):
    """Links in a circle, and names longer than the system's."""
    monkeypatch.chdir(made)
    before = sorted(os.listdir(made))
    assert main(COMMANDS[command].format(name).split()) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said and len(said.strip().splitlines()) < 20 and name[:9] in said
    assert sorted(os.listdir(made)) == before


@pytest.mark.parametrize("name", [b"caf\xe9.csv", b"a'b\xff\\x.csv", b"tab\tnew\nline.csv", b"plain.csv",
                                  b"my data.csv", "später.csv".encode()])
def test_an_advised_command_can_be_typed(name, tmp_path):
    """What a shell makes of it is the name, to the byte; and it can be printed."""
    words = shell("printf", "%s", os.fsdecode(name))
    assert words.isprintable()
    run = subprocess.run(["bash", "-c", words], capture_output=True)
    assert run.stdout == name
