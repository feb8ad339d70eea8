"""What people write who come from PyTorch, Keras or NumPy, and the word for it here: what an unknown name is answered.

A table holds other people's words, each with what to write instead. Names that work as they are stand in no table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches
from functools import wraps
from typing import Any

import numpy as np

from .errors import ArgumentError, CutawayError
from .text import bounded, printable


class UnknownName(CutawayError, AttributeError):
    """A name that an object or module does not have, and what may have been meant.

    The text is made when it is read: Python asks many objects for names that they lack (hasattr), and nobody reads it.
    """

    def __init__(self, what: str, name: str, table: dict[str, str], known: Callable[[], Iterable[str]]) -> None:
        AttributeError.__init__(self, what, name)
        self.what, self.wanted, self.table, self.known = what, name, table, known

    def __str__(self) -> str:
        text = f"{self.what} has no {self.wanted!r}"
        known = list(self.known())
        ours = self.table.get(self.wanted)
        if ours is None and self.what in ("Tensor", "ct.ops"):
            ours = _elsewhere(self.wanted, known)
        if ours is not None:
            return bounded(printable(f"{text}. In Cutaway: {ours}"))
        close = closest(self.wanted, known)
        return bounded(printable(text + (f": did you mean {close!r}?" if close else "")))

    def __reduce__(self) -> tuple:
        return CutawayError, (str(self),)


def _elsewhere(name: str, known: list[str]) -> str | None:
    """Say what to write for an operation of other libraries: a similar name is no help, log is not log1p."""
    if name.endswith("_") and name[:-1] in known:
        return f"x = x.{name[:-1]}(...), since no values are changed in place"
    if callable(getattr(np, name, None)):
        return f"there is none with a derivative; outside of a model, np.{name} of x.numpy()"
    return None


class UnknownArgument(CutawayError, TypeError):
    """A keyword argument that a function does not take, and what may have been meant."""


CPU = ('arrays lie on the processor, and networks run there, on as many cores as threads= says: leave it out; to train '
       'on a GPU, ct.fit(..., engine="xla", device="gpu")')
SHARED = {
    "to": CPU, "cuda": CPU, "is_cuda": CPU, "device": CPU, "half": "networks have float32 or float64: net.astype(...)",
    "double": (
        "a Tensor keeps its precision: ct.Tensor(x.numpy().astype('float64')); net.astype('float64') for "
        "networks"
    ),
    "long": "whole numbers: ct.Tensor(x.numpy().astype('int32'))",
    "int": "whole numbers: ct.Tensor(x.numpy().astype('int32'))",
    "astype": "a Tensor keeps its precision: ct.Tensor(x.numpy().astype(...)); net.astype(...) for a network",
    "type": "x.dtype", "requires_grad_": "x.requires_grad = True", "is_leaf": "x.tape is None",
    "grad_fn": "x.tape, the operations that made it, in order: print(x.tape)",
    "retain_grad": "values in between keep their gradient anyway: x.grad after backward()",
    "expand_as": "shapes broadcast by themselves", "gather": "x[rows, columns], by arrays of whole numbers",
    "index_select": "x[rows], by an array of whole numbers", "masked_select": "x[mask]", "select": "x[:, k]",
    "narrow": "x[:, start:end]", "fill_": "x.data[...] = value", "zero_": "x.data[...] = 0",
    "copy_": "x.data[...] = values", "add_": "x = x + y", "mul_": "x = x * y", "sub_": "x = x - y",
    "prod": "ct.ops.exp(ct.ops.log(x).sum()) for positive numbers",
    "topk": "np.sort(x.numpy()), outside of a model", "sort": "np.sort(x.numpy()), outside of a model",
    "copy": "x.clone()", "isnan": "np.isnan(x.numpy())", "any": "x.numpy().any()", "all": "x.numpy().all()",
    "bool": "a comparison, as in x > 0", "ndimension": "x.ndim", "nelement": "x.size", "view_as": "x.reshape(y.shape)",
    "reshape_as": "x.reshape(y.shape)", "type_as": CPU, "register_hook": "ct.trace shows every value and gradient",
    "new_zeros": "np.zeros", "new_ones": "np.ones", "clamp_min": "x.clip(min=...)", "clamp_max": "x.clip(max=...)",
    "fliplr": "x.flip(1)", "flipud": "x.flip(0)", "sign": "ct.ops.where(x > 0, 1.0, -1.0)",
    "log2": "ct.ops.log(x) / np.log(2)",
    "log10": "ct.ops.log(x) / np.log(10)", "tan": "ct.ops.sin(x) / ct.ops.cos(x)", "equal": "x == y, value by value",
    "addmm": "b + u @ v",
    "randn": "rng.standard_normal of NumPy", "logit": "ct.ops.log(x / (1 - x))",
}
TENSOR = SHARED | {"stack": "ct.ops.stack([x, y])", "dropout": "ct.nn.Dropout(p), a layer"} | {
    f: f"ct.ops.{f}(x)" for f in ("gelu", "silu", "elu", "selu", "leaky_relu", "softplus", "mish", "linear", "where")
}
OPS = SHARED | {
    "leakyrelu": "leaky_relu", "swish": "silu", "relu6": "ct.ops.clip(x, 0, 6)", "hardtanh": "ct.ops.clip(x, -1, 1)",
    "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "max", "tensordot": "ct.ops.einsum",
    "scaled_dot_product_attention": "ct.ops.softmax(q @ k.mT / d**0.5) @ v",
    "cross_entropy": "ct.losses.cross_entropy", "mse_loss": "ct.losses.mse", "l1_loss": "ct.losses.mae",
    "binary_cross_entropy_with_logits": "ct.losses.binary_cross_entropy",
    "nll_loss": "ct.losses.cross_entropy on raw outputs", "conv1d": "ct.ops.conv",
    "conv2d": "ct.ops.conv, channels last", "max_pool2d": "ct.ops.max_pool", "avg_pool2d": "ct.ops.avg_pool",
    "zeros": "np.zeros", "ones": "np.ones", "tensor": "ct.Tensor", "from_numpy": "ct.Tensor",
    "no_grad": "plain numbers: x.detach()", "arange": "np.arange", "mse": "ct.losses.mse", "mae": "ct.losses.mae",
    "huber_loss": "ct.losses.huber", "binary_cross_entropy": "ct.losses.binary_cross_entropy",
    "zeros_like": "0 * x; a constant of one row broadcasts, as np.zeros((1, k))",
    "ones_like": "a constant of one row, as np.ones((1, k)), broadcasts", "eye": "np.eye",
}
NN = {
    "Dense": "Linear", "BatchNormalization": "BatchNorm1d, or BatchNorm2d for images",
    "LayerNormalization": "LayerNorm", "Conv3d": "Conv2d; there is none for volumes", "Dropout2d": "Dropout",
    "Dropout1d": "Dropout", "GlobalAveragePooling2D": "GlobalAveragePool",
    "GlobalAveragePooling1D": "GlobalAveragePool", "GlobalMaxPooling2D": "GlobalMaxPool",
    "GlobalMaxPooling1D": "GlobalMaxPool", "AdaptiveAvgPool2d": "GlobalAveragePool, for one number a channel",
    "AdaptiveAvgPool1d": "GlobalAveragePool", "AdaptiveMaxPool2d": "GlobalMaxPool, for one number a channel",
    "MaxPooling2D": "MaxPool2d", "MaxPooling1D": "MaxPool1d", "AveragePooling2D": "AvgPool2d",
    "AveragePooling1D": "AvgPool1d", "Conv2D": "Conv2d", "Conv1D": "Conv1d", "Swish": "SiLU",
    "ModuleList": "a Python list: layers in lists count", "ModuleDict": "a Python dict: layers in dicts count",
    "ParameterList": "one attribute a parameter", "functional": "ct.ops",
    "Bidirectional": "LSTM(..., bidirectional=True)",
    "InstanceNorm2d": "LayerNorm, which normalises each place over its channels", "GroupNorm": "LayerNorm",
    "MultiheadAttention": "ct.ops.matmul and ct.ops.softmax in a Module of your own",
    "TransformerEncoderLayer": "ct.ops.matmul and ct.ops.softmax in a Module of your own",
    "CosineSimilarity": "ct.ops.cosine_similarity", "Upsample": "ct.ops.repeat_interleave",
    "Transformer": "ct.ops.matmul and ct.ops.softmax in a Module of your own", "DataParallel": "ct.fit(..., threads=)",
    "ReLU6": "ct.ops.clip(x, 0, 6)", "Hardtanh": "ct.ops.clip(x, -1, 1)", "Unflatten": "ct.ops.reshape",
    "PReLU": 'Parametric(width, "relu")', "LogSigmoid": "-ct.ops.softplus(-x)",
    "CrossEntropyLoss": 'loss="cross_entropy", or ct.losses.cross_entropy',
    "NLLLoss": 'loss="cross_entropy", on raw outputs', "MSELoss": 'loss="mse", or ct.losses.mse',
    "L1Loss": 'loss="mae", or ct.losses.mae', "HuberLoss": 'loss="huber", or ct.losses.huber',
    "SmoothL1Loss": 'loss="huber", or ct.losses.huber', "PoissonNLLLoss": 'loss="poisson"',
    "BCEWithLogitsLoss": 'loss="binary_cross_entropy", on raw outputs',
    "BCELoss": 'loss="binary_cross_entropy", on raw outputs: leave the Sigmoid out',
    "utils": "ct.optim.clip for gradients", "Input": "nothing: the first layer's n_in says it", "LSTMCell": "LSTM",
    "GRUCell": "GRU", "SimpleRNN": "RNN", "Parameters": "Parameter", "ZeroPad2d": "padding= of the convolution",
}
LOSSES = {name: word.removeprefix('loss="').split('"')[0] for name, word in NN.items() if word.startswith('loss="')} | {
    "mse_loss": "mse", "l1_loss": "mae", "mean_squared_error": "mse", "MeanSquaredError": "mse",
    "squared_error": "mse", "mean_absolute_error": "mae", "MeanAbsoluteError": "mae",
    "nll_loss": "cross_entropy, on raw outputs", "categorical_crossentropy": "cross_entropy",
    "CategoricalCrossentropy": "cross_entropy", "sparse_categorical_crossentropy": "cross_entropy",
    "SparseCategoricalCrossentropy": "cross_entropy", "binary_crossentropy": "binary_cross_entropy",
    "BinaryCrossentropy": "binary_cross_entropy", "binary_cross_entropy_with_logits": "binary_cross_entropy",
    "log_loss": "cross_entropy", "bce": "binary_cross_entropy", "crossentropy": "cross_entropy",
    "smooth_l1_loss": "huber", "huber_loss": "huber", "poisson_nll_loss": "poisson",
}
OPTIM = {
    "lr_scheduler": "ct.optim.schedules, given as the learning rate: ct.optim.AdamW(ct.optim.schedules.cosine(1e-3))",
    "Adagrad": "AdaGrad", "RMSprop": "RMSProp (eps inside the root) or RMSPropOutside (outside, as PyTorch's)",
    "CosineAnnealingLR": "schedules.cosine", "OneCycleLR": "schedules.one_cycle", "StepLR": "schedules.step",
    "ExponentialLR": "schedules.exponential", "LinearLR": "schedules.warmup", "CosineDecay": "schedules.cosine",
    "clip_grad_norm_": "ct.optim.clip(opt, norm=...)", "clip_grad_value_": "ct.optim.clip(opt, value=...)",
    "LBFGS": 'ct.Classifier or MLPClassifier with solver="lbfgs" in cutaway.sklearn', "adam": "Adam", "sgd": "SGD",
    "swa_utils": "ct.optim.average(opt, decay)", "ExponentialMovingAverage": "ct.optim.average(opt, decay)",
}
LOOP = (
    "J.backward(); net.theta[:], state = opt.update(net.theta, net.grad, state); net.zero_grad(). "
    "Or ct.fit does all of it"
)
STEP = f"an optimizer here is a rule without memory: state = opt.init(net.theta) once, then {LOOP}"
INIT = {
    "xavier_uniform": "glorot_uniform", "glorot": "glorot_uniform", "kaiming_normal": "he_normal", "he": "he_normal",
    "kaiming_uniform": "he_normal", "normal": "standard_normal", "uniform": "glorot_uniform", "constant": "zeros",
    "random_normal": "standard_normal", "xavier": "glorot_uniform", "kaiming": "he_normal",
}
INIT |= {name + "_": f"{ours}, as init= of a layer, or p.data[...] = values" for name, ours in INIT.items()}
SCHEDULES = {
    "CosineAnnealingLR": "cosine", "CosineDecay": "cosine", "OneCycleLR": "one_cycle", "StepLR": "step",
    "ExponentialLR": "exponential", "ExponentialDecay": "exponential", "LinearLR": "warmup", "ConstantLR": "constant",
    "LambdaLR": "any function of the step t, given as the learning rate", "linear": "warmup",
    "ReduceLROnPlateau": "ct.fit(..., early_stopping=) ends a run; rates go by the step alone",
}
OPTIMIZER = {
    "step": STEP, "zero_grad": "net.zero_grad()", "param_groups": "opt.lr and its other settings by name",
    "state_dict": "opt.init(...) and opt.update(...) hand you the state",
    "load_state_dict": "the state is yours: hand it to opt.update(...)", "minimize": LOOP, "apply_gradients": LOOP,
    "learning_rate": "opt.lr", "momentum": "opt.beta",
}
MODULE = {
    "cuda": CPU, "device": CPU, "half": "networks have float32 or float64: net.astype(...)",
    "train": (
        "ct.fit switches dropout and batch norm to training itself. In a loop of your own: with "
        "net.training(seed, step): ..."
    ),
    "fit": "ct.fit(net, X, y, loss=...)", "compile": "ct.compile(net, loss, optimizer), or ct.fit at once",
    "summary": "ct.summary(net)", "evaluate": "ct.fit(..., validation=), or net.predict(X) and a score",
    "save": 'ct.save(net, "net.safetensors")', "save_weights": 'ct.save(net, "net.safetensors")',
    "load_weights": "net.load_state_dict(...), or ct.load(path)", "get_weights": "net.state_dict()",
    "set_weights": "net.load_state_dict(...)", "weights": "net.parameters()", "trainable_weights": "net.parameters()",
    "register_buffer": "self.name = ct.nn.Buffer(array)", "register_parameter": "self.name = ct.nn.Parameter(array)",
    "add_module": "set it as an attribute", "add": "ct.nn.Sequential(*layers)", "append": "ct.nn.Sequential(*layers)",
    "buffers": "net.named_buffers()", "named_children": "net.children()", "forward_hook": "ct.trace shows every value",
    "register_forward_hook": "ct.trace(net, X, y, loss=...) shows every value",
    "apply": "net.init(seed), or init= of a layer",
    "requires_grad_": "for p in net.parameters(): p.requires_grad = ...", "backward": "J.backward(), of the loss",
    "predict_proba": "ct.ops.softmax(net.predict(X)), or ct.Classifier", "gamma": "weight", "beta": "bias",
    "kernel": "weight", "in_features": "n_in", "out_features": "n_out", "in_channels": "n_in", "out_channels": "n_out",
    "kernel_size": "window", "input_size": "n_in", "hidden_size": "width", "num_features": "width",
    "num_embeddings": "entries", "embedding_dim": "width", "normalized_shape": "width", "negative_slope": "slope",
}
#: keyword arguments of layers and optimizers
KEYWORDS = {
    "in_features": "n_in", "out_features": "n_out", "in_channels": "n_in", "out_channels": "n_out",
    "kernel_size": "window", "input_size": "n_in", "hidden_size": "width", "num_layers": "layers",
    "num_features": "width", "num_embeddings": "entries", "embedding_dim": "width", "normalized_shape": "width",
    "negative_slope": "slope", "units": "n_out", "filters": "n_out", "strides": "stride", "pool_size": "window",
    "rate": "p", "nonlinearity": "activation", "hidden_sizes": "hidden", "dim": "width", "features": "width",
    "betas": "beta1 and beta2", "beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps", "learning_rate": "lr",
    "rho": "alpha", "momentum": "beta", "use_bias": "bias", "kernel_initializer": "init",
    "batch_first": "nothing: rows always come first", "amsgrad": "nothing: it is ct.optim.AMSGrad",
    "nesterov": "nothing: it is ct.optim.Nesterov",
    "device": 'nothing: ct.fit(..., engine="xla", device="gpu") trains on one',
    "dtype": "nothing: net.astype(...)", "inplace": "nothing: memory is planned by the program",
    "params": "nothing: ct.fit(net, ...) names the network", "padding_mode": "nothing: padding is zeros",
    "weight_decay": "nothing: ct.optim.l2(opt, weight), or ct.optim.AdamW", "alpha": "slope",
    "affine": "nothing: gain and bias are always there", "track_running_stats": "nothing: they always are",
    "elementwise_affine": "nothing: gain and bias are always there",
    "padding_idx": "nothing: ct.Sequences knows lengths",
}


#: names of ct itself
TOP = {
    "tensor": "ct.Tensor", "from_numpy": "ct.Tensor", "Parameter": "ct.nn.Parameter", "no_grad": "x.detach()",
    "manual_seed": "ct.seed, or seed= of ct.fit", "cuda": CPU, "device": CPU, "zeros": "np.zeros", "ones": "np.ones",
    "Model": "ct.nn.Module", "layers": "ct.nn", "optimizers": "ct.optim", "functional": "ct.ops",
    "metrics": "metrics= of ct.fit", "utils": "ct.data", "DataLoader": "ct.fit takes arrays and makes the batches",
    "train": "ct.fit", "evaluate": "net.predict(X) and a score", "float32": "np.float32",
    "float64": "np.float64", "bfloat16": 'precision="bf16" of ct.fit', "autocast": 'precision="bf16" of ct.fit',
}
#: keyword arguments of ct.fit and ct.compile
FIT = {
    "criterion": "loss=, a name or a function (z, y) -> J", "loss_fn": "loss=, a name or a function (z, y) -> J",
    "objective": "loss=, a name or a function (z, y) -> J", "lr": "optimizer=ct.optim.AdamW(lr)",
    "learning_rate": "optimizer=ct.optim.AdamW(lr)", "opt": "optimizer=", "batch": "batch_size=",
    "num_epochs": "epochs=", "n_epochs": "epochs=", "max_epochs": "epochs=", "max_iter": "epochs=",
    "validation_split": "validation=0.1", "validation_data": "validation=(Xv, yv)", "val_data": "validation=(Xv, yv)",
    "amp": 'precision="bf16"', "mixed_precision": 'precision="bf16"', "dtype": 'net.astype(...), or precision="bf16"',
    "random_state": "seed=", "verbose": "progress=", "n_jobs": "threads=", "num_workers": "threads=",
    "class_weight": (
        "sample_weight=, one number a row, or loss=lambda z, y: ct.losses.cross_entropy(z, y, "
        "class_weight=[...])"
    ),
    "weights": "sample_weight=", "weight": "sample_weight=",
    "scheduler": "optimizer=ct.optim.AdamW(ct.optim.schedules.cosine(1e-3))", "patience": "early_stopping=",
    "model": "the network comes first", "net": "the network comes first",
    "weight_decay": "optimizer=ct.optim.AdamW(lr, weight_decay=)",
}


#: keyword arguments of functions of ct.ops and ct.losses
OPERATIONS = {
    "inplace": "nothing: memory is planned by the program", "dtype": "nothing: precision follows the operands",
    "out": "nothing: the result is a new Tensor", "p": "the sum of x.abs() or x.square(), and a root",
    "ord": "the sum of x.abs() or x.square(), and a root", "newshape": "the shape, as reshape's second argument",
    "training": "ct.nn.Dropout, which knows whether it trains", "approximate": "ct.ops.gelu_tanh",
    "reduction": "the mean; others by ct.ops, as ((z - y) ** 2).sum()", "size_average": "the mean",
    "label_smoothing": "y (n, C) as probabilities: (1 - s) np.eye(C)[y] + s / C",
    "ignore_index": "weight=, zero for the rows to leave out", "pos_weight": "weight=, one number a row",
    "from_logits": "nothing: outputs are logits", "normalized_shape": "gamma and beta, which have that shape",
    "beta": "a factor: ct.ops.softplus(beta * x) / beta",
}


def check_settings(owner: str, given: Iterable[str], taken: Collection[str]) -> None:
    """Raise UnknownArgument for a keyword argument that an operation or loss does not take."""
    for name in given:
        if name not in taken:
            ours = OPERATIONS.get(name, "").removeprefix("nothing: ")
            close = closest(name, taken)
            advice = f". In Cutaway: {ours}" if ours else f": did you mean {close}=?" if close else ""
            raise UnknownArgument(f"{owner} takes no {name}={advice}")


def closest(name: str, known: Iterable[str]) -> str | None:
    """Find the name nearest to one that does not exist, capitals and underscores aside."""
    names = {k.lower().replace("_", ""): k for k in known if not k.startswith("_")}
    close = get_close_matches(name.lower().replace("_", ""), names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


def check_keywords(owner: str, given: Collection[str], taken: Collection[str]) -> None:
    """Raise UnknownArgument for a keyword argument that is another library's word for one of ours."""
    for name in given:
        ours = KEYWORDS.get(name)
        fits = ours is not None and (ours.startswith("nothing: ") or set(ours.split(" and ")) <= set(taken))
        if ours is not None and fits and name not in taken:
            raise UnknownArgument(f"{owner} takes no {name}=. In Cutaway: {ours.removeprefix('nothing: ')}")


