"""Forty networks and losses of one's own, in the words that people bring along from PyTorch and NumPy.

Each is written once, for any library whose `nn` and `ops` have the names used here: `network(idiom, nn, ops)`. `begin`
makes the layers, `forward` uses them, `loss` is there where the idiom is a loss. Images have their channels last,
sequences are (rows, time, features); `DATA` says what each kind of input is. Tests ask that no instruction of any of
them runs in NumPy.
"""

from typing import Any

import numpy as np

IDIOMS: dict[str, type["Idiom"]] = {}
TIME, SIDE, FEATURES, KINDS, WORDS = 12, 10, 6, 5, 20

#: for n rows, what a network is given
DATA = {
    "table": lambda rng, n: (rng.standard_normal((n, FEATURES)),),
    "two tables": lambda rng, n: tuple(rng.standard_normal((2, n, FEATURES))),
    "steps": lambda rng, n: (rng.standard_normal((n, TIME, 4)),),
    "image": lambda rng, n: (rng.standard_normal((n, SIDE, SIDE, 2)),),
    "numbers and kinds": lambda rng, n: (rng.standard_normal((n, FEATURES)), rng.integers(0, KINDS, (n, 3))),
    "words": lambda rng, n: (rng.integers(0, WORDS, (n, 8)),),
}
#: and what it learns
TARGETS = {
    "a number": lambda rng, n: rng.standard_normal((n, 1)),
    "three numbers": lambda rng, n: rng.standard_normal((n, 3)),
    "a class of 3": lambda rng, n: rng.integers(0, 3, n),
    "a word": lambda rng, n: rng.integers(0, WORDS, n),
}


class Idiom:
    """One way of writing; its name in the table is the first line of its description."""

    given, learns = "table", "a number"
    begin: Any  # (self, nn) sets layers and weights
    forward: Any  # (self, ops, x) calculates with them; of two inputs (self, ops, x1, x2)

    def loss(self, ops, z, y):
        """The mean squared error, or cross-entropy of classes."""
        return ops.cross_entropy(z, y) if len(y.shape) == 1 else ((z - y) ** 2).mean()

    def __init_subclass__(cls):
        IDIOMS[str(cls.__doc__)] = cls


def data(idiom, n, seed=0):
    """Rows of what a network is given and learns, in single precision: ((x, ...), y)."""
    rng = np.random.default_rng(seed)

    def plain(a):
        return a.astype(np.float32 if a.dtype.kind == "f" else np.int32)

    return tuple(map(plain, DATA[idiom.given](rng, n))), plain(TARGETS[idiom.learns](rng, n))


def network(idiom, nn, ops):
    """The module of a library: its forward takes what `data` gives, its method `loss` outputs and targets."""
    base: Any = nn.Module

    class Network(base):
        def __init__(self):
            super().__init__()
            idiom.begin(self, nn)

        def forward(self, *inputs):
            return idiom.forward(self, ops, *inputs)

        def loss(self, z, y):
            return idiom.loss(self, ops, z, y)

    return Network()


def of_cutaway():
    """The network's words (nn, ops) in Cutaway."""
    from types import SimpleNamespace

    import cutaway as ct

    return ct.nn, SimpleNamespace(**(vars(ct.ops) | {"cross_entropy": ct.losses.cross_entropy}))


# ---- parts of arrays -------------------------------------------------------------------------------------------------


class LastStep(Idiom):
    """h[:, -1]"""

    given = "steps"

    def begin(self, nn):
        self.rnn, self.out = nn.GRU(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        h, _ = self.rnn(x)
        return self.out(h[:, -1])


class EveryOther(Idiom):
    """h[:, ::2]"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        h = ops.relu(self.layer(x))
        return self.out(h[:, ::2].mean(dim=1))


class SomeColumns(Idiom):
    """x[:, :3]"""

    def begin(self, nn):
        self.left, self.right = nn.Linear(3, 16), nn.Linear(3, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(ops.relu(self.left(x[:, :3]) + self.right(x[:, 3:])))


class NewAxis(Idiom):
    """x[..., None]"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.v = nn.Linear(4, 16), nn.Parameter(np.linspace(-1, 1, 16, dtype=np.float32))
        self.out = nn.Linear(16, 1)

    def forward(self, ops, x):
        h = ops.tanh(self.layer(x))
        a = ops.softmax(h @ self.v, dim=1)
        return self.out((a[..., None] * h).sum(dim=1))


class OtherOrder(Idiom):
    """x[:, [2, 0, 1]]"""

    def begin(self, nn):
        self.layer, self.out = nn.Linear(3, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x[:, [2, 0, 1]])) + ops.relu(self.layer(x[:, [5, 3, 4]])))


