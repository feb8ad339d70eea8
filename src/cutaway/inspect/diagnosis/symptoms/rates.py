"""Steps of the wrong length: a loss that jumps or crawls, updates out of proportion to the weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..changes import at_rate
from ..evidence import Evidence
from ..finding import NOTICE, SERIOUS, Finding

BLOCKS, FEWEST = 20, 8  # the run's steps in so many stretches; with fewer no curve is read
FITS = 0.3  # of a constant's loss: below, a network is not held up by its steps
RISES = 1.3  # times the best stretch, at the end
JUMPS = 0.25  # of its height, from one stretch to the next
OVERSHOOTS = 0.3  # share of steps after which the loss of their own batch is higher
HEALTHY, CRAWLS = 1e-3, 3e-4  # ‖Δθ‖ / ‖θ‖
STEADY = 0.12  # of the whole fall, in the last quarter
LEAPS = 0.5  # ‖Δθ‖ / ‖θ‖
STANDS = 1e-6  # the same
APART = 100.0  # times the other layers'


def not_finite(e: Evidence) -> Iterator[Finding]:
    """Find a loss or gradient that overflowed, or is no number; training stops before such a step."""
    if e.run.program.engine.finite:
        return
    J = e.run.steps["loss"]
    before = f"the losses before it were {', '.join(f'{x:.3g}' for x in J[-4:])}" if len(J) else "there was none before"
    yield Finding("not finite", SERIOUS,
                  f"J or a gradient was no finite number in step {len(J) + 1:,}, and training stopped; {before}.",
                  at_rate(e.optimizer, 0.1),
                  "Steps a tenth as long do not leave the region in which the gradient points the right way.", [],
                  {"losses before": J[-4:]}, len(J) + 1)


def too_high(e: Evidence) -> Iterator[Finding]:
    """Find a loss that rises or jumps about, while single steps make the loss of their own batch higher."""
    blocks, ends = _blocks(e)
    if not e.run.program.engine.finite or len(blocks) < FEWEST or blocks[-len(blocks) // 4 :].mean() < FITS:
        return
    quarter = len(blocks) // 4
    end, best = float(blocks[-quarter:].mean()), float(blocks[:-quarter].min())
    late = blocks[len(blocks) // 2 :]
    jumps = float(np.abs(np.diff(late)).mean() / late.mean())
    rises = end > RISES * best
    if not (rises or jumps > JUMPS):
        return
    overshoots = float(np.mean([m.J_after > m.J for m in e.moments])) if e.moments else 1.0
    if overshoots < OVERSHOOTS:
        return
    at = int(ends[np.argmax(blocks > RISES * np.minimum.accumulate(blocks))]) if rises else None
    J, c = e.run.steps["loss"], e.constant
    text = (f"the loss rose to {end * c:.3g} at the end; its best stretch had {best * c:.3g}, a constant prediction "
            f"has {c:.3g}" if rises else
            f"the loss jumps by {jumps:.0%} of its height from one stretch of {len(J) // len(blocks):,} steps to the "
            "next")
    if e.moments:
        worse = sum(m.J_after > m.J for m in e.moments)
        text += f"; {worse} of {len(e.moments)} steps looked at made the loss of their own batch higher"
    yield Finding("learning rate too high", SERIOUS, text + ".", at_rate(e.optimizer, 0.1),
                  "A shorter step goes down the slope instead of across the valley.", [],
                  {"share at the end": end, "best share": best, "jumps": jumps, "overshoots": overshoots},
                  at)


def too_low(e: Evidence) -> Iterator[Finding]:
    """Find a loss that is still falling as steadily as ever, with updates that hardly change the weights."""
    blocks, _ = _blocks(e)
    if len(blocks) < FEWEST or blocks[-len(blocks) // 4 :].mean() < FITS:
        return
    ratio = e.ratio()
    if not ratio < CRAWLS:
        return
    fall = float(blocks[:2].mean() - blocks[-2:].mean())
    last = float(blocks[-(len(blocks) // 4) - 1] - blocks[-1])
    start = float(blocks[0])
    if not (fall > 0 and last > STEADY * fall) and abs(fall) > 0.02 * start:
        return
    c = e.constant
    yield Finding("learning rate too low", SERIOUS if ratio < CRAWLS / 3 else NOTICE,
                  f"a step changes the weights by {ratio:.1g} of their size (about 1e-3 is usual), and after "
                  f"{len(e.run.steps):,} steps the loss has only come from {start * c:.3g} to {blocks[-1] * c:.3g}.",
                  at_rate(e.optimizer, 10.0 ** min(max(round(float(np.log10(HEALTHY / max(ratio, 1e-30)))), 1), 3)),
                  "So long that a step changes the weights by about a thousandth.", [],
                  {"ratio": ratio, "from": start, "to": float(blocks[-1]), "in the last quarter": last}, 0)


def out_of_proportion(e: Evidence) -> Iterator[Finding]:
    """Find a matrix that each step rewrites, or one that stands still while the others learn."""
    if not np.isfinite(e.share) or (e.share < FITS and np.isfinite(e.constant)) or not e.moments:
        return
    ratios = {name: e.ratio(name) for name in e.moments[0].ratios}
    if not ratios:
        return
    name, most = max(ratios.items(), key=lambda pair: pair[1])
    least_name, least = min(ratios.items(), key=lambda pair: pair[1])
    if most > LEAPS and np.mean([m.J_after > m.J for m in e.moments]) > OVERSHOOTS:
        at = next((m.step for m in e.moments if m.ratios[name] > LEAPS), None)
        yield Finding("updates out of proportion", NOTICE,
                      f"a step changes {name} by {most:.0%} of its size (about 0.1 % is usual).",
                      at_rate(e.optimizer, 0.1),
                      "What earlier steps learnt survives when each changes the weights a little.", [name],
                      {"ratios": ratios}, at)
    elif 0 < least < STANDS and most > APART * least:
        yield Finding("updates out of proportion", NOTICE,
                      f"a step changes {least_name} by {least:.1g} of its size, {name} by {most:.1g}: the first hardly "
                      "learns.", "optimizer = ct.optim.AdamW(0.001)",
                      "Adam gives every weight steps of about the learning rate, however small its gradient.",
                      [least_name], {"ratios": ratios}, e.moments[0].step)


def _blocks(e: Evidence) -> tuple[np.ndarray, np.ndarray]:
    """The losses of the steps up to the weights in use, stretch by stretch, as shares of a constant's; each one's last
    step."""
    J = e.run.steps["loss"] / e.constant
    parts = np.array_split(np.arange(len(J)), max(min(BLOCKS, len(J)), 1)) if len(J) else []
    return np.array([J[part].mean() for part in parts]), np.array([part[-1] + 1 for part in parts])
