"""Run every case of every operation on the XLA engine, and compare every value of a training step with the rules'.

    python tools/rules_on_xla.py [part of a name]

In float64, forward, backward and update, within 1e-9. It takes two minutes: XLA compiles a step for each of some 200
cases. The suite runs the rules themselves on JAX, all in one compilation (tests/rules/test_rules.py), and through the
engine those for which it has operations of its own (tests/engines/test_kernels.py).
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "rules")]

# What runs inside every broadcast, batch norm and convolution of sequences, and not by itself.
INNER = {"sum_to", "running_average", "shortened"}


def differs(name, make) -> str:
    """What is wrong with a case on the XLA engine; "" if nothing is."""
    import numpy as np
    from around import Around, assert_same_values, program

    case = make(np.random.default_rng(5), 5, 7)
    try:
        (one, a), (two, b) = (program(Around(name, case).astype("float64"), engine, keep_all=True)
                              for engine in ("reference", "xla"))
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11)
        assert_same_values(one, two, rtol=1e-9, atol=1e-11)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> int:
    from cases import EVERY, IDS

    chosen = [(id, case) for id, case in zip(IDS, EVERY, strict=True)
              if case[0] not in INNER and (len(sys.argv) < 2 or sys.argv[1] in id)]
    wrong = 0
    for id, (name, make) in chosen:
        if found := differs(name, make):
            wrong += 1
            print(f"{id}: {found}", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} cases are the rules', value by value")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
