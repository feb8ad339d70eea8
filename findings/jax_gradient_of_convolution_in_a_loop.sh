#!/usr/bin/env bash
# On a CPU, the gradient of a convolution by its filters is some twenty times slower inside a loop than by itself.
#
# Versions: jax and jaxlib 0.10.2 (pinned below).
# Expected: a step that moves the filters of a convolution against their gradient takes as long inside lax.fori_loop (or
#           scan, or while_loop) as in a jitted function that is called again and again: the loop only saves the calls.
# Seen:     inside the loop each step takes some twenty times as long. The convolution alone takes as long there as
#           outside; it is the convolution by which the gradient of the filters is computed that does not.
# Matters:  to run many training steps as one scan is the advice for small networks and accelerators. Of a CNN it makes
#           training on a laptop slower by an order of magnitude than a Python loop over single steps.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
cat > "$place/in_a_loop.py" <<'PYTHON'
import statistics
import time

import jax
import jaxlib
import numpy as np
from jax import lax
from jax import numpy as jnp

PASSES = 4
print(f"jax {jax.__version__}, jaxlib {jaxlib.__version__}, {jax.default_backend()}")
rng = np.random.default_rng(0)
x = jnp.asarray(rng.normal(size=(64, 28, 28, 16)), jnp.float32)
W = jnp.asarray(rng.normal(size=(3, 3, 16, 16)) / 12, jnp.float32)


def loss(W):
    z = lax.conv_general_dilated(x, W, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return (z**2).mean()


def step(W):
    return W - 1e-3 * jax.grad(loss)(W)


alone = jax.jit(step)
looped = jax.jit(lambda W: lax.fori_loop(0, PASSES, lambda k, W: step(W), W))


def by_calls():
    at = W
    for _ in range(PASSES):
        at = alone(at)
    return at.block_until_ready()


def by_loop():
    return looped(W).block_until_ready()


assert np.allclose(by_calls(), by_loop(), atol=1e-4)
times = {by_calls: [], by_loop: []}
for _ in range(7):
    for way, seen in times.items():
        began = time.perf_counter()
        way()
        seen.append((time.perf_counter() - began) / PASSES)
calls, loop = (1e3 * statistics.median(seen) for seen in times.values())
print(f"a step: {calls:.1f} ms by itself, {loop:.1f} ms inside the loop: {loop / calls:.1f} times as long")
assert loop > 4 * calls, "a loop no longer makes it slower"
PYTHON
"$place/venv/bin/python" "$place/in_a_loop.py"
