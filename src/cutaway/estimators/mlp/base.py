"""What MLPClassifier and MLPRegressor share: scikit-learn's meaning of every argument around a compiled program."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from ...engines import compile
from ...errors import ArgumentError, DataError, warn
from ...nn import MLP, Linear, Module
from ...staged import from_sparse, part_of
from ...train import Run
from ...train.events import EpochEnded
from ...train.feeding import Data
from ...train.fit import beginning
from ..arguments import refuse_left_out
from ..built import WithDiagram
from ..passes import run_over, state_of
from ..running import runs_on
from ..state import Fitted, all_or_nothing, forget
from ..weights import none_if_equal, row_weights
from .arguments import ACTIVATION_NAMES, check_arguments, hidden_widths
from .gaps import Gaps
from .inside import fit_arguments, input_names
from .objective import Objective
from .onnx import Convertible
from .solvers import ChangingRate, Orders, lbfgs, optimizer_for, shuffled

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)
#: What a fit leaves besides the attributes that end in an underscore.
PRIVATE = ("_best", "_gaps", "_label_binarizer", "_left_out", "_no_improvement_count", "_program", "_rate", "_run",
           "_solver_state")
CLIPPED = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped."


class MLPEstimator(WithDiagram, Fitted, Convertible, BaseEstimator):
    """A multilayer perceptron with scikit-learn's arguments and attributes.

    The state is scikit-learn's: coefs_ and intercepts_, which are views of the network's weights. Assigned to, or
    changed in place, they count.
    """

    #: Names of the losses that it takes.
    losses: ClassVar[tuple[str, ...]]

    n_outputs_: int
    out_activation_: str
    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    loss_curve_: list[float]
    best_loss_: Any
    validation_scores_: Any
    best_validation_score_: Any
    model_: Module

    # ---- what the two kinds do differently ---------------------------------------------------------------------------
    def _targets(self, y: np.ndarray, reset: bool, classes: Any = None, learning: bool = True) -> np.ndarray:
        """Encode y as the loss takes it; set n_outputs_, out_activation_ and, on the first pass, what y is encoded by.

        learning: these are the rows to learn from, and not some to score or look at.
        """
        raise NotImplementedError

    def _stratify(self, T: np.ndarray) -> np.ndarray | None:
        """Choose what validation rows are drawn evenly from."""
        return None

    def _weighed(self, T: np.ndarray, weights: np.ndarray | None, incremental: bool) -> np.ndarray | None:
        return weights

    def _score(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> float:
        """The score of encoded rows; NaN where the outputs are not finite."""
        raise NotImplementedError

    # ---- fit ---------------------------------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn from X (n, features), dense or sparse, and y (n,) or (n, outputs), rows counting as sample_weight (n,).

        Returns the estimator. Ctrl-C keeps what was learnt so far. Raises DataError (a ValueError) for data that cannot
        be learnt from and ArgumentError (a ValueError) for an argument outside its values; the estimator is then as it
        was before.
        """
        with all_or_nothing(self, getattr(self, "model_", None) if self.warm_start else None):
            X, T, w = self._rows(X, y, sample_weight)
            if self.solver == "lbfgs":
                model = self._network()
                scale = w.mean()
                lbfgs(self, model, self._objective(scale), np.asarray(X), T, none_if_equal(w / scale))
                self._show(model)
            else:
                self._train(X, T, w)
            self._refuse_not_finite()
        return self

    @available_if(lambda self: self._is_stochastic())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Make one pass over these rows. Returns the estimator.

        With early_stopping and validation_data, each pass is scored on the latter; after n_iter_no_change passes
        without a better score `stopped_` is True, the best weights are back, and further passes change nothing.
        """
        return self._partial_fit(X, y, sample_weight)

    def _is_stochastic(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError("partial_fit is for solver='adam' or 'sgd': lbfgs sees all rows at once.")
        return True

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        with all_or_nothing(self):
            return self._pass(X, y, sample_weight, classes)

    def _pass(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> Any:
        check_arguments(self)
        refuse_left_out(self, "loss")
        if self.early_stopping and self.validation_data is None:
            raise ArgumentError(
                "partial_fit does not support early_stopping=True without rows to score: pass "
                "validation_data=(X, y) to the constructor."
            )
        if getattr(self, "stopped_", False):
            warn("this network stopped learning early (stopped_ is True): its weights stay.",
                          ConvergenceWarning)
            return self
        X, T, w = self._rows(X, y, sample_weight, incremental=True, classes=classes)
        if not len(T):  # all are of classes that class_weight leaves out
            return self
        program = self._programmed(X, T)
        order = np.arange(len(T))
        losses = run_over(program, Data(X, T, w), shuffled(order, self._random_state) if self.shuffle else order)
        if not program.engine.finite:
            raise DataError(f"{NOT_FINITE} The weights are those of the step before.")
        sizes = np.full(len(losses), program.engine.batch_size)
        sizes[-1] = len(T) - sizes[:-1].sum()
        self.n_iter_ = 1
        held = self._held_out()
        enough = self._epoch_done(float(np.average(losses, weights=sizes)), len(T), program.state.t, held)
        self.stopped_ = (enough and self.early_stopping) or self._tell_of_pass(program)
        if enough and self.early_stopping:
            self._put_back_best()
        return self

    def _tell_of_pass(self, program: Any) -> bool:
        """Tell the callbacks of a pass, as of an epoch; whether one of them asked for the end."""
        if not self.callbacks:
            return False
        number = len(self.loss_curve_)
        run = Run(self.model_, program, number, program.engine.batch_size, 0, epochs_done=number)
        row = {"epoch": float(number), "loss": self.loss_, "lr": self.learning_rate_}
        run.history.extend({"epoch": np.arange(1.0, number + 1), "loss": np.array(self.loss_curve_)})
        for callback in self.callbacks:
            callback(EpochEnded(run, number, row))
        return bool(run.stopping)

    def _rows(self, X: Any, y: Any, sample_weight: Any, incremental: bool = False,
              classes: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Check and encode rows, targets and weights; on the first pass, set up everything but the training."""
        check_arguments(self)
        refuse_left_out(self, "loss")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        if first:
            forget(self, PRIVATE)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=(np.float64, np.float32), reset=first,
            ensure_all_finite="allow-nan", y_numeric=is_regressor(self),
        )
        X, y, weights = _counted(X, y, row_weights(sample_weight, len(y)))
        T = self._targets(y, first, classes)
        X, T, weights = _counted(X, T, self._weighed(T, weights, incremental))
        if not len(T) and not incremental:
            raise DataError("class_weight is zero for every class here: no row is left to learn from.")
        self._random_state = check_random_state(self.random_state)
        if first or not hasattr(self, "_gaps"):
            self._gaps = Gaps(X, weights)
        if first:
            self._start(self._gaps.width, X.dtype)
        T = T if T.dtype.kind == "i" else T.astype(self._dtype)
        return self._filled(X), T, np.ones(len(T)) if weights is None else weights

    def _start(self, n_in: int, dtype: np.dtype) -> None:
        """Draw first weights as scikit-learn does: U(±√(6 / (inputs + outputs))), 2 for the logistic."""
        widths = [n_in, *hidden_widths(self.hidden_layer_sizes), self.n_outputs_]
        self.n_layers_, self.n_iter_, self.t_ = len(widths), 0, 0
        self.coefs_, self.intercepts_ = [], []
        for fan_in, fan_out in pairwise(widths):
            bound = np.sqrt((2.0 if self.activation == "logistic" else 6.0) / (fan_in + fan_out))
            self.coefs_.append(self._random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
            self.intercepts_.append(self._random_state.uniform(-bound, bound, fan_out).astype(dtype))
        if self.solver != "lbfgs":
            self.loss_curve_, self._no_improvement_count = [], 0
            self.best_loss_ = None if self.early_stopping else np.inf
            scored = self.early_stopping or self.validation_data is not None
            self.validation_scores_ = [] if scored else None
            self.best_validation_score_ = -np.inf if scored else None

    # ---- the network -------------------------------------------------------------------------------------------------
    @property
    def _dtype(self) -> np.dtype:
        return self.coefs_[0].dtype

    def _network(self) -> Module:
        """The network that coefs_ and intercepts_ show; made, or brought up to them, where they were set by hand."""
        widths = [len(self.coefs_[0]), *map(len, self.intercepts_)]
        wanted = [widths[0], *hidden_widths(self.hidden_layer_sizes), self.n_outputs_]
        if widths != wanted:
            raise ArgumentError(
                f"coefs_ are of layers {widths}, but hidden_layer_sizes={self.hidden_layer_sizes!r} and this data ask "
                f"for {wanted}: fit with warm_start=False to start anew."
            )
        model: Any = getattr(self, "model_", None)
        if model is None or list(model.widths) != widths:
            activation = ACTIVATION_NAMES.get(str(self.activation), str(self.activation))
            model = MLP(widths[0], widths[1:-1], widths[-1], activation, float(self.dropout)).astype(self._dtype)
        model.theta  # noqa: B018  (weights are views of one block from here on)
        shown = True
        for layer, W, b in zip(_layers(model), self.coefs_, self.intercepts_, strict=True):
            if not (np.may_share_memory(layer.weight.data, W) and np.may_share_memory(layer.bias.data, b)):
                layer.weight.data[...], layer.bias.data[...] = np.transpose(W), b
                shown = False
        if not shown or model is not getattr(self, "model_", None):
            self._show(model)
        return model

    def _show(self, model: Module) -> None:
        self.model_ = model
        self.coefs_ = [layer.weight.data.T for layer in _layers(model)]
        self.intercepts_ = [layer.bias.data for layer in _layers(model)]

    def _objective(self, scale: float = 1.0) -> Objective:
        """Make what is minimised, for weights of rows that were divided by `scale`."""
        return Objective(self._loss_name(), self.alpha / scale, self.loss if callable(self.loss) else None)

    def _loss_name(self) -> str:
        """The loss of LOSSES that fits the targets: the one asked for, if it has a name."""
        raise NotImplementedError

    def _outputs(self, X: np.ndarray) -> np.ndarray:
        """Compute raw outputs (n, n_outputs_) of encoded rows."""
        return self._network().predict(X, threads=self.threads)

    def _encode(self, X: Any) -> np.ndarray:
        """Encode X as the network takes it."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False,
                          ensure_all_finite="allow-nan")
        return self._filled(X)

    def _filled(self, X: Any) -> Any:
        """Fill gaps, in the network's precision; rows of large sparse tables they are made as they are read."""
        def filled(rows: Any) -> np.ndarray:
            return self._gaps.fill(rows).astype(self._dtype, copy=False)

        return from_sparse(X, filled) if hasattr(X, "tocsr") else filled(X)

    # ---- looking inside ----------------------------------------------------------------------------------------------
    def encode(self, X: Any) -> np.ndarray:
        """The rows of X as the network takes them: (n, inputs), gaps filled."""
        return self._encode(X)

    def fit_arguments(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Make the arguments of ct.fit to train this network on these rows: see ct.Classifier."""
        return fit_arguments(self, X, y, sample_weight)

    @property
    def encoded_names(self) -> list[str]:
        """What the network's inputs are called."""
        return input_names(self)

    def answers(self, Z: np.ndarray) -> np.ndarray:
        """Give probabilities, or predictions where there are no classes, for encoded rows."""
        raise NotImplementedError

    # ---- Adam and SGD ------------------------------------------------------------------------------------------------
    def _train(self, X: np.ndarray, T: np.ndarray, w: np.ndarray) -> None:
        """Train by epochs of mini-batches, until the loss (or the score of held-out rows) gets no better."""
        model = self._network()
        held = self._held_out()
        if held is None and self.early_stopping:
            learn, check = self._split(T)
            held = part_of(X, check), T[check], w[check]
            X, T, w = part_of(X, learn), T[learn], w[learn]
        scale = w.mean()
        self._rate, self.n_iter_ = ChangingRate(self.learning_rate_init), 0
        stopped: list[bool] = []

        def watch(event: Any) -> None:
            if isinstance(event, EpochEnded):
                self.n_iter_ += 1
                if self._epoch_done(event.row["loss"], len(T), event.run.program.state.t, held):
                    stopped.append(True)
                    event.run.stop("converged")

        seed = self._random_state.randint(2**31) if self.dropout else 0
        training = beginning(
            model, X, T, loss=self._objective(scale), optimizer=optimizer_for(self, self._rate),
            epochs=int(self.max_iter), batch_size=self._batch_size(len(T)), sample_weight=w / scale, seed=seed,
            shuffle=Orders(self._random_state) if self.shuffle else False, callbacks=(watch, *self.callbacks),
            progress=False, **runs_on(self),
        )
        self.run_ = training.go()
        self.history_ = self.run_.history
        self._solver_state = state_of(self.run_.program)
        if training.trouble:
            self._broke_off(training.trouble, held)
        elif self.run_.stopped == "interrupted":
            warn("Training interrupted by user.")
        elif self.n_iter_ == self.max_iter and not stopped:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet.", ConvergenceWarning,
            )
        if held is not None:
            self._put_back_best()

    def _batch_size(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warn(CLIPPED)
        return int(min(self.batch_size, n))

    def _held_out(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """Encode validation_data."""
        if self.validation_data is None:
            return None
        X, y, *weights = self.validation_data
        X, y = self._encode(X), np.asarray(y)
        if len(y) != len(X):
            raise DataError(f"validation_data: X has {len(X)} rows, y {len(y)}: give y one value a row.")
        w = row_weights(weights[0], len(y)) if weights else None
        return X, self._targets(y, False, learning=False), np.ones(len(y)) if w is None else w

    def _split(self, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw numbers of the rows to learn from and to check with, as scikit-learn does."""
        learn, check = train_test_split(np.arange(len(T)), random_state=self._random_state, stratify=self._stratify(T),
                                        test_size=self.validation_fraction)
        if len(check) < 2:
            raise DataError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return learn, check

    def _epoch_done(self, loss: float, rows: int, step: int, held: Any) -> bool:
        """Book a pass over `rows` rows that ended at this step; say whether it is time to stop."""
        self.loss_, self.t_ = loss, self.t_ + rows
        self.loss_curve_.append(loss)
        if self.verbose:
            print(f"Iteration {self.n_iter_}, loss = {loss:.8f}")
        better = False
        if held is not None:
            score = float(self._score(*held))
            self.validation_scores_.append(score)
            if self.verbose:
                print(f"Validation score: {score:f}")
            better = not score < self.best_validation_score_ + self.tol
            if score > self.best_validation_score_:
                self.best_validation_score_, self._best = score, self._network().theta.copy()
        if not self.early_stopping:
            better = not loss > self.best_loss_ - self.tol
            self.best_loss_ = min(loss, self.best_loss_)
        self._no_improvement_count = 0 if better else self._no_improvement_count + 1
        if self.learning_rate == "invscaling" and self.solver == "sgd":
            self._rate.change(self.learning_rate_init / (self.t_ + 1) ** self.power_t, after=step)
        stop = self._no_improvement_count > self.n_iter_no_change and self._out_of_patience(
            step, "Validation score" if self.early_stopping else "Training loss"
        )
        self.learning_rate_ = self._rate.now
        return stop

    def _out_of_patience(self, step: int, what: str) -> bool:
        """Stop; or, with learning_rate="adaptive", go on at a fifth of the rate until that is tiny."""
        why = f"{what} did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs."
        adaptive = self.solver == "sgd" and self.learning_rate == "adaptive"
        stop = not adaptive or self._rate.now <= 1e-6
        if not stop:
            self._rate.change(self._rate.now / 5, after=step)
            self._no_improvement_count = 0
        if self.verbose:
            print(why, "Stopping." if stop else f"Setting learning rate to {self._rate.now:f}")
        return stop

    def _put_back_best(self) -> None:
        """The weights of the best validation score. Raises DataError where no score was a number."""
        if not hasattr(self, "_best"):
            raise DataError(f"{NOT_FINITE} (No epoch had a validation score that is a number.)")
        self._network().theta = self._best

    def _broke_off(self, trouble: str, held: Any) -> None:
        """The loss left the finite numbers: an error, unless weights with a validation score can be put back."""
        if held is None or not hasattr(self, "_best"):
            raise DataError(f"{NOT_FINITE} ({trouble})")
        self.n_iter_ += 1
        self.loss_curve_.append(np.nan)
        self.validation_scores_.append(np.nan)
        warn(f"{trouble} Scale the data, or lower learning_rate_init.", ConvergenceWarning)

    def _refuse_not_finite(self) -> None:
        if not np.isfinite(self.model_.theta).all():
            raise DataError(NOT_FINITE)

    def _programmed(self, X: np.ndarray, T: np.ndarray) -> Any:
        """The training program that partial_fit goes on with, its optimizer in the state that it was left in."""
        model = self._network()
        wanted = 200 if self.batch_size == "auto" else int(self.batch_size)
        program = getattr(self, "_program", None)
        if program is not None and program.model is model and program.engine.batch_size == wanted:
            return program
        if program is not None:
            self._solver_state = state_of(program)
        if not hasattr(self, "_rate"):
            self._rate = ChangingRate(self.learning_rate_init)
        seed = self._random_state.randint(2**31) if self.dropout else 0
        program = compile(model, self._objective(), optimizer_for(self, self._rate), wanted, X[:2],
                          T[:2], weighted=True, seed=seed, **runs_on(self))
        program.state.put(self.__dict__.pop("_solver_state", {}))
        self._program = program
        return program

    # ---- what scikit-learn asks --------------------------------------------------------------------------------------
    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "coefs_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Keep everything but the run, which holds the training data, and the program."""
        state = dict(super().__getstate__())
        state.pop("_run", None)
        program = state.pop("_program", None)
        if program is not None:
            state["_solver_state"] = state_of(program)
        return state


def _counted(X: Any, y: np.ndarray, weights: np.ndarray | None) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """The rows whose weight is not zero."""
    if weights is None or weights.all():
        return X, y, weights
    kept = np.flatnonzero(weights)
    return X[kept], y[kept], weights[kept]


def _layers(model: Module) -> list[Any]:
    return [layer for _, layer in model.named_modules() if isinstance(layer, Linear)]
