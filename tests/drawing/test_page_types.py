"""The modules of pages and studio, checked by TypeScript where it is at hand; elsewhere `make types` fetches it."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("config", ["jsconfig.json", "jsconfig.report.json"])
def test_types_agree(config):
    tsc = shutil.which("tsc")
    if tsc is None:
        pytest.skip("no TypeScript here (npm install --global typescript)")
    found = subprocess.run([tsc, "-p", ROOT / config], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
