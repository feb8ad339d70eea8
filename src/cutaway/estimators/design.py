"""design: reads X and y and says which network to train and how, each choice with its reason.

The task fixes the output layer and the loss (the lecture's task table); what X is, a table, images or sequences, and
how many rows it has fix the network and the training strategy (design_tables.py, design_images.py,
design_sequences.py).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..data import TargetEncoder
from ..data.column_kinds import asked_kinds
from ..data.image_arrays import image_words
from ..data.limits import FEW_FOR_LINEAR, FINE_BINS, MANY_FOR_FINE_BINS, MOST_PATIENCE_OF_TABLES, PATIENCE
from ..data.targets import as_target
from ..described import described, entry
from ..errors import ArgumentError, FileError
from ..nn import Module, TableInput
from ..optim import AdamW, Optimizer, average, schedules
from ..optim.schedules import AUTO, Rate, known
from ..shown import Shown, Table
from ..text import counted
from .design_images import mild_augment
from .design_sequences import RECURRENT, as_recurrent
from .design_tables import epochs_for, held_by_each, rate_factor
from .found_linear import Found, find_linear, is_wide
from .inputs import KINDS, Inputs, kind_of
from .networks import built
from .presets import DEFAULT, PRESETS, check_preset
from .table_input import front_of

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
    "quantile": "pinball: each output has its share of the targets below it",
    "huber": "squared near zero, absolute beyond one deviation: wild rows count less",
    "binary_cross_entropy": "the log-likelihood of two classes, taken on the logit",
    "cross_entropy": "the log-likelihood of the right class, taken on the logits",
}


#: Losses that the linear model beside a small table's network has, too.
LINEAR = ("mse", "half_mse", "binary_cross_entropy", "cross_entropy")
#: Fields that are made of data, and that JSON does not hold.
SEEN = ("encoder", "target_encoder", "front", "found")
#: The row of the printed design in which an entry of `spec` stands.
ROW_OF = {name: name for name in ("augment", "members", "networks", "linear")} | dict.fromkeys(
    ("channels", "norm", "front", "window", "stride", "windows", "strides"), "filters") | dict.fromkeys(
    ("cell", "width", "layers", "bidirectional"), "recurrent") | {"bins": "numbers", "convolutions": "linear"}


@dataclass(repr=False)
class Design(Shown):
    """What to train and how: every choice is a field, `reasons` says why, `print` shows both.

    `n_in` is how many features a row has (of a sequence: a time step), or (height, width, channels) of images. `kind`
    is the network, "mlp", "cnn", "fcn" or "recurrent"; `hidden` its fully connected layers and `spec` the rest of it,
    plain values: bins (of each number, at most), members and networks of an mlp; channels, norm and augment of a cnn;
    channels, windows and strides of the filters of an fcn, which read sequences, its members, and how many random
    convolutions the linear model beside it sees; cell, width, layers,
    bidirectional, and front, window and stride of the filters before it, of a recurrent one. `lr` may be "auto":
    training finds it first. `average` is the decay of the average of the weights (0: none), `validation` the share of
    rows held back, `warmup` the share of steps in which the learning rate rises. `front` is the first layer of a
    table's network, where its features do not stay as they are, `found` the linear model beside it. `network()` and
    `optimizer()` build what was chosen.
    """

    task: str
    rows: int
    n_in: Any
    n_out: int
    link: str
    loss: str
    hidden: tuple[int, ...]
    activation: str
    dropout: float
    lr: Rate
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
    kind: str = "mlp"
    spec: dict[str, Any] = field(default_factory=dict)
    #: What X is: "table", "images" or "sequences".
    inputs: str = "table"
    #: How probabilities are made as sure as they are right, in words; "" where there are none.
    calibration: str = ""
    #: From which probability on which class is said, in words; "" where it is the likeliest.
    decision: str = ""
    #: Of a table: how much is done for its score; "" where the network is the caller's own.
    preset: str = ""
    average: float = 0.0
    #: By what rows are divided, where not by chance, so that their errors do not flatter; "" where it is by chance.
    split: str = ""
    front: TableInput | None = field(default=None, repr=False, compare=False)
    found: Found | None = field(default=None, repr=False, compare=False)
    encoder: Any = field(default=None, repr=False, compare=False)
    target_encoder: TargetEncoder | None = field(default=None, repr=False, compare=False)

    @property
    def train_rows(self) -> int:
        """Rows to learn from: all but those held back."""
        return left_over(self.rows, self.validation)

    @property
    def steps(self) -> int:
        """Updates in a run of all epochs."""
        return self.epochs * -(-self.train_rows // self.batch_size)

    @property
    def members(self) -> int:
        """How many networks stand side by side."""
        return self.spec.get("members", 1) if self.hidden or self.kind == "fcn" else 1

    @property
    def networks(self) -> int:
        """How many networks of a table learn by themselves, each with other rows held back."""
        return self.spec.get("networks", 1) if self.hidden and self.kind == "mlp" else 1

    @property
    def linear(self) -> bool:
        """Whether a linear model stands beside the network: rows are few, and the loss is one that it has too."""
        return bool(self.spec.get("linear") and (self.hidden or self.kind == "fcn") and self.loss in LINEAR)

    def see(self, Z: Any, T: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Look at encoded rows (n, features), their targets and weights (n,): where the bins of numbers lie, and what a
        linear model makes of few rows."""
        self.front = front_of(self.encoder, Z, weights, self.spec.get("bins", 0) if self.hidden else 0)
        classes = self.link != "identity"
        if self.linear and is_wide(*Z.shape):  # it takes seconds, and is found by the rows to learn from later
            self.found = np.zeros((self.n_out, Z.shape[1])), np.zeros(self.n_out)
        else:
            self.found = find_linear(Z, T, weights, self.n_out, classes) if self.linear else None

    def network(self, seed: int = 0) -> Module:
        """Make a network of this design, its first weights drawn from the seed."""
        return built(self, seed)

    def change(self, choices: dict[str, Any]) -> None:
        """Take choices of one's own for the network: hidden, activation, dropout, or an entry of `spec`.

        An entry that a recurrent network has makes the network of sequences one. Raises ArgumentError for one that this
        network does not have.
        """
        if self.kind == "fcn" and not choices.keys().isdisjoint(RECURRENT):
            made = as_recurrent(self.encoder.longest, self.train_rows, self.batch_size, self.epochs)
            self.patience = self.patience and patience_for(made["epochs"])
            for name, value in made.items():
                setattr(self, name, self.reasons | value if name == "reasons" else value)
        for name, value in choices.items():
            if name in self.spec:
                if name == "augment" and isinstance(value, bool):
                    value = mild_augment(self.n_in) if value else None
                self.spec = self.spec | {name: value}
            elif name in ("hidden", "activation", "dropout"):
                setattr(self, name, tuple(value) if name == "hidden" else value)
            else:
                known = ", ".join(("hidden", "activation", "dropout", *self.spec))
                raise ArgumentError(f"network names {name!r}, but of this network one can choose {known}.")
            self.reasons[ROW_OF.get(name, "hidden")] = "as asked"
        if "hidden" in choices:
            suit_rate(self, self.hidden)
            if "linear" in self.spec and "linear" not in choices:  # layers that somebody chose are looked at alone
                self.spec = self.spec | {"linear": False}

    def alone(self, reason: str) -> None:
        """Let one network learn, where others would stand beside it."""
        if self.members > 1 or self.networks > 1:
            self.reasons["hidden"] += f"; {reason}"
        if self.kind == "fcn":
            self.spec = self.spec | {"members": 1, "linear": False}
        if self.kind == "mlp":
            self.spec = self.spec | {"members": 1, "networks": 1, "linear": False}

    def take_precision(self, precision: str) -> None:
        """Take a precision of the caller's own, as ct.fit has it: numbers are then float32."""
        self.dtype, self.reasons["precision"] = "float32", "as asked"
        if precision == "bf16":
            self.asked["precision"] = "float32, products in bf16"

    def optimizer(self) -> Optimizer:
        """The optimizer with its schedule, which ct.fit stretches over the run."""
        rate = schedules.warmup(schedules.cosine(self.lr), max(1, round(self.warmup * self.steps)))
        adam = AdamW(rate, weight_decay=self.weight_decay, decay="matrices")
        return average(adam, self.average) if self.average else adam

    def table(self) -> list[tuple[str, str, str]]:
        """The rows that `print` shows: (choice, value, reason)."""
        kind = KINDS[self.inputs]
        held = "none" if not self.validation else f"{self.validation:.0%} of the {kind.many}"
        stop = "" if self.patience is None else f", patience {self.patience} epochs"
        batch = f"{self.batch_size} {kind.many}" if self.batch_size < self.train_rows else f"all {kind.many}"
        values = {
            **({"preset": self.preset} if self.preset else {}),
            "task": self.task,
            "input": _input_words(self.inputs, self.n_in),
            **({} if "hidden" in self.asked else _layers(self)),
            "hidden": _hidden_words(self),
            **({} if "hidden" in self.asked else _beside(self)),
            "output": f"{counted(self.n_out, 'neuron')}, {self.link}",
            "loss": self.loss,
            "optimizer": f"AdamW, lr {self.lr if self.lr == AUTO else f'{self.lr:g}'}, decay {self.weight_decay:g}",
            "schedule": f"warm-up {self.warmup:.0%}, then a cosine",
            **({"average": f"of some {1 / (1 - self.average):,.0f} steps"} if self.average else {}),
            "batch": batch,
            "epochs": f"{self.epochs} at most" if self.patience is not None else f"{self.epochs}",
            "validation": held + stop,
            **({"split": self.split} if self.split else {}),
            **({"calibration": self.calibration} if self.calibration else {}),
            **({"decision": self.decision} if self.decision else {}),
            "precision": self.dtype,
            **({"engine": ""} if "engine" in self.asked else {}),
        }
        return [
            (name, self.asked.get(name, value), "as asked" if name in self.asked else self.reasons.get(name, ""))
            for name, value in values.items()
        ]

    def _in_notebook(self) -> Any:
        yield Table(("choice", "value", "reason"), self.table())

    def __repr__(self) -> str:
        network = " -> ".join(map(str, (self.n_in, *self.hidden, self.n_out)))
        return f"Design({self.task} of {self.rows:,} {KINDS[self.inputs].many}: {self.kind} {network}, {self.loss})"

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
        """Give every choice as plain values."""
        skipped = SEEN
        state = {name: value for name, value in vars(self).items() if name not in skipped}
        return state | {"hidden": list(self.hidden), "reasons": dict(self.reasons), "asked": dict(self.asked)}

    @classmethod
    def from_json(cls, state: dict[str, Any], encoder: Any = None, target_encoder: Any = None) -> Design:
        """The design that `to_json` gave, of this version or an older one, which knew fewer choices.

        Raises FileError for what it cannot have given.
        """
        known = {one.name for one in fields(cls)} - {*SEEN}
        state = entry({"design": state}, "design", dict[str, Any])
        design = described(cls, {name: value for name, value in state.items() if name in known})
        design.n_in = tuple(design.n_in) if isinstance(design.n_in, list) else design.n_in
        design.encoder, design.target_encoder = encoder, target_encoder
        try:
            str(design)
        except Exception as error:  # whatever its spec made of it
            raise FileError(f"it is damaged (its design cannot be shown: {error!r:.80})") from None
        return design