#: arguments of layers that take none
NONE_TAKEN = {
    "inplace": "memory is planned by the program", "dim": "it is along the last axis; ct.ops has it along any (axis=)",
    "axis": "it is along the last axis; ct.ops has it along any (axis=)",
    "start_dim": "it keeps the rows apart; ct.ops.flatten takes start_dim", "beta": "ct.ops.softplus(beta * x) / beta",
    "end_dim": "it keeps the rows apart; ct.ops.flatten takes end_dim", "approximate": "ct.ops.gelu_tanh",
}


def refuse_all(owner: str, given: Collection[Any], named: Collection[str]) -> None:
    """Raise UnknownArgument for arguments of a layer that takes none."""
    ours = next((NONE_TAKEN[name] for name in named if name in NONE_TAKEN), "")
    got = ", ".join([*(bounded(repr(g)) for g in given), *(f"{name}=" for name in named)])
    raise UnknownArgument(f"{owner} takes no arguments, got {got}" + (f". In Cutaway: {ours}" if ours else ""))


def in_our_words(function: Callable) -> Callable:
    """Make a way to train explain arguments of other libraries: unknown keywords, foreign objects."""
    taken = inspect.signature(function).parameters

    @wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        for name in named.keys() - taken.keys():
            close = closest(name, taken)
            advice = f". In Cutaway: {FIT[name]}" if name in FIT else f": did you mean {close}=?" if close else ""
            raise UnknownArgument(f"ct.{function.__name__} takes no {name}={advice}")
        known = dict(zip(taken, given, strict=False)) | named
        model = known.get("model")
        if isinstance(model, type):
            raise ArgumentError(f"the network is the class {model.__name__}: build one, as in {model.__name__}(...)")
        refuse_foreign(model, known.get("loss"), known.get("optimizer"))
        return function(*given, **named)

    return called