class WithAMask(Idiom):
    """where with a mask"""

    given = "steps"

    def begin(self, nn):
        self.score, self.out = nn.Linear(4, 1), nn.Linear(4, 1)

    def forward(self, ops, x):
        scores = ops.where(x[:, :, 0] > 0, self.score(x)[:, :, 0], -1e9)
        return self.out((ops.softmax(scores, dim=1)[..., None] * x).sum(dim=1))


# ---- one number of many ----------------------------------------------------------------------------------------------


class MeanOverTime(Idiom):
    """x.mean(axis=1)"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x)).mean(axis=1))


class SumsAlongEachAxis(Idiom):
    """sum along each axis"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(16 + TIME, 1)

    def forward(self, ops, x):
        h = ops.tanh(self.layer(x))
        h = h / h.abs().sum(dim=0)
        return self.out(ops.cat([h.sum(dim=1), h.sum(dim=2)], dim=1)) / h.abs().sum(dim=(1, 2))[:, None]


class LargestAlongEachAxis(Idiom):
    """max and min along each axis"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(2 * 16 + TIME, 1)

    def forward(self, ops, x):
        h = ops.tanh(self.layer(x))
        h = h / h.abs().amax(dim=0)
        return self.out(ops.cat([h.amax(dim=1), h.amin(dim=1), h.amax(dim=-1)], dim=1))


class Spread(Idiom):
    """var and std"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(16 + TIME, 1)

    def forward(self, ops, x):
        h = ops.tanh(self.layer(x))
        return self.out(ops.cat([h.var(dim=1, correction=0), h.std(dim=2, unbiased=True)], dim=1))


class SoftmaxOverTime(Idiom):
    """softmax along another axis"""

    given = "steps"

    def begin(self, nn):
        self.score, self.value, self.out = nn.Linear(4, 16), nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out((ops.softmax(self.score(x), dim=1) * self.value(x)).sum(dim=1))