def design(X: Any, y: Any = None, task: str | None = None, columns: dict[str, str] | None = None,
           preset: str = DEFAULT) -> Design:
    """Design what to train for this X and target, and how, each choice with its reason.

    X is any table, images or sequences (n rows), as ct.Classifier takes them; y its target (n,) or (n, outputs), None
    where X brings its own. task overrules what y is taken for: 'regression', 'binary', 'multiclass', 'multilabel' or
    'multi-output regression'. columns overrules what columns of a table are taken for,
    {"shop": "category", "note": "drop"}. preset: "fast", "default" or "best", of a table (see ct.Classifier). Raises
    DataError for data that cannot be learnt from.

    >>> import numpy as np, cutaway as ct
    >>> X, y = ct.datasets.make("moons", n=500)
    >>> plan = ct.design(X, y)
    >>> plan.task, plan.n_in, plan.n_out, plan.link, plan.loss
    ('binary', 2, 1, 'sigmoid', 'binary_cross_entropy')
    >>> plan.members, plan.hidden
    (4, (128, 128))
    >>> ct.design(X, y, preset="fast").network()
    MLP(2 -> 128 -> 128 -> 1, relu, 17,025 parameters)
    >>> ct.design(np.random.default_rng(0).integers(0, 255, (500, 28, 28), np.uint8), np.arange(500) % 10).kind
    'cnn'
    """
    inputs = kind_of(X)
    read = inputs.read(X)
    X, y = inputs.with_target(read.X, read.y if y is None else y, None)
    target = TargetEncoder(task).fit(y)
    check_preset(preset, inputs.name)
    encoder = inputs.encoder(X, None, read.names, columns=asked_kinds(columns), target=target, y=y)
    made = plan(inputs, len(as_target(y)[0]), encoder, target, preset=preset)
    inputs.show(made, X, y)
    return made


