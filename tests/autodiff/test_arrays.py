"""Array functions by the names of NumPy and PyTorch: values by NumPy, slopes by differences, and what is refused."""

import numpy as np
import pytest
from plain_loop import trained_alike

import cutaway as ct
from cutaway.errors import ArgumentError, RecordingError, ShapeError
from depth import every

A = np.random.default_rng(0).normal(size=(4, 3, 6))
softmax = lambda a, axis: np.exp(a) / np.exp(a).sum(axis, keepdims=True)  # noqa: E731

#: what is written with Tensors, and what NumPy makes of it
SAME = {
    "abs(x)": (abs, np.abs),
    "x.relu()": (lambda x: x.relu(), lambda a: a * (a > 0)),
    "x.tanh()": (lambda x: x.tanh(), np.tanh),
    "x.sigmoid()": (lambda x: x.sigmoid(), lambda a: 1 / (1 + np.exp(-a))),
    "x.exp()": (lambda x: x.exp(), np.exp),
    "x.abs().sqrt().log()": (lambda x: x.abs().sqrt().log(), lambda a: np.log(np.sqrt(np.abs(a)))),
    "x.pow(3)": (lambda x: x.pow(3), lambda a: a**3),
    "2 ** x": (lambda x: 2**x, lambda a: 2**a),
    "x.clamp(-.5, .5)": (lambda x: x.clamp(-0.5, 0.5), lambda a: np.clip(a, -0.5, 0.5)),
    "x.clip(max=.3)": (lambda x: x.clip(max=0.3), lambda a: np.minimum(a, 0.3)),
    "clip by arrays": (lambda x: ct.ops.clip(x, np.full(6, -0.4), np.full(6, 0.2)), lambda a: np.clip(a, -0.4, 0.2)),
    "where": (lambda x: ct.ops.where(x > 0, x, 2 * x), lambda a: np.where(a > 0, a, 2 * a)),
    "where by an array": (lambda x: ct.ops.where(A > 0.1, x, 0.0), lambda a: np.where(A > 0.1, a, 0.0)),
    "minimum": (lambda x: ct.ops.minimum(x, x * x), lambda a: np.minimum(a, a * a)),
    "x.view(12, -1)": (lambda x: x.view(12, -1), lambda a: a.reshape(12, -1)),
    "x.reshape((2, 36))": (lambda x: x.reshape((2, 36)), lambda a: a.reshape(2, 36)),
    "x.reshape(np.int64(72))": (lambda x: x.reshape(np.int64(72)), lambda a: a.reshape(72)),
    "x.permute(2, 0, 1)": (lambda x: x.permute(2, 0, 1), lambda a: a.transpose(2, 0, 1)),
    "x.permute(-1, 0, 1)": (lambda x: x.permute(-1, 0, 1), lambda a: a.transpose(-1, 0, 1)),
    "x.transpose(0, 2)": (lambda x: x.transpose(0, 2), lambda a: a.swapaxes(0, 2)),
    "x.transpose(-1, 0, 1)": (lambda x: x.transpose(-1, 0, 1), lambda a: a.transpose(-1, 0, 1)),
    "transpose(axes=)": (lambda x: ct.ops.transpose(x, axes=(1, 0, -1)), lambda a: a.transpose(1, 0, 2)),
    "x.T": (lambda x: x.T, lambda a: a.T),
    "x.unsqueeze(-1)": (lambda x: x.unsqueeze(-1), lambda a: a[..., None]),
    "x.unsqueeze(dim=1)": (lambda x: x.unsqueeze(dim=1), lambda a: a[:, None]),
    "x[:, :1].squeeze(1)": (lambda x: x[:, :1].squeeze(1), lambda a: a[:, 0]),
    "x[:1, :1].squeeze()": (lambda x: x[:1, :1].squeeze(), lambda a: a[0, 0]),
    "x.flatten(1)": (lambda x: x.flatten(1), lambda a: a.reshape(4, 18)),
    "x.flatten(start_dim=0, end_dim=1)": (lambda x: x.flatten(start_dim=0, end_dim=1), lambda a: a.reshape(12, 6)),
    "x.sum(dim=1)": (lambda x: x.sum(dim=1), lambda a: a.sum(1)),
    "x.sum(axis=[0, -1])": (lambda x: x.sum(axis=[0, -1]), lambda a: a.sum((0, 2))),
    "x.mean(dim=(0, 2), keepdim=True)": (
        lambda x: x.mean(dim=(0, 2), keepdim=True), lambda a: a.mean((0, 2), keepdims=True)),
    "x.max(axis=-1)": (lambda x: x.max(axis=-1), lambda a: a.max(-1)),
    "x.amax(dim=(0, 1))": (lambda x: x.amax(dim=(0, 1)), lambda a: a.max((0, 1))),
    "x.min()": (lambda x: x.min(), lambda a: a.min()),
    "x.var(axis=1)": (lambda x: x.var(axis=1), lambda a: a.var(1)),
    "x.var(dim=1, unbiased=True)": (lambda x: x.var(dim=1, unbiased=True), lambda a: a.var(1, ddof=1)),
    "x.std(dim=-1, keepdim=True, correction=1)": (
        lambda x: x.std(dim=-1, keepdim=True, correction=1), lambda a: a.std(-1, ddof=1, keepdims=True)),
    "x.std(ddof=1)": (lambda x: x.std(ddof=1), lambda a: a.std(ddof=1)),
    "x.norm(dim=1)": (lambda x: x.norm(dim=1), lambda a: np.sqrt((a * a).sum(1))),
    "x.softmax(dim=1)": (lambda x: x.softmax(dim=1), lambda a: softmax(a, 1)),
    "log_softmax(x, axis=0)": (lambda x: ct.ops.log_softmax(x, axis=0), lambda a: np.log(softmax(a, 0))),
    "cat(dim=1)": (lambda x: ct.ops.cat([x, x * x], dim=1), lambda a: np.concatenate([a, a * a], 1)),
    "cat": (lambda x: ct.ops.cat([x, x * x]), lambda a: np.concatenate([a, a * a])),
    "stack(axis=-1)": (lambda x: ct.ops.stack([x, x * x, x], axis=-1), lambda a: np.stack([a, a * a, a], -1)),
    "chunk": (lambda x: x.chunk(2, dim=2)[1], lambda a: np.split(a, 2, 2)[1]),
    "split(sizes=)": (lambda x: x.split(sizes=[1, 2], axis=1)[1], lambda a: a[:, 1:]),
    "size": (lambda x: x * x.size(0) * x.size()[1] * x.dim() * x.numel() * x.size, lambda a: a * 4 * 3 * 3 * 72 * 72),
    "x[mask]": (lambda x: x[A > 0], lambda a: a[A > 0]),
    "x[Tensor]": (lambda x: x[ct.Tensor(np.array([2, 0, 2]))], lambda a: a[[2, 0, 2]]),
    "x[:, [0, 2], ::-2]": (lambda x: x[:, [0, 2], ::-2], lambda a: a[:, [0, 2], ::-2]),
    "x[None, ..., 1]": (lambda x: x[None, ..., 1], lambda a: a[None, ..., 1]),
    "x @ vector": (lambda x: x @ x[0, 0], lambda a: a @ a[0, 0]),
    "vector @ x": (lambda x: x[0, :, 0] @ x, lambda a: a[0, :, 0] @ a),
    "vector @ vector": (lambda x: x[0, 0] @ x[1, 1], lambda a: a[0, 0] @ a[1, 1]),
    "vector @ matrix": (lambda x: x[0, 0] @ x[1].T, lambda a: a[0, 0] @ a[1].T),
    "matmul(array, vector)": (lambda x: ct.ops.matmul(A[0], x[1, 1]), lambda a: A[0] @ a[1, 1]),
    "stacks that broadcast": (lambda x: x[:1] @ x.transpose(1, 2), lambda a: a[:1] @ a.swapaxes(1, 2)),
    "a list of rows": (lambda x: list(x)[1] + sum(x), lambda a: a[1] + a.sum(0)),
    "first, *rest": (lambda x: (lambda first, *rest: first * len(rest))(*x), lambda a: a[0] * 3),
    "np.mean(x)": (np.mean, np.mean),
    "np.sum(x, axis=1)": (lambda x: np.sum(x, axis=1), lambda a: a.sum(1)),
    "np.std(x, axis=0)": (lambda x: np.std(x, axis=0), lambda a: a.std(0)),
    "np.max(x, axis=-1)": (lambda x: np.max(x, axis=-1), lambda a: a.max(-1)),
    "np.reshape": (lambda x: np.reshape(x, (6, 12)), lambda a: a.reshape(6, 12)),
    "np.transpose": (np.transpose, lambda a: a.T),
    "np.clip": (lambda x: np.clip(x, -0.5, 0.5), lambda a: np.clip(a, -0.5, 0.5)),
    "clip(a_min=)": (lambda x: ct.ops.clip(x, a_min=0.1), lambda a: np.maximum(a, 0.1)),
    "permute(dims=)": (lambda x: x.permute(dims=(2, 0, 1)), lambda a: a.transpose(2, 0, 1)),
    "x * (x == y)": (lambda x: x * (x == x.clip(max=0.3)), lambda a: a * (a <= 0.3)),
    "where(x != 0)": (lambda x: ct.ops.where(x != 0, x, 1.0), lambda a: np.where(a != 0, a, 1.0)),
    "x.clone().cpu()": (lambda x: x.clone().cpu() * 2, lambda a: 2 * a),
}