class CumulativeSums(Idiom):
    """cumulative sums over time"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x.cumsum(dim=1)))).cumsum(dim=1)[:, -1]


# ---- shapes ----------------------------------------------------------------------------------------------------------


class Transposed(Idiom):
    """transpose and swapaxes"""

    given = "steps"

    def begin(self, nn):
        self.mix, self.layer, self.out = nn.Linear(TIME, TIME), nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        h = x + ops.relu(self.mix(x.transpose(1, 2))).swapaxes(1, 2)
        return self.out(ops.relu(self.layer(h)).mean(dim=1))


class Reshaped(Idiom):
    """reshape and flatten"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(8, 8), nn.Linear(8 * TIME // 2, 1)

    def forward(self, ops, x):
        h = ops.relu(self.layer(x.reshape(-1, TIME // 2, 8)))
        return self.out(h.flatten(1))


class View(Idiom):
    """x.view"""

    given = "image"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(SIDE * SIDE * 2, 32), nn.Linear(8, 1)

    def forward(self, ops, x):
        h = ops.relu(self.layer(x.view(x.size(0), -1)))
        return self.out(h.view(-1, 4, 8).mean(dim=1))


class JoinedByTwo(Idiom):
    """concat and stack of 2"""

    def begin(self, nn):
        self.a, self.b, self.out = nn.Linear(FEATURES, 16), nn.Linear(FEATURES, 16), nn.Linear(32 + 16, 1)

    def forward(self, ops, x):
        a, b = ops.relu(self.a(x)), ops.tanh(self.b(x))
        return self.out(ops.cat([ops.cat([a, b], dim=1), ops.stack([a, b], dim=1).amax(dim=1)], dim=1))


class JoinedByThree(Idiom):
    """concat and stack of 3"""

    def begin(self, nn):
        self.a, self.b, self.c = nn.Linear(FEATURES, 8), nn.Linear(FEATURES, 8), nn.Linear(FEATURES, 8)
        self.out = nn.Linear(24 + 8, 1)

    def forward(self, ops, x):
        a, b, c = ops.relu(self.a(x)), ops.tanh(self.b(x)), ops.sigmoid(self.c(x))
        return self.out(ops.cat([a, b, c, ops.stack([a, b, c], dim=-1).mean(dim=-1)], dim=-1))


class JoinedByEight(Idiom):
    """concat and stack of 8"""

    given = "steps"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(4, 8), nn.Linear(64 + 8, 1)

    def forward(self, ops, x):
        h = [ops.tanh(self.layer(x[:, t])) for t in range(8)]
        return self.out(ops.cat([ops.cat(h, dim=1), ops.stack(h, dim=1).mean(dim=1)], dim=1))


class Split(Idiom):
    """split"""

    def begin(self, nn):
        self.layer, self.out = nn.Linear(FEATURES, 24), nn.Linear(8, 1)

    def forward(self, ops, x):
        a, b, c = self.layer(x).chunk(3, dim=1)
        left, right = ops.split(a, sizes=[3, 5], axis=1)
        return self.out(ops.cat([right, left], dim=1) * ops.tanh(b) + c)


# ---- networks that branch --------------------------------------------------------------------------------------------


class Skip(Idiom):
    """skip connections"""

    def begin(self, nn):
        self.first, self.a, self.b, self.out = (nn.Linear(*s) for s in ((FEATURES, 16), (16, 16), (16, 16), (16, 1)))

    def forward(self, ops, x):
        h = self.first(x)
        h = h + self.b(ops.relu(self.a(h)))
        return self.out(h + ops.relu(h))


class Gated(Idiom):
    """gated sums: a * sigmoid(b)"""

    def begin(self, nn):
        self.a, self.b, self.out = nn.Linear(FEATURES, 32), nn.Linear(FEATURES, 32), nn.Linear(32, 1)

    def forward(self, ops, x):
        gate = ops.sigmoid(self.b(x))
        return self.out(self.a(x) * gate + (1 - gate) * ops.tanh(self.a(x)))


class TwoTowers(Idiom):
    """two towers"""

    given = "two tables"

    def begin(self, nn):
        self.a, self.b = nn.Linear(FEATURES, 16), nn.Linear(FEATURES, 16)
        self.join, self.out = nn.Linear(32, 16), nn.Linear(16, 1)

    def forward(self, ops, u, v):
        h = ops.cat([ops.relu(self.a(u)), ops.relu(self.b(v))], dim=1)
        return self.out(ops.relu(self.join(h)))


class Siamese(Idiom):
    """a tower used twice"""

    given = "two tables"

    def begin(self, nn):
        self.one, self.two, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 8), nn.Linear(8, 1)

    def forward(self, ops, u, v):
        a, b = (self.two(ops.relu(self.one(x))) for x in (u, v))
        return self.out(abs(a - b))


class Cosine(Idiom):
    """cosine similarity of two towers"""

    given = "two tables"

    def begin(self, nn):
        self.a, self.b = nn.Linear(FEATURES, 16), nn.Linear(FEATURES, 16)

    def forward(self, ops, u, v):
        return ops.cosine_similarity(ops.tanh(self.a(u)), ops.tanh(self.b(v)), dim=1)[:, None]


class ScaledFeatures(Idiom):
    """a learnt scale per feature"""

    def begin(self, nn):
        self.scale, self.shift = (nn.Parameter(np.full(FEATURES, k, np.float32)) for k in (1, 0))
        self.layer, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x * self.scale + self.shift)))


class Experts(Idiom):
    """a mixture of two experts"""

    def begin(self, nn):
        self.gate, self.a, self.b = nn.Linear(FEATURES, 2), nn.Linear(FEATURES, 16), nn.Linear(FEATURES, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, ops, x):
        g = ops.softmax(self.gate(x), dim=-1)
        return self.out(g[:, :1] * ops.relu(self.a(x)) + g[:, 1:] * ops.tanh(self.b(x)))


