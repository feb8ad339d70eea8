"""Small tables, models trained on them once, and `run`: a command line in this process."""

import numpy as np
import pandas as pd
import pytest

from cutaway.cli import main
from cutaway.estimators import honest, rivals


@pytest.fixture(scope="session")
def table():
    rng = np.random.default_rng(0)
    n = 300
    area, zone = rng.normal(100, 20, n), rng.choice(["north", "south", "[red]east[/]"], n)
    price = 1000 * area + 5000 * (zone == "north") + rng.normal(0, 2000, n)
    frame = pd.DataFrame({
        "nr": np.arange(1, n + 1), "area": area.round(2), "zone": zone, "owner": [f"p{i % 40}" for i in range(n)],
        "sold": pd.date_range("2020-01-01", periods=n).strftime("%Y-%m-%d"), "price": price.round(),
        "kind": np.where(area > 110, "large", np.where(zone == "north", "=north", "other")),
        "big": (area > 100).astype(int), "far": (zone == "south").astype(int),
        "same": 7.5, "empty": np.nan,
    })
    frame.loc[[3, 50], "area"] = np.nan
    return frame


@pytest.fixture(autouse=True, scope="module")
def _few_rows_for_rivals():
    """Beside a report rivals are shown, and what they are is tested in tests/estimators/test_rivals.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(rivals.compare.__kwdefaults__, "rows", 120)
        yield


@pytest.fixture(autouse=True, scope="module")
def _unmeasured_ties():
    """What rows that belong together are worth to a random split is measured in test_honest_cli.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(honest, "MOST_TIES", 0)
        yield


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    """A folder to work in, with the table in it."""
    monkeypatch.chdir(tmp_path)
    table.to_csv("table.csv", index=False)
    return tmp_path


@pytest.fixture
def run(capsys):
    """run("fit", ...) -> (status, standard output, error output)."""

    def call(*args):
        capsys.readouterr()
        try:
            status = main([str(arg) for arg in args])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out, err

    return call


@pytest.fixture(scope="session")
def models(tmp_path_factory, table):
    """Files of a regression, a classification, two numbers and two labels, each a plain network of three epochs;
    of the classification a report, too."""
    folder = tmp_path_factory.mktemp("models")
    table.to_csv(folder / "table.csv", index=False)
    inputs = ("--drop", "same", "--drop", "empty", "--drop", "owner")
    tasks = {"price": ["price"], "kind": ["kind"], "two": ["price", "area"], "labels": ["big", "far"]}
    for name, targets in tasks.items():
        wanted = [part for target in targets for part in ("--target", target)]
        others = [part for c in ("price", "kind", "big", "far") if c not in targets for part in ("--drop", c)]
        files = ["--out", str(folder / f"{name}.safetensors")]
        if name == "kind":
            files += ["--report", str(folder / "kind.html")]
        assert main(["fit", str(folder / "table.csv"), *wanted, *inputs, *others, "--preset", "fast", "--epochs", "3",
                     "--split", "random", "-q", *files]) == 0
    return folder
