"""design: reads X and y and says which network to train and how, each choice with its reason.

The task fixes the output layer and the loss (the lecture's task table); the number of rows fixes the training strategy.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..data import TableEncoder, TargetEncoder
from ..data.targets import as_target
from ..nn import Module
from ..optim import AdamW, Optimizer, schedules
from .networks import plain_network

#: Below this many rows every step sees all of them, none is held back and no neuron dropped out: nothing is left to
#: chance, and a row of weight two is the row twice. Measured on small tables, it scores as well as mini-batches do.
SMALL = 200
#: Below this many rows numbers have 64 bits: it costs nothing.
DOUBLE = 1000
#: At this many rows and above batches are large, and the number of steps is bounded.
LARGE = 20_000

#: task: (link, loss) of the output layer.
OUTPUTS = {
    "regression": ("identity", "mse"),
    "multi-output regression": ("identity", "mse"),
    "binary": ("sigmoid", "binary_cross_entropy"),
    "multiclass": ("softmax", "cross_entropy"),
    "multilabel": ("sigmoid", "binary_cross_entropy"),
}
OUTPUT_REASONS = {
    "regression": "one number for each row, of any size",
    "multi-output regression": "one neuron for each column of the target",
    "binary": "one neuron gives the probability of the second class",
    "multiclass": "one neuron a class; softmax makes them probabilities that sum to 1",
    "multilabel": "one neuron a label, each with a probability of its own",
}
LOSS_REASONS = {
    "mse": "mean squared error, on the target scaled to mean 0 and deviation 1",
    "half_mse": "half the squared error, on the target scaled to mean 0 and deviation 1",
    "mae": "mean absolute error: wild rows count no more than others",
    "huber": "squared near zero, absolute beyond one deviation: wild rows count less",
    "binary_cross_entropy": "the log-likelihood of two classes, taken on the logit",
    "cross_entropy": "the log-likelihood of the right class, taken on the logits",
}


@dataclass
class Design:
    """What to train and how: every choice is a field, `reasons` says why, `print` shows both.

    `validation` is the share of rows held back, `warmup` the share of steps in which the learning rate rises.
    `network()` and `optimizer()` build what was chosen.
    """

    task: str
    rows: int
    n_in: int
    n_out: int
    link: str
    loss: str
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    lr: float
    weight_decay: float
    warmup: float
    batch_size: int
    epochs: int
    validation: float
    patience: int | None
    dtype: str
    reasons: dict[str, str]
    #: What the caller chose instead: the row of the table, and its value in words.
    asked: dict[str, str] = field(default_factory=dict)
    encoder: TableEncoder | None = field(default=None, repr=False, compare=False)
    target_encoder: TargetEncoder | None = field(default=None, repr=False, compare=False)

    @property
    def train_rows(self) -> int:
        """Rows to learn from: all but those held back."""
        return self.rows - (min(max(1, round(self.validation * self.rows)), self.rows - 1) if self.validation else 0)

    @property
    def steps(self) -> int:
        """Updates in a run of all epochs."""
        return self.epochs * -(-self.train_rows // self.batch_size)

    def network(self, seed: int = 0) -> Module:
        """A new network of this design, its first weights drawn from the seed."""
        return plain_network(self.n_in, self.hidden, self.n_out, self.activation, self.dropout, self.dtype, seed)

    def optimizer(self) -> Optimizer:
        """The optimizer with its schedule, which ct.fit stretches over the run."""
        rate = schedules.warmup(schedules.cosine(self.lr), max(1, round(self.warmup * self.steps)))
        return AdamW(rate, weight_decay=self.weight_decay, decay="matrices")

    def table(self) -> list[tuple[str, str, str]]:
        """The rows that `print` shows: (choice, value, reason)."""
        neurons = "neuron" if self.n_out == 1 else "neurons"
        held = "none" if not self.validation else f"{self.validation:.0%} of the rows"
        stop = "" if self.patience is None else f", patience {self.patience} epochs"
        widths = " and ".join(map(str, self.hidden)) or "none"
        batch = f"{self.batch_size} rows" if self.batch_size < self.train_rows else "all rows"
        values = {
            "task": self.task,
            "input": f"{self.n_in:,} features",
            "hidden": f"{widths}, {self.activation}" + (f", dropout {self.dropout:g}" if self.dropout else ""),
            "output": f"{self.n_out} {neurons}, {self.link}",
            "loss": self.loss,
            "optimizer": f"AdamW, lr {self.lr:g}, decay {self.weight_decay:g}",
            "schedule": f"warm-up {self.warmup:.0%}, then cosine to 0",
            "batch": batch,
            "epochs": f"{self.epochs} at most" if self.patience is not None else f"{self.epochs}",
            "validation": held + stop,
            "precision": self.dtype,
        }
        return [
            (name, self.asked.get(name, value), "as asked" if name in self.asked else self.reasons.get(name, ""))
            for name, value in values.items()
        ]

    def __str__(self) -> str:
        width = max(len(value) for _, value, _ in self.table()) + 2
        width = min(width, 40)
        lines = []
        for name, value, reason in self.table():
            left = textwrap.wrap(value, width - 2) or [""]
            right = textwrap.wrap(reason, max(40, 108 - width)) or [""]
            for i in range(max(len(left), len(right))):
                cells = name if i == 0 else "", left[i] if i < len(left) else "", right[i] if i < len(right) else ""
                lines.append(f"{cells[0]:<12}{cells[1]:<{width}}{cells[2]}".rstrip())
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Every choice, as plain values."""
        skipped = ("encoder", "target_encoder")
        state = {name: value for name, value in vars(self).items() if name not in skipped}
        return state | {"hidden": list(self.hidden), "reasons": dict(self.reasons), "asked": dict(self.asked)}

    @classmethod
    def from_json(cls, state: dict[str, Any], encoder: Any = None, target_encoder: Any = None) -> Design:
        return cls(**state | {"hidden": tuple(state["hidden"])}, encoder=encoder, target_encoder=target_encoder)