class FiLM(Idiom):
    """FiLM: scale and shift by a condition"""

    given = "two tables"

    def begin(self, nn):
        self.layer, self.condition, self.out = nn.Linear(FEATURES, 16), nn.Linear(FEATURES, 32), nn.Linear(16, 1)

    def forward(self, ops, x, c):
        gamma, beta = self.condition(c).chunk(2, dim=-1)
        return self.out(ops.relu((1 + gamma) * self.layer(x) + beta))


class Clipped(Idiom):
    """clipping by value"""

    def begin(self, nn):
        self.layer, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        return self.out(self.layer(x.clip(-2, 2)).clamp(min=-1, max=1)).clamp(max=3)


# ---- whole numbers ---------------------------------------------------------------------------------------------------


class KindBesideNumbers(Idiom):
    """an embedding beside numbers"""

    given = "numbers and kinds"

    def begin(self, nn):
        self.kind, self.layer, self.out = nn.Embedding(KINDS, 4), nn.Linear(FEATURES + 4, 16), nn.Linear(16, 1)

    def forward(self, ops, x, kinds):
        return self.out(ops.relu(self.layer(ops.cat([x, self.kind(kinds[:, 0])], dim=1))))


class Kinds(Idiom):
    """several embeddings concatenated"""

    given = "numbers and kinds"

    def begin(self, nn):
        self.a, self.b, self.c = nn.Embedding(KINDS, 2), nn.Embedding(KINDS, 3), nn.Embedding(KINDS, 4)
        self.layer, self.out = nn.Linear(FEATURES + 9, 16), nn.Linear(16, 1)

    def forward(self, ops, x, kinds):
        h = [self.a(kinds[:, 0]), self.b(kinds[:, 1]), self.c(kinds[:, 2])]
        return self.out(ops.relu(self.layer(ops.cat([x, *h], dim=1))))


class Tied(Idiom):
    """weight tying"""

    given, learns = "words", "a word"

    def begin(self, nn):
        self.words, self.layer = nn.Embedding(WORDS, 8), nn.Linear(8, 8)

    def forward(self, ops, words):
        h = ops.tanh(self.layer(self.words(words).mean(dim=1)))
        return h @ self.words.weight.T


# ---- sequences -------------------------------------------------------------------------------------------------------


class Attention(Idiom):
    """attention over time"""

    given = "steps"

    def begin(self, nn):
        self.q, self.k, self.v, self.out = nn.Linear(4, 16), nn.Linear(4, 16), nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / 4.0
        return self.out((ops.softmax(scores, dim=-1) @ self.v(x)).mean(dim=1))


class BothWays(Idiom):
    """a bidirectional GRU with mean over time"""

    given = "steps"

    def begin(self, nn):
        self.rnn, self.out = nn.GRU(4, 16, bidirectional=True), nn.Linear(32, 1)

    def forward(self, ops, x):
        h, _ = self.rnn(x)
        return self.out(h.mean(dim=1))


