"""What Classifier and Regressor share: X -> encoders -> design -> network -> ct.fit -> predictions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..data import TargetEncoder, Windows, forecast_split
from ..data.column_kinds import asked_kinds
from ..data.doubts import Doubts
from ..data.limits import SHARE_BEFORE
from ..data.reading import is_frame
from ..data.targets import as_target
from ..errors import ArgumentError, DataError, ShapeError, TrainingError, TrainingWarning
from ..nn import Linear, Module
from ..optim.schedules import AUTO
from ..staged import from_sparse
from ..train.fit import beginning
from ..train.past import Past
from . import folds, rehearsal
from .arguments import check_arguments, refuse_left_out, seed_of, tell_of_fit_only, tell_of_no_validation
from .built import WithDiagram
from .constant import answer_constant, tell_of_constants
from .description import describe, rebuild
from .design import Design, patience_for, plan, suit_rate
from .design_tables import held_by_each
from .found_linear import find_again
from .inputs import KINDS, Inputs, kind_of, refuse_other_kind, take
from .nested import Nested
from .networks import count_outputs, embeds, own_network
from .notes import tell
from .own_rows import WithOwnRows
from .passes import one_pass, state_of
from .presets import check_preset
from .running import check_runs_on, runs_on, told
from .sparse import row_encoder
from .state import PRIVATE, Fitted, all_or_nothing, forget
from .weights import row_weights


@dataclass
class TrainingRows:
    """The rows that count: what kind they are, X, targets, weights (n,) or None, and the names of X's features.

    `held` are row numbers to learn from and to hold back, where they must not be drawn by chance; `rehearsed` those of
    the earlier and the latest rows, where a second network learns from the earlier ones alone, and `stretches` the
    stretch of time of each of the latest; `groups` (n,) which rows stay on one side. `of`: how many rows there are in
    all, where these are a sample.
    """

    kind: Inputs
    X: Any
    y: Any
    weights: np.ndarray | None
    names: list[str] | None = None
    held: tuple[np.ndarray, np.ndarray] | None = None
    rehearsed: tuple[np.ndarray, np.ndarray] | None = None
    stretches: np.ndarray | None = None
    groups: np.ndarray | None = None
    of: int = 0

    def __len__(self) -> int:
        return self.kind.count(self.X)

    def take(self, kept: np.ndarray) -> TrainingRows:
        weights = None if self.weights is None else self.weights[kept]
        return TrainingRows(self.kind, self.kind.take(self.X, kept), take(self.y, kept), weights, self.names)


class Estimator(WithDiagram, WithOwnRows, Fitted, Nested, BaseEstimator):
    """A whole problem: raw tables, images or sequences in, predictions in the target's own terms out."""

    model_: Module
    design_: Design
    encoder_: Any
    target_encoder_: TargetEncoder
    _program: Any
    _compiled: tuple[list[tuple[int, ...]], bool, int]

    #: Names of the losses that fit the tasks of this estimator, by task.
    losses_for: ClassVar[dict[str, tuple[str, ...]]]
    #: Names of the scores that training can go by.
    monitors: ClassVar[tuple[str, ...]]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> Any:
        """Learn from X, n rows, and y (n,) or (n, outputs), rows counting as much as their weights (n,).

        X is a table, images or sequences, in any of the forms that the class takes; y may be left out where X brings
        labels of its own. groups (n,) says which rows belong together, such as those of one patient: all of a group are
        learnt from, or all are held back to see when to stop. Returns the estimator. Ctrl-C ends training early and
        keeps the best weights so far. Where there is nothing to learn (a constant target, no column that says anything)
        a warning says so, and predictions are constant. Raises DataError for data that cannot be learnt from,
        ArgumentError for an argument of the constructor outside its values, TrainingError where training leaves the
        finite numbers before any validation score is one; the estimator is then as it was before.
        """
        began = time.perf_counter()
        with all_or_nothing(self):
            return self.train(self._prepare(X, y, sample_weight, groups, constant=True), began)

    def prepare(self, X: Any, y: Any = None, sample_weight: Any = None, groups: Any = None) -> TrainingRows:
        """The first half of fit: reads X and makes encoders, `design_` and a network with its first weights.

        `train` takes what it gives back; in between the design may be looked at, and changed. Where there is nothing to
        learn, this raises DataError.
        """
        return self._prepare(X, y, sample_weight, groups, constant=False)

    def _prepare(self, X: Any, y: Any, sample_weight: Any, groups: Any, constant: bool) -> TrainingRows:
        self._check_arguments()
        check_runs_on(self)
        refuse_left_out(self, "loss", "optimizer", "network", "monitor")
        rows = self._rows(X, y, sample_weight)
        self._begin(rows, constant=constant)
        rehearsal.divide(self, rows, groups, sample_weight)
        if rows.rehearsed is not None and rehearsal.look_up_renewed(self, rows):
            split = self.design_.split, self.design_.reasons["split"]
            self._plan(rows, self.encoder_, self.target_encoder_)
            self.design_.split, self.design_.reasons["split"] = split
        return rows

    def train(self, rows: TrainingRows, began: float | None = None, checkpoint: Any = None) -> Any:
        """The second half of fit: trains as `design_` says. `began` is when the time limit began to run; `checkpoint`
        a folder that training writes to every few seconds, and goes on from."""
        began = time.perf_counter() if began is None else began
        design, held = self.design_, None
        if isinstance(self.validation, tuple | list):
            Xv, yv, wv = (*self.validation, None)[:3]
            held = self._rows(Xv, yv, wv, like=self.inputs_)
        elif rows.held is not None and design.validation and not (rows.groups is not None and design.networks > 1):
            held = rows.take(rows.held[1])
            rows = rows.take(rows.held[0])
        Z, T, w = self._encoded(rows)
        validation: Any = design.validation or None if held is None else self._encoded(held, learning=False)
        self._set_limits(T)
        left, first = rehearsal.left_of(self.time_limit, began), rehearsal.copied(self, rows)
        if left is not None and first is not None:
            left *= SHARE_BEFORE
        how: dict[str, Any] = {
            "loss": self._loss(), "optimizer": self.optimizer or design.optimizer(), "epochs": design.epochs,
            "validation": validation, "sample_weight": w, "seed": self._seed,
            "shuffle": design.batch_size < design.train_rows, "early_stopping": design.patience,
            "progress": bool(self.verbose), "time_limit": left, "callbacks": self.callbacks,
            "monitor": "loss" if validation is None else self._monitor(), **runs_on(self),
            "exact": self.exact,
        } | ({} if checkpoint is None else {"checkpoint": checkpoint, "resume": True})
        batch_size = min(design.batch_size, len(T))
        if design.networks > 1:
            self.run_, past = folds.learn(self, Z, T, how, batch_size, rows.groups)
        else:
            past = self._train_one(Z, T, w, batch_size, how)
        self.history_ = self.run_.history
        answer_constant(self, T, w)
        with rehearsal.rehearsed(self, rows, first, how, batch_size, began, past) as past:
            self._ask_held_back(past)
        return self

    def _train_one(self, Z: Any, T: np.ndarray, w: np.ndarray | None, batch_size: int, how: dict[str, Any]) -> Past:
        """Train one network on encoded rows, and give what its run did."""
        design = self.design_
        training = beginning(self.model_, Z, T, batch_size=batch_size, **how)
        if training.note and self.batch_size == "auto":
            batch_size = design.batch_size = leaves_none(batch_size, len(training.past.rows))
            design.reasons["batch"] += "; so that batch norm never meets a single row"
            training = beginning(self.model_, Z, T, batch_size=batch_size, **how)
        if not len(training.run.steps):  # else it goes on from a checkpoint
            find_again(self.model_, Z, T, w, training.past.rows, design.link != "identity", self._seed)
        training.run.design = design
        self.run_ = training.go()
        if training.trouble and self.run_.last is None:
            raise TrainingError(training.trouble)
        for said in training.warnings():
            tell(said, TrainingWarning)
        if design.lr == AUTO and self.run_.lr_found is not None:
            design.lr, design.reasons["optimizer"] = self.run_.lr_found, "its learning rate was found before training"
        return training.past

    def _partial_fit(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> Any:
        """Make one pass over the rows given. The first call fixes the encoders and the network."""
        with all_or_nothing(self):
            self._check_arguments()
            check_runs_on(self)
            refuse_left_out(self, "loss", "optimizer")
            begun = hasattr(self, "model_")
            rows = self._rows(X, y, sample_weight, like=self.inputs_ if begun else None)
            if not begun:
                tell_of_fit_only(self)
                self._begin(rows, classes, whole=False)
            one_pass(self, *self._encoded(rows))
        return self

    # ---- the steps of fit --------------------------------------------------------------------------------------------
    def _rows(self, X: Any, y: Any, sample_weight: Any, like: Inputs | None = None) -> TrainingRows:
        """The rows that count. `like`: they must be of this kind, read as the encoder's were."""
        kind = kind_of(X) if like is None else like
        if like is not None:
            refuse_other_kind(like, X)
        if like is None:
            self._named = hasattr(X, "columns") or hasattr(X, "column_names") or isinstance(X, dict | str | PathLike)
        if y is None and kind.name == "table" and not isinstance(X, str | PathLike):
            raise DataError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        read = kind.read(X, None if like is None else self.encoder_)
        y = read.y if y is None else y
        if y is None:
            raise DataError(
                f"{type(self).__name__} requires y to be passed, but the target y is None, and these {kind.many} come "
                "without labels."
            )
        rows = TrainingRows(kind, read.X, y, None, read.names)
        n = len(rows)
        if n == 0:
            shape = f" (shape={read.X.shape})" if hasattr(read.X, "shape") else ""
            raise DataError(f"No {kind.many}: 0 sample(s){shape} while a minimum of 1 is required.")
        targets = len(as_target(y)[0])
        if targets != n:
            raise DataError(
                f"X has {n} {kind.many}, y {targets}: inconsistent numbers of samples. Give y one value a row of X."
            )
        rows.weights = row_weights(sample_weight, n)
        if rows.weights is not None and not rows.weights.all():
            kept = np.flatnonzero(rows.weights)
            rows, X = rows.take(kept), X[kept] if isinstance(X, Windows) else X
        if isinstance(X, Windows) and isinstance(self.validation, float) and n >= kind.fewest:
            learn, steer = forecast_split(X, self.validation)
            rows.held = learn, steer
        return rows

    def _target(self, y: Any, weights: np.ndarray | None, classes: Any = None, constant: bool = False) -> TargetEncoder:
        raise NotImplementedError

    def _begin(self, rows: TrainingRows, classes: Any = None, constant: bool = False, whole: bool = True) -> None:
        """Make encoders, design and a network with first weights. constant: also where there is nothing to learn;
        whole: these are all rows that will be learnt from."""
        n, kind = len(rows), rows.kind
        if n < 2:
            raise DataError(
                f"There is only one sample (n_samples={n}): a network needs at least 2 {kind.many} to learn from."
            )
        target = self._target(rows.y, rows.weights, classes, constant)
        forget(self, PRIVATE)
        encoder = kind.encoder(rows.X, rows.weights, rows.names, constant=constant,
                               columns=asked_kinds(self.columns), embed=embeds(self.network), target=target, y=rows.y)
        kind.named(encoder, type(self).__name__)
        tell_of_constants(encoder, target)
        self._plan(rows, encoder, target, whole)

    def _plan(self, rows: TrainingRows, encoder: Any, target: TargetEncoder, whole: bool = True) -> None:
        """Make a design and a network with first weights, for rows that these encoders read."""
        n, kind = rows.of or len(rows), rows.kind
        own_validation = isinstance(self.validation, tuple | list)
        share = self.validation if isinstance(self.validation, float) else 0.0
        batch = {"auto": None, "full": n}.get(self.batch_size, self.batch_size)
        check_preset(self.preset, kind.name)
        design = plan(kind, n, encoder, target, share, batch, self.epochs,
                      self.preset if isinstance(self.network, list | tuple | dict | str) else None, whole)
        if self.precision is not None:
            design.take_precision(self.precision)
        design.asked |= told(self)
        self._seed = seed_of(self.random_state)
        model = self._network(design, rows)
        design.validation = held_by_each(design.validation and share, design.networks, n)
        if own_validation:
            design.asked["validation"] = "data of your own"
            design.patience = patience_for(design.epochs, kind.name)
        if self.early_stopping is not True:
            design.patience = int(self.early_stopping) or None if design.patience else None
        if not own_validation and self.validation is not None and not design.validation:
            tell_of_no_validation(self, n, max(kind.fewest, kind.fewest_for(encoder)))
        if self.monitor != "loss" and design.validation:
            name = self.monitor[0] if isinstance(self.monitor, tuple | list) else self.monitor
            design.reasons["validation"] += f"; by {getattr(name, '__name__', name)}"
        for name, given in (("batch", self.batch_size != "auto"), ("epochs", self.epochs is not None)):
            if given:
                design.reasons[name] = "as asked"
        if self.optimizer is not None:
            design.asked |= {"optimizer": repr(self.optimizer), "schedule": "its own"}
        if kind.name == "table":  # scikit-learn's, for rows of features: clients probe with (1, n_features_in_)
            self.n_features_in_ = kind.n_raw(encoder)
        if self.__dict__.pop("_named", False) and is_frame(rows.X):
            self.feature_names_in_ = np.array([str(name) for name in rows.X.columns], dtype=object)
        self.encoder_, self.target_encoder_, self.design_, self.model_ = encoder, target, design, model

    def _network(self, design: Design, rows: TrainingRows) -> Module:
        """The network to train; writes into the design what the caller chose."""
        alone = design.task == "multiclass" and design.n_out == 1  # one class: there is nothing to weigh
        if isinstance(self.loss, str) and not alone:
            design.loss, design.reasons["loss"] = self.loss, "as asked"
        elif self.loss is not None:
            design.asked["loss"] = getattr(self.loss, "__name__", "a function")
        if design.task == "binary" and self.loss == "cross_entropy":
            _two_outputs(design)
        if getattr(design.encoder, "blank", False) and not callable(self.network):
            design.change({"hidden": ()})
            return design.network(self._seed)
        if isinstance(self.network, list | tuple | dict):
            design.change(self.network if isinstance(self.network, dict) else {"hidden": self.network})
        if isinstance(self.network, list | tuple | dict | str):
            if callable(self.loss) or self.loss == "quantile":
                design.alone("its loss takes one network's outputs")
            rows.kind.show(design, rows.X, rows.y, rows.weights)
            return design.network(self._seed)
        kind = KINDS[design.inputs]
        model = own_network(self.network, design.n_in, design.n_out, design.dtype, self._seed, self.start)
        layers = [layer.n_out for _, layer in model.named_modules() if isinstance(layer, Linear)]
        suit_rate(design, layers[:-1])
        design.asked["hidden"] = f"{type(model).__name__}, {sum(p.size for p in model.parameters()):,} parameters"
        outputs = count_outputs(model, kind.example(design.encoder), f"{kind.name}, {kind.words(design.encoder)}")
        if design.task == "binary" and outputs == 2 and self.loss is None:
            _two_outputs(design)
        if outputs != design.n_out:
            raise ArgumentError(
                f"the network has {outputs} outputs, but this {design.task} target needs {design.n_out}: give its last "
                f"layer {design.n_out}."
            )
        return model

    def _encoded(self, rows: TrainingRows, learning: bool = True) -> tuple[Any, np.ndarray, Any]:
        """Encode inputs, targets and weights as the program takes them; `learning`: they are those to learn from."""
        Z = self._encoded_rows(rows.X)
        Z = rows.kind.to_learn_from(Z, self.encoder_, self._seed) if learning else Z
        T = self.target_encoder_.transform(rows.y, self.design_.dtype)
        weights = self._weighed(T, rows.weights, learning)
        if self.design_.loss == "cross_entropy":
            T = T.astype(np.int32)
        return Z, T, weights

    def _weighed(self, T: np.ndarray, weights: np.ndarray | None, learning: bool) -> np.ndarray | None:
        return weights

    def _set_limits(self, T: np.ndarray) -> None:
        """Remember what is needed of the targets besides their encoder."""

    def _monitor(self) -> Any:
        """The score of the rows held back by which the best weights are kept."""
        return self.monitor

    def _ask_held_back(self, past: Past) -> None:
        """Learn of the rows held back how sure the trained network may be."""

    def _loss(self) -> str | Callable:
        return self.loss if callable(self.loss) else self.design_.loss

    # ---- using it ----------------------------------------------------------------------------------------------------
    @property
    def inputs_(self) -> Inputs:
        """The kind of input that was learnt from."""
        check_is_fitted(self)
        return KINDS[self.design_.inputs]

    def _outputs(self, Z: Any) -> np.ndarray:
        """Compute raw outputs (n, n_out) for encoded rows."""
        z = self.model_.predict(Z, threads=self.threads)
        if z.size != len(Z) * self.design_.n_out:
            raise ShapeError(f"the network gives {z.shape[1:]} for a row, and {self.design_.n_out} outputs are needed")
        return z.reshape(len(Z), -1)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the rows of X, in the target's own terms: (n,), or (n, outputs).

        X is what `fit` takes, of the same kind. A frame's columns are found by name, in any order, and others are
        ignored; image files are brought to the size and channels of training where that was done in training.
        """
        return self._predict_encoded(self.encode(X))

    def encode(self, X: Any) -> Any:
        """The rows of X as the network takes them: (n, features), (n, height, width, channels) or sequences.

        Those of a large sparse table are made as they are read (`Staged`); np.asarray makes them all.
        """
        kind = self.inputs_
        refuse_other_kind(kind, X)
        return self._encoded_rows(kind.read(X, self.encoder_).X)

    def _encoded_rows(self, X: Any) -> Any:
        dtype = self.design_.dtype
        if not hasattr(X, "tocsr"):
            return self.encoder_.transform(X, dtype)
        return from_sparse(X, row_encoder(self.encoder_, X, dtype))

    def fit_arguments(self, X: Any, y: Any = None, sample_weight: Any = None) -> dict[str, Any]:
        """Make the arguments of ct.fit to train this network on these rows, all as its loss and its layers have it.

        model, X and y (encoded), sample_weight (with the classes' weights), loss, optimizer and precision, by name. X,
        y: as `fit` takes them. What looks into training (ct.trace, ct.step, ct.diagnose) goes by it.
        """
        rows = self._rows(X, y, sample_weight, like=self.inputs_)
        Z, T, w = self._encoded(rows, learning=False)
        return {"model": self.model_, "X": Z, "y": T, "sample_weight": w, **self.loss_and_optimizer()}

    def loss_and_optimizer(self) -> dict[str, Any]:
        """The loss, optimizer and precision that this network is trained with, by name, as ct.fit takes them."""
        return {"loss": self._loss(), "optimizer": self.optimizer or self.design_.optimizer(),
                "precision": self.precision}

    @property
    def encoded_names(self) -> list[str] | None:
        """What the network's inputs are called; None where they are pixels."""
        return getattr(self.encoder_, "feature_names", None)

    def doubts(self, X: Any) -> Doubts:
        """Find what in the rows of X is unlike every row of training, so that predictions for them are guesses.

        Values outside training's range, by how far, categories never seen, gaps where none were; of sequences lengths
        too, of images brightness. `predict` itself never warns: it may be asked a million times.

        >>> import cutaway as ct
        >>> model = ct.Regressor(epochs=1).fit({"size": [30.0, 45.0, 60.0, 50.0], "zone": list("ABAB")}, [1, 2, 3, 4])
        >>> print(model.doubts({"size": [40.0, 40_000.0], "zone": ["C", "A"]}))
        2 of 2 rows are unlike those of training: size far outside: 40,000, training had 30 to 60 (1 row); \
zone never seen: 'C' (1 row)
        >>> model.doubts({"size": [40.0, 40_000.0], "zone": ["C", "A"]}).rows
        array([1, 1])
        """
        kind = self.inputs_
        refuse_other_kind(kind, X)
        return self.encoder_.doubts(kind.read(X, self.encoder_).X)

    def _predict_encoded(self, Z: np.ndarray) -> np.ndarray:
        return self._predictions(self._outputs(Z))

    def _predictions(self, z: np.ndarray) -> np.ndarray:
        """Bring raw outputs (n, n_out) to the target's own terms."""
        raise NotImplementedError

    def answers(self, Z: np.ndarray) -> np.ndarray:
        """Give probabilities, or predictions where there are no classes, for encoded rows."""
        raise NotImplementedError

    def said(self, Z: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Predict encoded rows; where there are classes, give their probabilities, too."""
        return self._predict_encoded(Z), None

    # ---- files -------------------------------------------------------------------------------------------------------
    def to_description(self) -> dict[str, Any]:
        """Describe everything fitted besides the network's weights, as plain JSON values."""
        check_is_fitted(self)
        return describe(self)

    @classmethod
    def from_description(cls, module: Module, description: dict[str, Any]) -> Any:
        """The estimator again, from its network and what `to_description` gave."""
        return rebuild(cls, module, description)

    # ---- what scikit-learn asks --------------------------------------------------------------------------------------
    def _check_arguments(self) -> None:
        check_arguments(self)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Keep everything but the run, which holds the training data."""
        state = dict(super().__getstate__())
        state.pop("_run", None)
        program = state.pop("_program", None)
        if program is not None:
            state["_program_state"] = state_of(program)
        return state


def _two_outputs(design: Design) -> None:
    design.n_out, design.link, design.loss = 2, "softmax", "cross_entropy"
    design.reasons["output"] = "one neuron a class, as asked"


def leaves_none(batch_size: int, rows: int) -> int:
    """The batch size nearest to this one whose last batch has more than one row.

    >>> leaves_none(64, 321), leaves_none(2, 5)
    (63, 3)
    """
    return next(size for away in range(1, rows + 1) for size in (batch_size - away, batch_size + away)
                if 1 < size <= rows and rows % size != 1)
