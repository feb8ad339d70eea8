"""What `ct.diagnose` looks for, causes before what follows from them. A symptom is a function of the evidence.

It yields findings; `needs` names what it cannot do without (`Evidence.lacks`), `after` the findings that it follows
from. Every bound is a constant beside its symptom, set where no healthy network of the calibration (docs/diagnose.md)
comes near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..evidence import Evidence
from ..finding import Finding
from . import activations, gradients, inputs, leaks, outcome, rates, structure


@dataclass(frozen=True)
class Symptom:
    """What to look for, and how. name: the one that its findings have."""

    name: str
    look: Callable[[Evidence], Iterator[Finding]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


SIZES = ("unscaled inputs", "unscaled targets")
WEIGHTS = (*SIZES, "loss too high at the start", "exploding gradients", "dead ReLUs", "saturated activations",
           "vanishing gradients")
STEPS = (*WEIGHTS, "not finite", "learning rate too high", "learning rate too low", "batches of one class")
SYMPTOMS = (
    Symptom("unscaled inputs", inputs.unscaled),
    Symptom("unscaled targets", inputs.unscaled_targets, ("numbers",)),
    Symptom("an input that tells the target", leaks.telling_column, ("table",)),
    Symptom("held-out rows that were learnt from", leaks.duplicates, ("held out",)),
    Symptom("batches of one class", inputs.batches_of_one_class, ("classes", "run")),
    Symptom("layers that collapse", structure.collapse),
    Symptom("loss too high at the start", outcome.wild_start, ("classes", "constant"), SIZES),
    Symptom("exploding gradients", gradients.exploding, (), WEIGHTS[:3]),
    Symptom("not finite", rates.not_finite, ("run",), WEIGHTS),
    Symptom("learning rate too high", rates.too_high, ("run", "constant"), (*WEIGHTS, "batches of one class")),
    Symptom("dead ReLUs", activations.dead_relus, ("finite",), STEPS),
    Symptom("saturated activations", activations.saturated, ("finite",), STEPS),
    Symptom("exploding gradients", gradients.exploding_later, ("trained", "finite"), STEPS),
    Symptom("vanishing gradients", gradients.vanishing, ("finite",), STEPS),
    Symptom("learning rate too low", rates.too_low, ("run", "constant"), WEIGHTS),
    Symptom("updates out of proportion", rates.out_of_proportion, ("run",), STEPS),
    Symptom("a constant is as good", outcome.no_better_than_a_constant, ("trained", "constant"), STEPS),
    Symptom("classes never predicted", outcome.never_predicted, ("classes", "trained", "finite"),
            (*STEPS, "a constant is as good")),
    Symptom("overfitting", outcome.overfitting, ("held out", "constant", "trained", "finite")),
)
