"""What waits until it is asked for."""

import subprocess
import sys

import pytest
from typer import Context
from typer.main import get_command

from cutaway.cli.app import COMMANDS, app_for

CODE = """
import sys
from cutaway.cli.later import HEAVY, Later, load_later, loading

with loading():
    import sklearn.base
waits = [name for name in HEAVY if isinstance(sys.modules[name], Later)]
assert waits == list(HEAVY), waits
import gc, scipy
assert gc.isenabled()
from scipy.special import expit
import scipy.stats
assert expit(0.0) == 0.5 and scipy.stats.norm.cdf(0) == 0.5 and scipy.optimize.minimize
assert not any(isinstance(sys.modules[name], Later) for name in HEAVY)
assert sys.modules["scipy.special"] is scipy.special and sys.modules["scipy.stats"] is scipy.stats
load_later()
assert not any(isinstance(sys.modules[name], Later) for name in HEAVY)
"""

FITS = """
import sys
from cutaway.cli import main
assert main(["fit", "table.csv", "-t", "price", "--epochs", "2", "--split", "random", "-q"]) == 0
heavy = ("scipy.stats.", "cutaway.inspect", "matplotlib", "sklearn.linear_model", "cutaway.cli.labs",
         "cutaway.cli.bench")
print([name for name in sys.modules if name.startswith(heavy)])
"""


def test_modules_wait_until_something_in_them_is_asked_for():
    ended = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_small_fit_loads_no_more_than_it_uses(here):
    ended = subprocess.run([sys.executable, "-c", FITS], capture_output=True, text=True)
    assert ended.returncode == 0 and ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", [*COMMANDS, "lab"])
def test_a_command_is_built_alone_as_it_is_among_all(name):
    alone, among = get_command(app_for([name])), get_command(app_for(["--help"]))
    assert [*alone.commands] == [name] and [*among.commands] == [*COMMANDS, "lab"]
    one, other = alone.commands[name], among.commands[name]
    assert one.get_help(Context(one)) == other.get_help(Context(other)) and one.short_help == other.short_help
