"""What all tests share: one thread for NumPy's products, where the tables of cases lie, examples that are the same on
every run, what JAX has compiled, and Ctrl-C."""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hypothesis
import pytest

from depth import examples

# the cores are taken by test processes: threads of OpenBLAS beside them would wait for each other, at full speed
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is loaded, in children too

sys.path.insert(0, str(Path(__file__).parent / "rules"))

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # tests of XLA compile the same few programs again and again
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="cutaway-tests-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

# XLA compiles in a quarter of the time what need not be fast. Where exact mode's bits are compared, children leave this
# out: tests/engines/test_devices.py, tests/cli/test_processes_option.py. A flag that XLA does not know ends a process,
# so other versions get none
with suppress(PackageNotFoundError):
    if version("jaxlib").startswith("0.10."):
        os.environ.setdefault("XLA_FLAGS", " ".join((
            "--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1",
            "--xla_backend_optimization_level=0", "--xla_llvm_disable_expensive_passes=true")))

hypothesis.settings.register_profile(
    "cutaway", deadline=None, derandomize=True, max_examples=examples(8), database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("cutaway")

signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite started in the background would not hear it


@pytest.fixture(scope="module")
def kernels_as_written():
    """For files whose tests are not about what LLVM's optimizer makes: machine code that follows a kernel's text."""
    from as_written import as_written

    with as_written():
        yield


@pytest.fixture(autouse=True)
def _same_first_weights():
    """Layers that a test makes start the same, whichever tests ran before it in this process."""
    import cutaway

    cutaway.seed(0)