class OnTop(Idiom):
    """LSTM to LSTM"""

    given = "steps"

    def begin(self, nn):
        self.one, self.two, self.out = nn.LSTM(4, 16), nn.LSTM(16, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        h, _ = self.one(x)
        h, _ = self.two(ops.relu(h))
        return self.out(h[:, -1])


class NormBetween(Idiom):
    """layer norm between recurrent layers"""

    given = "steps"

    def begin(self, nn):
        self.one, self.norm, self.two = nn.GRU(4, 16), nn.LayerNorm(16), nn.GRU(16, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, ops, x):
        h, _ = self.one(x)
        h, _ = self.two(self.norm(h))
        return self.out(h[:, -1, :])


class Causal(Idiom):
    """a TCN block: dilated causal convolution"""

    given = "steps"

    def begin(self, nn):
        self.near, self.far = nn.Conv1d(4, 16, 3, padding=2), nn.Conv1d(16, 16, 3, padding=4, dilation=2)
        self.same, self.out = nn.Conv1d(4, 16, 1), nn.Linear(16, 1)

    def forward(self, ops, x):
        h = ops.relu(self.near(x)[:, :-2])
        h = ops.relu(self.far(h)[:, :-4] + self.same(x))
        return self.out(h[:, -1])


# ---- images ----------------------------------------------------------------------------------------------------------


class SqueezeAndExcite(Idiom):
    """squeeze and excitation"""

    given, learns = "image", "a class of 3"

    def begin(self, nn):
        self.conv, self.less, self.more = nn.Conv2d(2, 16, 3, padding=1), nn.Linear(16, 4), nn.Linear(4, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, ops, x):
        h = ops.relu(self.conv(x))
        s = ops.sigmoid(self.more(ops.relu(self.less(h.mean(dim=(1, 2))))))
        return self.out((h * s[:, None, None, :]).mean(dim=(1, 2)))


class ResidualBlock(Idiom):
    """residual blocks with batch norm"""

    given, learns = "image", "a class of 3"

    def begin(self, nn):
        self.first, self.one, self.two = (nn.Conv2d(k, 8, 3, padding=1) for k in (2, 8, 8))
        self.norm1, self.norm2, self.out = nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.Linear(8, 3)

    def forward(self, ops, x):
        h = ops.relu(self.first(x))
        h = ops.relu(h + self.norm2(self.two(ops.relu(self.norm1(self.one(h))))))
        return self.out(h.mean(dim=(1, 2)))


class Depthwise(Idiom):
    """depthwise-separable convolution"""

    given, learns = "image", "a class of 3"

    def begin(self, nn):
        self.first, self.each = nn.Conv2d(2, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.mix, self.out = nn.Conv2d(8, 16, 1), nn.Linear(16, 3)

    def forward(self, ops, x):
        h = ops.relu(self.mix(self.each(ops.relu(self.first(x)))))
        return self.out(h.amax(dim=(1, 2)))


class GlobalAverage(Idiom):
    """global average pooling"""

    given, learns = "image", "a class of 3"

    def begin(self, nn):
        self.conv, self.pool, self.out = nn.Conv2d(2, 16, 3, padding=1), nn.MaxPool2d(2), nn.Linear(16, 3)

    def forward(self, ops, x):
        h = self.pool(ops.relu(self.conv(x)))
        return self.out(h.flatten(1, 2).mean(dim=1))


# ---- losses of one's own ---------------------------------------------------------------------------------------------


class WeightedLoss(Idiom):
    """a loss with weights of one's own"""

    learns = "three numbers"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 3)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x)))

    def loss(self, ops, z, y):
        e = z - y
        return (ops.where(y > 0, 2.0, 0.5) * ops.maximum(3 * e, -e)).mean()


class Smoothed(Idiom):
    """label smoothing"""

    learns = "a class of 3"

    def begin(self, nn):
        self.layer, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 3)

    def forward(self, ops, x):
        return self.out(ops.relu(self.layer(x)))

    def loss(self, ops, z, y):
        q = 0.9 * ops.one_hot(y, 3) + 0.1 / 3
        return -(q * ops.log_softmax(z, dim=1)).sum(dim=1).mean()


class Penalised(Idiom):
    """a penalty on activations"""

    def begin(self, nn):
        self.layer, self.out = nn.Linear(FEATURES, 16), nn.Linear(16, 1)

    def forward(self, ops, x):
        self.hidden = ops.relu(self.layer(x))
        return self.out(self.hidden)

    def loss(self, ops, z, y):
        return ((z - y) ** 2).mean() + 1e-2 * self.hidden.abs().mean()


class SeveralOutputs(Idiom):
    """several outputs with a loss each"""

    learns = "three numbers"

    def begin(self, nn):
        self.layer, self.number, self.yes = nn.Linear(FEATURES, 16), nn.Linear(16, 2), nn.Linear(16, 1)

    def forward(self, ops, x):
        h = ops.relu(self.layer(x))
        return ops.cat([self.number(h), self.yes(h)], dim=1)

    def loss(self, ops, z, y):
        logit, yes = z[:, 2], ops.sigmoid(y[:, 2])
        return ((z[:, :2] - y[:, :2]) ** 2).mean() + 0.3 * (ops.softplus(logit) - yes * logit).mean()
