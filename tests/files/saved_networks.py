"""Networks that the tests of model files save: standard ones, and custom ones of every shape."""

import numpy as np

import cutaway as ct
from cutaway import nn


class Skip(nn.Module):
    """A skip connection, a shared layer, constants, numbers, indexing and concatenation."""

    def __init__(self):
        self.inner, self.out = nn.Linear(4, 4), nn.Linear(10, 2)
        self.scale = np.array([1.0, 2.0, 3.0, 4.0])

    def forward(self, x):
        h = self.inner(ct.ops.tanh(self.inner(x))) * self.scale + x[:, [3, 2, 1, 0]] / 3
        return self.out(ct.ops.concat([h, x[..., ::-1], x[:, None, 1:3][:, 0]], axis=1))


class Bag(nn.Module):
    """Embeddings of several words, the mean of them."""

    def __init__(self):
        self.words, self.head = nn.Embedding(9, 3), nn.Linear(3, 2)

    def forward(self, i):
        return self.head(self.words(i).mean(axis=1))


class Pair(nn.Module):
    """Two inputs, one of whole numbers; layers in a list; a weight of its own."""

    def __init__(self):
        self.blocks = [nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GELU()), nn.Dropout(0.5)]
        self.look = nn.Embedding(5, 4)
        self.weight = nn.Parameter((4,), lambda rng, shape: rng.standard_normal(shape))

    def forward(self, x, i):
        for block in self.blocks:
            x = block(x)
        return (x * self.look(i) * self.weight).sum(axis=1, keepdims=True)


class Named(nn.Module):
    """Inputs by name, rows that become more rows and come back, powers."""

    def __init__(self):
        self.layer = nn.Linear(2, 3)

    def forward(self, left, right):
        n = left.shape[0]
        both = ct.ops.reshape(ct.ops.concat([left, right], axis=1), (2 * n, 2))
        return ct.ops.reshape(self.layer(both), (n, 6)) ** 2


class Tied(nn.Module):
    def __init__(self):
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(ct.ops.relu(self.a(x)))


def tied_in_a_row():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    return net


class Residual(nn.Module):
    """Convolutions with a skip connection, in groups, the mean over all places."""

    def __init__(self):
        self.conv, self.head = nn.Conv2d(4, 4, 3, padding="same", groups=2), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(ct.ops.global_average(x + ct.ops.relu(self.conv(x))))


class Memory(nn.Module):
    """Sequences of different lengths beside an array; the state of one layer starts the next."""

    def __init__(self):
        self.first, self.second = nn.LSTM(3, 4, bidirectional=True), nn.GRU(8, 4, truncate=2)
        self.head = nn.Linear(6, 2)

    def forward(self, words, extra):
        y, [(h, _), _] = self.first(words)
        _, [h] = self.second(y, [h])
        return self.head(ct.ops.concat([h, extra]))


def numbers(*shape, high=5):
    return np.arange(np.prod(shape)).reshape(shape) % high


rng = np.random.default_rng(0)
floats = lambda *shape: rng.standard_normal(shape)  # noqa: E731
sequences = lambda *shape: ct.Sequences(floats(*shape), rng.integers(1, shape[1] + 1, shape[0]))  # noqa: E731

