"""Networks: modules declare parameters and call rules."""

from .. import habits
from . import init
from .augment import Augment
from .convolution import (
    AvgPool1d,
    AvgPool2d,
    Conv1d,
    Conv2d,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1d,
    MaxPool2d,
)
from .ensemble import Ensemble, FoundLinear, SideBySide, WithLinear
from .lagged import Lagged
from .layers import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    Embedding,
    FallingDropout,
    Flatten,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Mish,
    Parametric,
    ReLU,
    Scale,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .members import MemberLinear, MemberMean, Members, TabM
from .module import Mode, Module, training_mode
from .networks import CNN, MLP, Recurrent, Sequential
from .parameter import Buffer, Parameter
from .random_convolutions import RandomConvolutions
from .recurrent import GRU, LSTM, RNN, LastState, RecurrentLayer
from .tabular import PiecewiseLinear, TableInput

__all__ = [
    "ACTIVATIONS", "CNN", "ELU", "GELU", "GRU", "LSTM", "MLP", "RNN", "SELU", "Activation", "Augment", "AvgPool1d",
    "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Buffer", "Conv1d", "Conv2d", "Dropout", "Embedding", "Ensemble",
    "FallingDropout", "Flatten", "FoundLinear", "GlobalAveragePool", "GlobalMaxPool", "Identity", "Lagged", "LastState",
    "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MaxPool1d", "MaxPool2d", "MemberLinear", "MemberMean",
    "Members", "Mish", "Mode", "Module", "Parameter", "Parametric", "PiecewiseLinear", "RandomConvolutions", "ReLU",
    "Recurrent", "RecurrentLayer", "Scale", "Sequential", "SiLU", "SideBySide", "Sigmoid", "Softmax", "Softplus",
    "TabM", "TableInput", "Tanh", "WithLinear", "init", "training_mode",
]


def __getattr__(name: str):
    raise habits.UnknownName("ct.nn", name, habits.NN, lambda: __all__)
