"""A row is predicted alone as it is among others, by every kind of layer and estimator, in either precision."""

import numpy as np
import pandas as pd
import pytest

import cutaway as ct
from cutaway import nn
from depth import each_once

N = 37
NEAR = {"float32": 1e-6, "float64": 1e-12}  # of a row's largest output
RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((N, 13))
IMAGES = RNG.standard_normal((N, 11, 9, 2))
FIXED = RNG.standard_normal((N, 17, 3))
LENGTHS = np.append(RNG.integers(1, 23, N - 1), 1)
SERIES = ct.Sequences.from_list([RNG.standard_normal((k, 3)) for k in LENGTHS])


class OwnProducts(nn.Module):
    """A layer of a product that no layer of the house makes."""

    def __init__(self):
        self.W = nn.Parameter((13, 29), nn.init.he_normal)
        self.last = nn.Linear(29, 3)

    def forward(self, x):
        return self.last(ct.ops.relu(x @ self.W))


def after(*layers):
    return nn.Sequential(nn.Linear(13, 37), *layers, nn.Linear(37, 3))


NETWORKS = {
    "mlp": (lambda: nn.MLP(13, [37, 18], 3), TABLE),
    "wide": (lambda: nn.MLP(512, [513, 70], 3), RNG.standard_normal((N, 512))),
    "batch norm": (lambda: after(nn.BatchNorm1d(37)), TABLE),
    "layer norm": (lambda: after(nn.LayerNorm(37), nn.Dropout(0.5)), TABLE),
    "no kernel": (OwnProducts, TABLE),
    "embedding": (lambda: nn.Sequential(
        nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 2)), RNG.integers(0, 9, (N, 5))),
    "cnn": (lambda: nn.CNN((11, 9, 2), 4, [6, 9], [21], norm="batch"), IMAGES),
    "images": (lambda: nn.Sequential(
        nn.Augment(shift=2, rotate=10), nn.Conv2d(2, 6, 3, 2, "same"), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(6, 4, 2, groups=2), nn.GlobalAveragePool(), nn.Linear(4, 3)), IMAGES),
    "time": (lambda: nn.Sequential(nn.Conv1d(3, 6, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(42, 3)), FIXED),
    "filters along time": (lambda: nn.Sequential(
        nn.Conv1d(3, 6, 5, 2, "same"), nn.ReLU(), nn.GlobalMaxPool(), nn.Linear(6, 3)), SERIES),
    "wide filters along time": (lambda: nn.Sequential(  # wider than the shortest sequence is long
        nn.Conv1d(3, 6, 4, 3, dilation=2), nn.ReLU(), nn.GlobalAveragePool(), nn.Linear(6, 3)), SERIES),
}
NETWORKS |= {name: (lambda layer=layer: after(layer()), TABLE) for name, layer in nn.ACTIVATIONS.items()}
NETWORKS |= {f"{cell.__name__} of {kind}": (
    lambda cell=cell, ways=ways: nn.Sequential(nn.LastState(cell(3, 19, 2, bidirectional=ways > 1)),
                                               nn.Linear(19 * ways, 3)), x)
    for cell in (nn.RNN, nn.LSTM, nn.GRU) for kind, x, ways in (("one length", FIXED, 1), ("lengths", SERIES, 2))
}


def one_by_one(X):
    """Each row by itself, sequences without what others need as padding."""
    parts = X.rows() if isinstance(X, ct.Sequences) else X
    for part in parts:
        yield ct.Sequences.from_list([part]) if isinstance(X, ct.Sequences) else part[None]


@pytest.mark.parametrize(("name", "dtype"), each_once(NETWORKS, ["float32", "float64"]))
def test_a_row_is_predicted_alone_as_it_is_among_others(name, dtype):
    made, X = NETWORKS[name]
    net = made().astype(dtype).init(1)
    alone = np.concatenate([net.predict(x) for x in one_by_one(X)])
    scale = np.abs(alone).max(axis=1)
    for batch_size, threads in ((1024, 3), (5, 1)):
        together = net.predict(X, batch_size=batch_size, threads=threads)
        assert together.dtype == dtype
        assert (np.abs(together - alone).max(axis=1) <= NEAR[dtype] * scale).all()


FRAME = pd.DataFrame({
    "area": np.where(RNG.random(60) < 0.2, np.nan, RNG.gamma(2.0, 50.0, 60)),
    "zone": RNG.choice(["RL", "RM", None], 60),
    "price": [f"{v:.1f}" if v > 1 else "n/a" for v in RNG.gamma(1.0, 9.0, 60)],
    "built": pd.date_range("2001-02-03", periods=60, freq="41D").astype(str), "new": RNG.random(60) < 0.5,
})
CLASSES = np.array(["left", "middle", "right"])[np.arange(60) % 3]
RAGGED = [RNG.standard_normal((k, 2)) for k in RNG.integers(3, 70, 60)]


@pytest.mark.parametrize(("X", "network"), [
    (FRAME, [16]), (RNG.integers(0, 255, (60, 9, 9), np.uint8), {"channels": [4], "hidden": [8]}),
    (RAGGED, {"width": 6}),
])
def test_so_do_estimators_from_raw_rows_to_probabilities_and_numbers(X, network):
    rows = [X.iloc[i : i + 1] if X is FRAME else X[i : i + 1] for i in range(0, 60, 3)]
    some = X.iloc[::3] if X is FRAME else X[::3]
    classifier = ct.Classifier(network, epochs=1).fit(X, CLASSES)
    regressor = ct.Regressor(network, epochs=1).fit(X, np.arange(60.0))
    for predict in (classifier.predict_proba, regressor.predict):
        alone = np.concatenate([predict(row) for row in rows])
        np.testing.assert_allclose(predict(some), alone, rtol=0, atol=1e-6 * np.abs(alone).max())
    assert classifier.predict(some).tolist() == [classifier.predict(row)[0] for row in rows]
