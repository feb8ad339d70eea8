"""Networks: modules declare parameters and call rules."""

from . import init
from .layers import (
    ACTIVATIONS,
    ELU,
    GELU,
    SELU,
    Activation,
    BatchNorm1d,
    Dropout,
    Embedding,
    Flatten,
    Identity,
    LayerNorm,
    LeakyReLU,
    Linear,
    LogSoftmax,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .module import Buffer, Mode, Module, Parameter, training_mode
from .networks import MLP, Sequential

__all__ = [
    "ACTIVATIONS", "ELU", "GELU", "MLP", "SELU", "Activation", "BatchNorm1d", "Buffer", "Dropout", "Embedding",
    "Flatten", "Identity", "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "Mish", "Mode", "Module", "Parameter",
    "ReLU", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh", "init", "training_mode",
]  # fmt: skip
