"""What all tests share: where the tables of cases lie, examples that are the same on every run, and Ctrl-C."""

import signal
import sys
from pathlib import Path

import hypothesis
import pytest

sys.path.insert(0, str(Path(__file__).parent / "rules"))

hypothesis.settings.register_profile(
    "cutaway", deadline=None, derandomize=True, max_examples=8, database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("cutaway")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite started in the background would not hear it


@pytest.fixture(autouse=True)
def _same_first_weights():
    """Layers that a test makes start the same, whichever tests ran before it in this process."""
    import cutaway

    cutaway.seed(0)
