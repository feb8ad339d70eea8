"""ct.trace: what one step read and wrote, and that looking changes nothing, to the last bit."""

import numpy as np
import pytest

import cutaway as ct

nn, optim = ct.nn, ct.optim
ROWS = 24


class Skip(nn.Module):
    """A module of one's own: a shared layer, a sum, and a constant."""

    def __init__(self):
        self.inner = nn.Linear(4, 4)
        self.out = nn.Linear(4, 3)

    def forward(self, x):
        a = ct.ops.tanh(self.inner(x))
        return self.out(x + 0.5 * ct.ops.tanh(self.inner(a)))


def data(*shape, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(ROWS, *shape)).astype(np.float32), rng.integers(0, classes, ROWS)


def mlp():
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3)).init(1)


def cnn():
    layers = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2)
    return nn.Sequential(*layers, nn.Linear(36, 3)).init(1)


def lstm():
    return nn.Recurrent(2, 6, 3, cell="lstm", layers=2, dropout=0.3).init(1)


NETWORKS = {"mlp": (mlp, (4,)), "cnn": (cnn, (8, 8, 1)), "lstm": (lstm, (5, 2)), "own": (lambda: Skip().init(1), (4,))}
OPTIMIZER = optim.clip(optim.AdamW(1e-2, decay="matrices"), norm=0.5)
every_network = pytest.mark.parametrize("kind", NETWORKS)


def made(kind):
    network, shape = NETWORKS[kind]
    return network(), *data(*shape)


def everything(model):
    return {name: a.copy() for name, a in model.state_dict().items()}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("threads", [1, 2])
@every_network
def test_traced_training_is_training(kind, threads, engine):
    model, X, y = made(kind)
    options = {"loss": "cross_entropy", "optimizer": OPTIMIZER, "batch_size": 10, "seed": 3, "engine": engine}
    before = everything(model)
    traces = ct.trace(model, X, y, steps=6, threads=threads, **options)
    same(everything(model), before)
    run = ct.fit(model, X, y, epochs=2, threads=threads, progress=False, **options)
    assert [t.J for t in traces] == run.steps["loss"].tolist()
    after = everything(model)
    same({name: traces[-1].after(name) for name in after}, after)