def design(X: Any, y: Any, task: str | None = None) -> Design:
    """What to train for this table and target, and how, each choice with its reason.

    X is any table (n rows), y its target (n,) or (n, outputs). task overrules what y is taken for: 'regression',
    'binary', 'multiclass', 'multilabel' or 'multi-output regression'. Raises DataError for a table or target that
    cannot be learnt from.

    >>> import numpy as np, cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=500)
    >>> plan = ct.design(X, y)
    >>> plan.task, plan.n_in, plan.n_out, plan.link, plan.loss
    ('binary', 2, 1, 'sigmoid', 'binary_cross_entropy')
    >>> plan.network()
    MLP(2 -> 128 -> 128 -> 1, relu, 17,025 parameters)
    """
    target = TargetEncoder(task).fit(y)
    rows = len(as_target(y)[0])
    encoder = table_encoder(rows).fit(X)
    return plan(rows, encoder, target)


def table_encoder(rows: int) -> TableEncoder:
    """The encoder that suits a table of so many rows: what is rarer than `min_count` rows cannot be learnt from."""
    return TableEncoder(min_count=5 if rows >= SMALL else 2)


def plan(rows: int, encoder: TableEncoder, target: TargetEncoder, validation: float = 0.1) -> Design:
    """The design for `rows` rows of an encoded table and target; a share of them is held back, unless they are few."""
    small = rows < SMALL
    link, loss = OUTPUTS[target.task]
    made = Design(
        task=target.task, rows=rows, n_in=len(encoder.feature_names), n_out=target.n_outputs, link=link, loss=loss,
        hidden=(128, 128), activation="relu", dropout=0.0 if small else 0.1, lr=1e-3, weight_decay=0.01, warmup=0.1,
        batch_size=1, epochs=1, validation=0.0 if small else validation, patience=None,
        dtype="float64" if rows < DOUBLE else "float32", reasons={}, encoder=encoder, target_encoder=target,
    )  # fmt: skip
    dropout = "few rows need every neuron" if small else "dropout against learning rows by heart"
    made.reasons = {
        "task": f"the target has {target.reason}" if target.reason != "as asked" else target.reason,
        "input": _input_reason(encoder),
        "hidden": f"two layers are enough for a table; ReLU learns fast; {dropout}",
        "output": OUTPUT_REASONS[target.task],
        "loss": LOSS_REASONS[loss],
        "optimizer": "a rate for each weight needs little tuning; decay keeps matrices small, biases are free",
        "schedule": "small steps until its averages are warm, and small ones to settle",
        "precision": "under 1,000 rows it costs nothing" if rows < DOUBLE else "fast, and exact enough to train in",
    }
    choose_training(made)
    return made


