"""A network that reads the first columns of a row as steps of a series."""

import numpy as np
import pytest

import cutaway as ct
from cutaway import nn

X = np.random.default_rng(0).standard_normal((6, 7)).astype(np.float32)


def made(inner, k):
    return nn.Lagged(inner, nn.FoundLinear(k + 7, 2), 5).init(0)


@pytest.mark.parametrize(("inner", "k"), [(nn.LastState(nn.GRU(1, 3)), 3), (nn.Conv1d(1, 4, 3), 4), (nn.GRU(1, 3), 3)])
def test_it_is_what_the_layer_gives_at_the_last_step_beside_the_row(inner, k, tmp_path):
    net = made(inner, k)
    net.out.weight.data[:, :k] = np.arange(2 * k).reshape(2, k)
    net.out.weight.data[:, -1] = 1.0
    steps = X[:, :5, None]
    if isinstance(inner, nn.LastState):
        h = inner.predict(steps)
    else:
        h = inner.predict(steps)[:, -1] if isinstance(inner, nn.Conv1d) else nn.LastState(inner).predict(steps)
    wanted = h @ net.out.weight.data[:, :k].T + X[:, -1:]
    np.testing.assert_allclose(net.predict(X), wanted, rtol=1e-5, atol=1e-5)
    ct.save(net, tmp_path / "m.safetensors", input=X[:2])
    np.testing.assert_array_equal(ct.load(tmp_path / "m.safetensors").predict(X), net.predict(X))


def test_rows_shorter_than_the_lags_are_refused():
    with pytest.raises(ct.errors.ShapeError, match="5 lags"):
        made(nn.Conv1d(1, 4, 3), 4)(X[:, :4])
    with pytest.raises(ct.errors.ArgumentError, match="two networks"):
        nn.Lagged(nn.Linear(1, 1), None, 2)