def library(thing: Any) -> str | None:
    """Say "PyTorch" or "Keras" for an object, class or function of theirs, without importing them."""
    homes = [getattr(base, "__module__", None) for base in (*type(thing).__mro__, thing)]
    first = {str(home).split(".")[0] for home in homes if home}
    return "PyTorch" if "torch" in first else "Keras" if first & {"keras", "tf_keras", "tensorflow"} else None


def refuse_foreign(model: Any = None, loss: Any = None, optimizer: Any = None) -> None:
    """Raise ArgumentError for a network, loss or optimizer of another library, with our word for it."""
    for what, thing in (("the network", model), ("the loss", loss), ("the optimizer", optimizer)):
        whose = library(thing)
        if whose is None:
            continue
        kind = getattr(thing, "__name__", type(thing).__name__)
        if what == "the network":
            advice = "build it with ct.nn, whose layers mostly have the same names"
            advice += ', and take its weights along: net.load_state_dict(theirs.state_dict(), layout="torch")'
        elif what == "the loss":
            name = LOSSES.get(kind, kind if kind in LOSSES.values() else None)
            advice = f'say loss="{name.split(",")[0]}"' if name else "give a name, or a function (z, y) of ct.ops"
        else:
            advice = f"say optimizer=ct.optim.{OPTIM.get(kind, kind).split(' ')[0]}(lr)"
            advice += ", or ct.optim.HeavyBall(lr, beta) if it has momentum" if kind == "SGD" else ""
        raise ArgumentError(f"{what} is {whose}'s {kind}, and Cutaway trains with its own: {advice}")
