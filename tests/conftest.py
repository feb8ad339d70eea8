"""What all tests share: where the tables of cases lie, and examples that are the same on every run."""

import sys
from pathlib import Path

import hypothesis

sys.path.insert(0, str(Path(__file__).parent / "rules"))

hypothesis.settings.register_profile(
    "cutaway", deadline=None, derandomize=True, max_examples=8, database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("cutaway")