@pytest.mark.parametrize("name", SAME)
def test_what_numpy_and_pytorch_agree_on(name):
    ours, theirs = SAME[name]
    x = ct.Tensor(A, requires_grad=True)
    out = ours(x)
    np.testing.assert_allclose(out.numpy(), theirs(A), rtol=1e-12, atol=1e-14)
    rng = np.random.default_rng(1)
    c, direction, h = rng.normal(size=out.shape), rng.normal(size=A.shape), 1e-6
    (out * c).sum().backward()
    up, down = (ours(ct.Tensor(A + by * direction)).numpy() for by in (h, -h))
    slope = ((up - down) * c).sum() / 2 / h
    assert (x.grad * direction).sum() == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_detach_lets_no_gradient_through():
    x = ct.Tensor([2.0, 3.0], requires_grad=True)
    (x.detach() * x).sum().backward()
    assert x.grad.tolist() == [2, 3]


def test_places_of_the_largest_are_plain_numbers():
    assert ct.Tensor(A).argmax(axis=1).tolist() == A.argmax(1).tolist() and ct.ops.argmin(A) == A.argmin()


REFUSED = {
    "var(dim=)": (lambda x: x.var(dim=1), ArgumentError, "n - 1 in PyTorch.*say ddof=1 or ddof=0"),
    "max(dim=)": (lambda x: x.max(dim=1), ArgumentError, r"amax\(x, dim=1\)"),
    "max of two": (lambda x: ct.ops.max(x, x), ArgumentError, r"ct.ops.maximum\(u, v\)"),
    "split(2)": (lambda x: x.split(2), ArgumentError, r"ct.ops.chunk\(x, n\)"),
    "both words": (lambda x: x.sum(axis=1, dim=1), ArgumentError, "dim= and axis= are the same"),
    "an axis too many": (lambda x: x.sum(dim=3), ShapeError, "axis 3 is out of bounds"),
    "unequal parts": (lambda x: x.chunk(4, dim=1), ShapeError, "3 is no multiple of 4"),
    "sizes that do not add up": (lambda x: x.split(sizes=[1, 1], axis=1), ShapeError, "add up to 2, but axis 1 has 3"),
    "no variance of one": (lambda x: x[:1].var(axis=0, ddof=1), ShapeError, "of 1 number with ddof=1"),
    "squeeze of more than one": (lambda x: x.squeeze(1), ShapeError, "axis 1 of .* is larger"),
    "permute of too few": (lambda x: x.permute(0, 1), ShapeError, "each of 3 axes once"),
    "stack of two shapes": (lambda x: ct.ops.stack([x, x[0]]), ShapeError, "Tensors of one shape"),
    "an exponent of many": (lambda x: x**x, ArgumentError, r"ct.ops.exp\(v \* ct.ops.log\(u\)\)"),
    "a mask of floats": (lambda x: x[ct.Tensor([1.0, 0.0])], ArgumentError, "whole numbers or truths"),
    "clip without bounds": (lambda x: x.clip(), ArgumentError, "min, max or both"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_they_disagree_on_is_asked(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call(ct.Tensor(A, requires_grad=True))


class Everything(ct.nn.Module):
    """Most of them in one network, which is recorded."""

    def __init__(self):
        self.layer = ct.nn.Linear(6, 6)
        self.v = ct.nn.Parameter(np.linspace(-1, 1, 6))

    def forward(self, x):
        h = self.layer(x.view(x.size(0), -1)).clamp(-2, 2)
        h = ct.ops.where(h > 0.1, h, h.tanh()) + (h >= 0) * 0.5
        h = ct.ops.stack([h, h.softmax(dim=1)], axis=1).permute(0, 2, 1).flatten(1)
        h = ct.ops.cat([h, h.detach().abs().sqrt()], dim=1)
        scale = 1 + h.std(axis=1, keepdims=True, ddof=1) + h.amax(dim=1, keepdim=True) + h.norm(dim=1, keepdim=True)
        return ((h / scale)[:, ::4] @ self.v).unsqueeze(1) + ct.ops.minimum(h[:, :1], self.v[:1]) + self.v @ self.v


@pytest.mark.usefixtures("kernels_as_written")
@pytest.mark.parametrize("threads", every(2, [2, 1]))
def test_in_a_program_as_in_a_plain_loop(threads, tmp_path):
    X, y = np.random.default_rng(2).normal(size=(64, 2, 3)), np.linspace(-1, 1, 64)[:, None]
    nets = trained_alike(Everything, X, y, threads)
    ct.save(nets[0], tmp_path / "m.safetensors", input=X[:2])
    np.testing.assert_allclose(ct.load(tmp_path / "m.safetensors").predict(X), nets[2](X).numpy(), rtol=1e-6)


def test_a_choice_by_python_cannot_be_recorded():
    class Branches(Everything):
        def forward(self, x):
            return x if (x > 0).sum() > 3 else -x

    with pytest.raises(RecordingError, match="while the model is being recorded"):
        ct.fit(Branches(), A, A)


class Gated(ct.nn.Module):
    """Rows whose first number is a 1 count, and those whose second is none."""

    def __init__(self):
        self.layer = ct.nn.Linear(3, 2)

    def forward(self, x):
        return self.layer(x) * (x[:, :1] == 1) + ct.ops.where(x[:, 1:2] != 0.0, 0.0, 5.0)


@pytest.mark.parametrize("engine", ["cpu", "reference"])
def test_equal_means_value_by_value_in_a_model_too(engine):
    net, X = Gated().init(0), np.array([[1.0, 0, 2], [0, 1, 1], [1, 1, 0], [0, 0, 0]], np.float32)
    layer = X @ net.layer.weight.data.T + net.layer.bias.data
    expected = layer * (X[:, :1] == 1) + np.where(X[:, 1:2] != 0, 0, 5)
    np.testing.assert_allclose(net.predict(X, engine=engine), expected, rtol=1e-5)


def test_tensors_stay_keys_and_no_text_equals_them():
    x = ct.Tensor([1.0, 2.0])
    assert {x: 3}[x] == 3 and x in [x] and x != None and x != "x"  # noqa: E711
    assert (x == [1, 3]).tolist() == [True, False] and (x != [1, 3]).tolist() == [False, True]


@pytest.mark.parametrize(("write", "says"), [
    (lambda x: x.__setitem__(0, 1.0), r"ct.ops.where\(test, value, x\)"),
    (lambda x: x.item(), "a single number is asked of a Tensor of shape"),
    (lambda x: x + "a", "operations take numbers, got 'a'"),
    (lambda x: ct.Tensor([[1, 2], [3]]), "lists that are equally long"),
    (lambda x: x.log2(), r"ct.ops.log\(x\) / np.log\(2\)"),
    (lambda x: x.float(), "a Tensor keeps its precision, and this one's is float64"),
    (lambda x: x.median(), "np.median of x.numpy()"),
    (lambda x: x.relu_(), r"x = x.relu\(...\)"),
    (lambda x: x.gelu(), r"ct.ops.gelu\(x\)"),
    (lambda x: x.norm(p=1), "ct.ops.norm takes no p="),
    (lambda x: x.mean(dtype=float), "ct.ops.mean takes no dtype="),
    (lambda x: ct.ops.relu(x, inplace=True), "ct.ops.relu takes no inplace="),
    (lambda x: ct.ops.dropout(x, 0.5), r"ct.nn.Dropout\(p\)"),
    (lambda x: ct.ops.sum(x, axes=1), "did you mean axis=?"),
    (lambda x: ct.ops.embedding([0, -1], x), "must hold whole numbers from 0 to 3, got -1 to 0"),
    (lambda x: ct.ops.embedding([0.0, 1.0], x), "embedding looks up whole numbers, got float64"),
    (lambda x: ct.ops.embedding(np.array([2**32]), x), "got 4294967296 to 4294967296"),
])
def test_other_habits_are_answered_in_words(write, says):
    with pytest.raises(ct.errors.CutawayError, match=says):
        write(ct.Tensor(A))


def test_a_tensor_of_one_number_is_a_number():
    assert int(ct.Tensor([3.7])) == 3 and float(ct.Tensor(2)) == 2.0