def choose_training(made: Design, batch_size: int | None = None, epochs: int | None = None) -> None:
    """Fill in batch size, epochs and patience for the rows to learn from, or those given."""
    m, reasons = made.train_rows, made.reasons
    if batch_size is None:
        batch_size, reasons["batch"] = batch_for(m)
    made.batch_size = min(batch_size, m)
    if epochs is None:
        epochs, reasons["epochs"] = epochs_for(m, -(-m // made.batch_size))
    made.epochs = epochs
    made.patience = patience_for(epochs) if made.validation else None
    reasons["validation"] = (
        "rows that are not learnt from show when to stop; the best weights are kept"
        if made.validation
        else "too few rows to hold some back" if made.rows < SMALL else "every row is learnt from, to the last epoch"
    )  # fmt: skip


def patience_for(epochs: int) -> int:
    """Epochs without a better validation loss before training stops."""
    return max(5, math.ceil(0.3 * epochs))


def suit_rate(made: Design, widths: Sequence[int]) -> None:
    """Raise the learning rate for hidden layers narrower than 128 neurons, which the same steps move less."""
    narrow = max(1.0, 128 / min(widths, default=128))
    factor = min(8.0, narrow) if made.rows < SMALL else min(4.0, math.sqrt(narrow))
    if factor > 1:
        made.lr = float(f"{made.lr * factor:.2g}")
        made.reasons["optimizer"] += "; narrow layers take longer steps"


def batch_for(m: int) -> tuple[int, str]:
    """Rows in a batch, of m to learn from, and why."""
    if m < SMALL:
        return m, "so few rows that each step can see them all"
    if m < 1000:
        return 32, "few rows: small batches give enough steps"
    if m <= LARGE:
        return 64, "mini-batches: many steps in an epoch, and their noise helps"
    return 256, "many rows: larger batches use the processor better"


def epochs_for(m: int, steps: int) -> tuple[int, str]:
    """Epochs for m rows in `steps` batches, and why."""
    if m < SMALL:
        return 200, "one step an epoch: about what such a table can teach"
    epochs = min(max(math.ceil(2000 / steps), 50), 300)
    if epochs * steps <= 20_000:
        return epochs, f"{epochs * steps:,} steps, {steps} an epoch: enough to converge"
    return max(10, math.ceil(20_000 / steps)), "many rows: about 20,000 steps are enough"


def _input_reason(encoder: TableEncoder) -> str:
    kinds: dict[str, int] = {}
    for column in encoder.columns:
        kind = column.kind if column.features else "left out"
        kinds[kind] = kinds.get(kind, 0) + 1
    left_out = kinds.pop("left out", 0)
    many = {"category": "categories"}
    words = ", ".join(f"{n} {kind if n == 1 else many.get(kind, kind + 's')}" for kind, n in kinds.items())
    return f"one neuron for each encoded feature of {words}" + (f"; {left_out} left out" if left_out else "")
