"""Networks built alike here, in PyTorch and in Keras, and what each answers to the same rows, kept in small files.

`python tests/nn/foreign_weights.py`, where torch and keras are installed beside this package, writes foreign/ anew:
weights as each library writes them, and its answers. (Written with torch 2.13.0 and Keras 3.15.1 on it.)
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cutaway import nn

FILES = Path(__file__).parent / "foreign"


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@dataclass
class Case:
    """A network as it is built here, of keras.layers `K`, of torch.nn `T`; rows that it takes.

    images: PyTorch takes their channels first.
    """

    ours: Callable[[], nn.Module]
    keras: Callable[[Any], list]
    torch: Callable[[Any], list]
    rows: np.ndarray
    images: bool = False

    def for_torch(self) -> np.ndarray:
        return np.ascontiguousarray(np.moveaxis(self.rows, -1, 1)) if self.images else self.rows


def last(T: Any, kind: str, *sizes: int, **how: Any) -> Any:
    """The counterpart of LastState in PyTorch: a module whose attribute is named after the layer."""
    class Last(T.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module(kind.lower(), getattr(T, kind)(*sizes, batch_first=True, **how))

        def forward(self, x: Any) -> Any:
            _, state = self.get_submodule(kind.lower())(x)
            h = state[0] if isinstance(state, tuple) else state
            return h[-1 - how.get("bidirectional", False):].transpose(0, 1).flatten(1)

    return Last()


def pooled(T: Any) -> Any:
    class Mean(T.Module):
        def forward(self, x: Any) -> Any:
            return x.mean(1)

    return Mean()


CASES = {
    "mlp": Case(
        lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6, eps=1e-3), nn.ReLU(), nn.Linear(6, 6), nn.Tanh(),
                              nn.LayerNorm(6, eps=1e-3), nn.Dropout(0.5), nn.Linear(6, 6), nn.Linear(6, 3, bias=False)),
        lambda K: [K.Dense(6), K.BatchNormalization(), K.ReLU(), K.Dense(6, activation="tanh"), K.LayerNormalization(),
                   K.Dropout(0.5), K.Dense(6), K.Dense(3, use_bias=False)],
        lambda T: [T.Linear(4, 6), T.BatchNorm1d(6, eps=1e-3), T.ReLU(), T.Linear(6, 6), T.Tanh(),
                   T.LayerNorm(6, eps=1e-3), T.Dropout(0.5), T.Linear(6, 6), T.Linear(6, 3, bias=False)],
        draw(5, 4)),
    "cnn": Case(
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.BatchNorm2d(4, eps=1e-3), nn.ReLU(),
                              nn.MaxPool2d(2), nn.Conv2d(4, 6, (2, 3), groups=2), nn.Flatten(), nn.Linear(54, 5)),
        lambda K: [K.Conv2D(4, 3, padding="same"), K.BatchNormalization(), K.ReLU(), K.MaxPooling2D(2),
                   K.Conv2D(6, (2, 3), groups=2), K.Flatten(), K.Dense(5)],
        lambda T: [T.Conv2d(3, 4, 3, padding="same"), T.BatchNorm2d(4, eps=1e-3), T.ReLU(), T.MaxPool2d(2),
                   T.Conv2d(4, 6, (2, 3), groups=2), T.Flatten(), T.Linear(54, 5)],
        draw(3, 8, 10, 3), images=True),
    "filters of a sequence": Case(
        lambda: nn.Sequential(nn.Conv1d(3, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(30, 2)),
        lambda K: [K.Conv1D(5, 2, activation="relu"), K.Flatten(), K.Dense(2)],
        lambda T: [T.Conv1d(3, 5, 2), T.ReLU(), T.Flatten(), T.Linear(30, 2)],
        draw(4, 7, 3), images=True),
    "lstm": Case(
        lambda: nn.Sequential(nn.LastState(nn.LSTM(3, 4, layers=2, bidirectional=True)), nn.Linear(8, 2)),
        lambda K: [K.Bidirectional(K.LSTM(4, return_sequences=True)), K.Bidirectional(K.LSTM(4)), K.Dense(2)],
        lambda T: [last(T, "LSTM", 3, 4, num_layers=2, bidirectional=True), T.Linear(8, 2)],
        draw(4, 6, 3)),
    "gru": Case(
        lambda: nn.Sequential(nn.LastState(nn.GRU(4, 4, layers=3)), nn.Linear(4, 2)),
        lambda K: [K.GRU(4, return_sequences=True), K.GRU(4, return_sequences=True), K.GRU(4), K.Dense(2)],
        lambda T: [last(T, "GRU", 4, 4, num_layers=3), T.Linear(4, 2)],
        draw(4, 6, 4)),
    "rnn": Case(
        lambda: nn.Sequential(nn.LastState(nn.RNN(3, 5, bidirectional=True)), nn.Linear(10, 2)),
        lambda K: [K.Bidirectional(K.SimpleRNN(5)), K.Dense(2)],
        lambda T: [last(T, "RNN", 3, 5, bidirectional=True), T.Linear(10, 2)],
        draw(4, 6, 3)),
    "words": Case(
        lambda: nn.Sequential(nn.Embedding(9, 4), nn.GlobalAveragePool(), nn.Linear(4, 2)),
        lambda K: [K.Embedding(9, 4), K.GlobalAveragePooling1D(), K.Dense(2)],
        lambda T: [T.Embedding(9, 4), pooled(T), T.Linear(4, 2)],
        np.random.default_rng(0).integers(0, 9, (4, 6))),
    "layers in layers": Case(
        lambda: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)), nn.Tanh(),
                              nn.Linear(4, 4)),
        lambda K: [K.Dense(4), [K.Dense(4), K.ReLU(), K.Dense(4)], K.Activation("tanh"), K.Dense(4)],
        lambda T: [T.Linear(4, 4), T.Sequential(T.Linear(4, 4), T.ReLU(), T.Linear(4, 4)), T.Tanh(), T.Linear(4, 4)],
        draw(5, 4)),
}


def torch_network(case: Case) -> Any:
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(*case.torch(torch.nn))
    with torch.no_grad():
        for array in net.state_dict().values():
            if array.dtype.is_floating_point:
                array += torch.rand_like(array) / 2
    return net.eval()


def torch_answer(net: Any, case: Case) -> np.ndarray:
    import torch

    with torch.no_grad():
        return net(torch.from_numpy(case.for_torch())).numpy()


def keras_network(case: Case) -> Any:
    import keras

    def chain(layers: list) -> Any:
        return keras.Sequential([chain(layer) if isinstance(layer, list) else layer for layer in layers])

    keras.utils.set_random_seed(0)
    net = chain([keras.Input(case.rows.shape[1:], dtype=case.rows.dtype.name), *case.keras(keras.layers)])
    rng = np.random.default_rng(0)
    net.set_weights([w + rng.random(w.shape, np.float32) / 2 for w in net.get_weights()])
    return net


def file_of(name: str, ending: str) -> Path:
    return FILES / f"{name.replace(' ', '-')}{ending}"


def write_all() -> None:
    FILES.mkdir(exist_ok=True)
    for name, case in CASES.items():
        net = torch_network(case)
        state = {key: a.numpy() for key, a in net.state_dict().items()}
        np.savez_compressed(file_of(name, ".torch.npz"), **state)
        model = keras_network(case)
        model.compile("adam", "mse")  # an optimizer's averages are in such files, too
        model.optimizer.build(model.trainable_variables)
        model.save_weights(file_of(name, ".weights.h5"))
        np.savez_compressed(file_of(name, ".answers.npz"), torch=torch_answer(net, case),
                            keras=model.predict(case.rows, verbose=0))


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "torch")
    write_all()