STANDARD = {
    "mlp": (lambda: nn.MLP(4, [5, 6], 2), floats(7, 4)),
    "every option": (lambda: nn.MLP(4, [5], 3, activation="gelu_tanh", dropout=0.3, norm="batch"), floats(7, 4)),
    "layer norm": (lambda: nn.MLP(4, [5], 3, activation="selu", norm="layer"), floats(7, 4)),
    "no hidden layer": (lambda: nn.MLP(4, [], 1), floats(7, 4)),
    "activations": (lambda: nn.Sequential(
        nn.Linear(4, 4, bias=False), nn.LeakyReLU(0.2), nn.ELU(0.5), nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Softplus(),
        nn.Mish(), nn.LogSoftmax(), nn.Softmax(), nn.Identity()), floats(7, 4)),
    "nested": (lambda: nn.Sequential(nn.Sequential(nn.Linear(4, 3), nn.Tanh()), nn.MLP(3, [4], 2)), floats(7, 4)),
    "shared": (lambda: nn.Sequential(layer := nn.Linear(4, 4), nn.ReLU(), layer, nn.Linear(4, 1)), floats(7, 4)),
    "embedding": (lambda: nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2)), numbers(7, 2)),
    "changed images": (lambda: nn.Sequential(nn.Augment(True, 1, 10, 0.8), nn.Flatten(), nn.Linear(12, 2)),
                       floats(7, 2, 2, 3)),
    "images": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), floats(7, 2, 2, 3)),
    "cnn": (lambda: nn.CNN((8, 9, 2), 3, channels=[3, 4], hidden=[5], activation="tanh", dropout=0.1, norm="batch"),
            floats(5, 8, 9, 2)),
    "cnn of sequences": (lambda: nn.CNN((9, 2), 3, channels=[4]), floats(5, 9, 2)),
    "images without a ready network": (lambda: nn.Sequential(
        nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, bias=False),
        nn.MaxPool2d(2, stride=1, padding="same"), nn.AvgPool2d((1, 2)), nn.GlobalMaxPool()), floats(5, 7, 6, 2)),
    "windows over time": (lambda: nn.Sequential(
        nn.Conv1d(2, 4, 3, padding="same"), nn.MaxPool1d(3, 1, 1), nn.AvgPool1d(2), nn.GlobalAveragePool()),
        floats(5, 9, 2)),
    "lstm": (lambda: nn.Recurrent(2, 3, 2, layers=2, bidirectional=True, dropout=0.2), floats(5, 4, 2)),
    "gru": (lambda: nn.Recurrent(2, 3, 2, "gru"), floats(5, 4, 2)),
    "rnn": (lambda: nn.Sequential(nn.LastState(nn.RNN(2, 3, activation="relu", bias=False, truncate=2)),
                                  nn.Linear(3, 1)), floats(5, 4, 2)),
    "lengths": (lambda: nn.Sequential(
        nn.Conv1d(2, 4, 3, stride=2, padding=1), nn.Tanh(), nn.LastState(nn.GRU(4, 3))), sequences(5, 6, 2)),
    "words of a sentence": (lambda: nn.Sequential(nn.Embedding(5, 3), nn.GlobalAveragePool()),
                            ct.Sequences(numbers(5, 6), [1, 2, 3, 6, 5])),
    "numbers in bins": (lambda: nn.Sequential(nn.PiecewiseLinear((3, 0), (2, 4)), nn.Scale(6), nn.Linear(6, 2)),
                        floats(7, 4)),
    "a table": (lambda: nn.Sequential(nn.TableInput(4, (0, 2), (3, 2), (1,), (5,), (2,), (3,), 2), nn.Linear(7, 3),
                                      nn.Parametric(3, "mish"), nn.FallingDropout(0.2, 9), nn.Linear(3, 1)),
                floats(7, 4)),
    "members": (lambda: nn.TabM(4, [5, 6], 3, k=3, activation="selu", dropout=0.1, link="softmax"), floats(7, 4)),
    "members of labels": (lambda: nn.Sequential(
        nn.Members(4, 3), nn.Linear(4, 5), nn.Tanh(), nn.MemberLinear(5, 2, 3, bias=False), nn.MemberMean("sigmoid")),
        floats(7, 4)),
    "no parameters": (lambda: nn.Sequential(nn.ReLU()), floats(7, 4)),
}
CUSTOM = {
    "residual": (Residual, floats(5, 4, 4, 4)),
    "memory": (Memory, (sequences(5, 4, 3), floats(5, 2))),
    "skip": (Skip, floats(7, 4)),
    "bag": (Bag, numbers(7, 4, high=9)),
    "pair": (Pair, (floats(7, 3), numbers(7))),
    "named": (Named, {"left": floats(7, 2), "right": floats(7, 2)}),
    "tied": (Tied, floats(7, 3)),
    "tied in a row": (tied_in_a_row, floats(7, 3)),
    "custom within": (lambda: nn.Sequential(nn.Linear(3, 4), Skip(), nn.ReLU()), floats(7, 3)),
}


def awake(make, dtype="float32", seed=1):
    """A network with weights and running averages of its own."""
    net = make().init(seed).astype(dtype)
    for _, buffer in net.named_buffers():
        buffer.data[...] = np.random.default_rng(seed).uniform(0.5, 2, buffer.shape)
    return net


def rows(x, n):
    return tuple(rows(p, n) for p in x) if isinstance(x, tuple) else (
        {k: rows(p, n) for k, p in x.items()} if isinstance(x, dict) else x[:n])