def plan(inputs: Inputs, rows: int, encoder: Any, target: TargetEncoder, validation: float = 0.1,
         batch_size: int | None = None, epochs: int | None = None, preset: str | None = DEFAULT,
         whole: bool = True) -> Design:
    """The design for `rows` encoded rows and a target; a share of them is held back, unless they are few. whole: no
    others will be learnt from."""
    fewest = inputs.fewest if preset is None else inputs.fewest_for(encoder)
    share = 0.0 if rows < fewest else validation
    m = left_over(rows, share)
    chosen = inputs.design(rows, m, encoder, batch_size, preset)
    link, loss = OUTPUTS[target.task]
    design = Design(
        task=target.task, rows=rows, n_in=inputs.n_in(encoder), n_out=target.n_outputs, link=link, loss=loss,
        validation=share, patience=None, inputs=inputs.name, encoder=encoder, target_encoder=target, **chosen,
    )
    if design.kind == "mlp":
        few = preset in PRESETS and PRESETS[preset].linear and whole and (
            rows < FEW_FOR_LINEAR or is_wide(rows, inputs.n_in(encoder)))
        few = few and not getattr(encoder, "codes", None)
        design.spec |= {} if whole else {"networks": 1}
        if design.spec.get("bins") and target.task == "binary" and rows >= MANY_FOR_FINE_BINS:
            design.spec |= {"bins": FINE_BINS}
        if inputs.name == "table" and preset in PRESETS and target.task in ("multiclass", "multilabel"):
            design.epochs, design.reasons["epochs"] = epochs_for(m, -(-m // design.batch_size))  # see Preset
        design.validation = held_by_each(share, design.networks, rows)
        design.spec = design.spec | {"linear": few and inputs.name == "table" and target.task != "multilabel"}
    if design.kind == "fcn" and not whole:
        design.spec = design.spec | {"linear": False}
    if epochs is not None:
        design.epochs = epochs
    design.patience = patience_for(design.epochs, inputs.name) if share else None
    design.reasons |= {
        "task": f"the target has {target.reason}" if target.reason != "as asked" else target.reason,
        "output": OUTPUT_REASONS[target.task],
        "loss": LOSS_REASONS[loss],
        "schedule": "small steps until its averages are warm, and small ones to settle",
        "linear": design.reasons.get("linear",
                                     "alone, a network of few rows is often worse than it; the mean of both seldom is"),
        "validation": f"{inputs.many} that are not learnt from show when to stop; the best weights are kept"
        if share
        else f"too few {inputs.many} to hold some back" if rows < fewest
        else f"every {inputs.one} is learnt from, to the last epoch",
    }
    return design


def left_over(rows: int, share: float) -> int:
    """Count the rows to learn from where a share is held back, as ct.fit does it."""
    return rows - (min(max(1, round(share * rows)), rows - 1) if share else 0)


def patience_for(epochs: int, inputs: str = "sequences") -> int:
    """Choose how many epochs pass without a better validation loss before training stops."""
    waits = max(5, math.ceil(PATIENCE * epochs))
    return min(waits, MOST_PATIENCE_OF_TABLES) if inputs == "table" else waits


def suit_rate(made: Design, widths: Sequence[int]) -> None:
    """Raise the learning rate of an MLP for hidden layers narrower than those it was tried with."""
    factor = rate_factor(made.rows, widths) if made.kind == "mlp" else 1.0
    if factor > 1:
        made.lr = float(f"{known(made.lr) * factor:.2g}")
        made.reasons["optimizer"] += "; narrow layers take longer steps"


# ---- in words --------------------------------------------------------------------------------------------------------


def _input_words(inputs: str, n_in: Any) -> str:
    if inputs == "images":
        return image_words(n_in)
    return counted(n_in, "feature") + (" a time step" if inputs == "sequences" else "")


def _hidden_words(made: Design) -> str:
    widths = " and ".join(map(str, made.hidden))
    dropout = f", dropout {made.dropout:g}" if made.dropout else ""
    return (f"{widths}, {made.activation}" if widths or made.kind == "mlp" else "none") + dropout


def _beside(made: Design) -> dict[str, str]:
    """Describe what answers together with the network."""
    members = {"members": f"{made.members}, side by side"} if made.members > 1 else {}
    apart = "other rows held back" if made.validation and "validation" not in made.asked else "weights of its own"
    networks = {"networks": f"{made.networks}, each with {apart}"} if made.networks > 1 else {}
    sees = f"on {made.spec['convolutions']:,} random convolutions" if made.kind == "fcn" else "one"
    return members | networks | ({"linear": f"{sees} beside it, half of the answer"} if made.linear else {})


def _layers(made: Design) -> dict[str, str]:
    """Describe what lies before the hidden layers."""
    spec, rows = made.spec, {}
    if made.front is not None and made.front.bins:
        rows["numbers"] = f"{counted(len(made.front.columns), 'number')} in {sum(made.front.bins)} bins"
    if spec.get("augment"):
        unit = {"shift": " pixels", "rotate": " degrees"}
        rows["augment"] = ", ".join(f"{k} {v}{unit.get(k, '')}" for k, v in spec["augment"].items() if v)
    filters = spec.get("channels") or spec.get("front") or ()
    if made.kind == "fcn":
        windows, strides = (" and ".join(map(str, spec[name])) for name in ("windows", "strides"))
        rows["filters"] = f"{' and '.join(map(str, filters))}, of {windows} steps" + (
            f", every {strides}" if set(spec["strides"]) != {1} else "")
    elif filters:
        window = "3 x 3 pixels" if made.kind == "cnn" else f"{spec['window']} steps, every {spec['stride']}"
        rows["filters"] = f"{' and '.join(map(str, filters))}, of {window}"
    if made.kind == "recurrent":
        ways = ", both ways" if spec["bidirectional"] else ""
        layers = f", {spec['layers']} layers" if spec["layers"] > 1 else ""
        rows["recurrent"] = f"{spec['cell'].upper()}, {spec['width']} units{layers}{ways}"
    return rows
