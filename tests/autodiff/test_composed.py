"""Names of NumPy and PyTorch that are made of other operations: values by NumPy, slopes by differences, refusals."""

import numpy as np
import pytest
from plain_loop import trained_alike

import cutaway as ct
from cutaway.errors import ArgumentError, ShapeError
from depth import each_once

pytestmark = pytest.mark.usefixtures("kernels_as_written")

A = np.random.default_rng(0).normal(size=(4, 3, 6))
B = np.random.default_rng(1).normal(size=(4, 6, 2))
logistic = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
length = lambda a: np.sqrt((a * a).sum(-1, keepdims=True))  # noqa: E731

#: what is written with Tensors, and what NumPy makes of it
SAME = {
    "multiply, subtract": (lambda x: ct.ops.multiply(x, x).subtract(1), lambda a: a * a - 1),
    "divide, negative": (lambda x: ct.ops.divide(x, 2).negative().absolute(), lambda a: np.abs(-a / 2)),
    "reciprocal": (lambda x: (x + 5).reciprocal(), lambda a: 1 / (a + 5)),
    "rsqrt": (lambda x: (x + 5).rsqrt(), lambda a: 1 / np.sqrt(a + 5)),
    "logsigmoid": (lambda x: ct.ops.logsigmoid(x), lambda a: np.log(logistic(a))),
    "log1p, expm1": (lambda x: (x.expm1() + 1).log1p(), lambda a: np.log1p(np.exp(a))),
    "masked_fill": (lambda x: x.masked_fill(A > 0, -1e9), lambda a: np.where(A > 0, -1e9, a)),
    "glu": (lambda x: ct.ops.glu(x, dim=2), lambda a: a[..., :3] * logistic(a[..., 3:])),
    "one_hot(num_classes=)": (lambda x: x * ct.ops.one_hot([[1], [0], [5], [2]], num_classes=6, like=x),
                              lambda a: a * np.eye(6)[[[1], [0], [5], [2]]]),
    "logsumexp(dim=)": (lambda x: ct.ops.logsumexp(700 * x, dim=1) / 700,
                        lambda a: np.logaddexp.reduce(700 * a, axis=1) / 700),
    "logsumexp of all": (lambda x: x.logsumexp(), lambda a: np.log(np.exp(a).sum())),
    "logsumexp(keepdim=)": (lambda x: x.logsumexp(dim=-1, keepdim=True),
                            lambda a: np.log(np.exp(a).sum(-1, keepdims=True))),
    "normalize": (lambda x: ct.ops.normalize(x, dim=-1), lambda a: a / length(a)),
    "cosine_similarity": (lambda x: ct.ops.cosine_similarity(x, A[::-1], dim=-1),
                          lambda a: ((a * A[::-1]).sum(-1, keepdims=True) / length(a) / length(A[::-1]))[..., 0]),
    "mm": (lambda x: ct.ops.mm(x[0], B[0]), lambda a: a[0] @ B[0]),
    "bmm": (lambda x: ct.ops.bmm(x, B), lambda a: a @ B),
    "dot of vectors": (lambda x: x[0, 0].dot(x[1, 1]), lambda a: a[0, 0].dot(a[1, 1])),
    "outer": (lambda x: ct.ops.outer(x[0, 0], x[1, :, 1]), lambda a: np.outer(a[0, 0], a[1, :, 1])),
    "einsum of attention": (lambda x: ct.ops.einsum("nqd,nkd->nqk", x, x * x),
                            lambda a: np.einsum("nqd,nkd->nqk", a, a * a)),
    "einsum of two axes": (lambda x: ct.ops.einsum("nij,jk->nki", x, B[0]),
                           lambda a: np.einsum("nij,jk->nki", a, B[0])),
    "einsum that sums up": (lambda x: ct.ops.einsum("nij->j", x), lambda a: np.einsum("nij->j", a)),
    "einsum that turns": (lambda x: ct.ops.einsum("nij -> jni", x), lambda a: np.einsum("nij->jni", a)),
    "einsum of a pair": (lambda x: ct.ops.einsum("nij,nik->nijk", x, x[..., :2]),
                         lambda a: np.einsum("nij,nik->nijk", a, a[..., :2])),
    "einsum by value": (lambda x: ct.ops.einsum("nij,j->nij", x, B[0, :, 0]),
                        lambda a: np.einsum("nij,j->nij", a, B[0, :, 0])),
    "einsum of a number": (lambda x: ct.ops.einsum("nij,nij->", x, x), lambda a: np.einsum("nij,nij->", a, a)),
    "einsum, letters alone": (lambda x: ct.ops.einsum("nij,ndk->nj", x, B), lambda a: np.einsum("nij,ndk->nj", a, B)),
    "einsum, a vector for each": (lambda x: ct.ops.einsum("nij,ij->ni", x, A[0]),
                                  lambda a: np.einsum("nij,ij->ni", a, A[0])),
    "einsum, a matrix for each": (lambda x: ct.ops.einsum("nij,ijk->nik", x, B[:3]),
                                  lambda a: np.einsum("nij,ijk->nik", a, B[:3])),
    "einsum, weights in front": (lambda x: ct.ops.einsum("jk,nij->nik", B[0], x),
                                 lambda a: np.einsum("jk,nij->nik", B[0], a)),
    "einsum, a number for each": (lambda x: ct.ops.einsum("ij,nij->nij", A[0], x), lambda a: A[0] * a),
    "ravel": (lambda x: x.ravel(), lambda a: a.ravel()),
    "moveaxis": (lambda x: ct.ops.moveaxis(x, 0, -1), lambda a: np.moveaxis(a, 0, -1)),
    "movedim of two": (lambda x: x.movedim((0, 2), (1, 0)), lambda a: np.moveaxis(a, (0, 2), (1, 0))),
    "mT": (lambda x: x.mT, lambda a: a.swapaxes(1, 2)),
    "t": (lambda x: x[0].t(), lambda a: a[0].T),
    "swapdims": (lambda x: x.swapdims(0, 2), lambda a: a.swapaxes(0, 2)),
    "expand": (lambda x: x[:, :1].expand(-1, 5, -1), lambda a: np.repeat(a[:, :1], 5, 1)),
    "expand in front": (lambda x: x[0].expand(2, 3, 6), lambda a: np.stack([a[0], a[0]])),
    "broadcast_to": (lambda x: ct.ops.broadcast_to(x[:, :, :1], (4, 3, 2)), lambda a: np.repeat(a[..., :1], 2, 2)),
    "tile": (lambda x: ct.ops.tile(x, (1, 2, 3)), lambda a: np.tile(a, (1, 2, 3))),
    "tile of the last axis": (lambda x: x.tile(2), lambda a: np.tile(a, 2)),
    "tile in front": (lambda x: x[0].tile(2, 1, 2), lambda a: np.tile(a[0], (2, 1, 2))),
    "repeat_interleave": (lambda x: x.repeat_interleave(3, dim=1), lambda a: np.repeat(a, 3, 1)),
    "flip": (lambda x: x.flip(dims=(1, -1)), lambda a: np.flip(a, (1, 2))),
    "roll": (lambda x: x.roll(2, axis=2), lambda a: np.roll(a, 2, 2)),
    "roll(shifts=, dims=)": (lambda x: ct.ops.roll(x, shifts=-4, dims=1), lambda a: np.roll(a, -4, 1)),
    "diff": (lambda x: ct.ops.diff(x, axis=1), lambda a: np.diff(a, axis=1)),
    "pad": (lambda x: ct.ops.pad(x, ((0, 0), (2, 0), (1, 3))), lambda a: np.pad(a, ((0, 0), (2, 0), (1, 3)))),
    "pad with a value": (lambda x: ct.ops.pad(x, ((0, 0), (0, 1), (0, 0)), -1.0),
                         lambda a: np.pad(a, ((0, 0), (0, 1), (0, 0)), constant_values=-1)),
    "tril": (lambda x: x.tril(), np.tril),
    "triu(diagonal=)": (lambda x: ct.ops.triu(x, diagonal=1), lambda a: np.triu(a, 1)),
    "unbind": (lambda x: sum(k * part for k, part in enumerate(x.unbind(dim=1))), lambda a: a[:, 1] + 2 * a[:, 2]),
    "hstack": (lambda x: ct.ops.hstack([x, x * x]), lambda a: np.hstack([a, a * a])),
    "vstack of vectors": (lambda x: ct.ops.vstack([x[0, 0], x[1, 1]]), lambda a: np.vstack([a[0, 0], a[1, 1]])),
    "x * (x.gt(0) & ...)": (lambda x: x * (x.gt(-1) & x.less(1)), lambda a: a * ((a > -1) & (a < 1))),
}


@pytest.mark.parametrize("name", SAME)
def test_values_and_slopes_are_numpys(name):
    ours, theirs = SAME[name]
    x = ct.Tensor(A, requires_grad=True)
    out = ours(x)
    np.testing.assert_allclose(out.numpy(), theirs(A), rtol=1e-12, atol=1e-14)
    rng = np.random.default_rng(1)
    c, direction, h = rng.normal(size=out.shape), rng.normal(size=A.shape), 1e-6
    (out * c).sum().backward()
    up, down = (ours(ct.Tensor(A + by * direction)).numpy() for by in (h, -h))
    assert (x.grad * direction).sum() == pytest.approx(((up - down) * c).sum() / 2 / h, rel=1e-5, abs=1e-6)


REFUSED = {
    "repeat": (lambda x: x.repeat(2), ArgumentError, r"each value twice in NumPy.*repeat_interleave.*ct.ops.tile"),
    "pad": (lambda x: ct.ops.pad(x, (2, 0)), ArgumentError,
            r"the last one in PyTorch.*\(\(0, 0\), \(0, 0\), \(a, b\)\)"),
    "pad by less": (lambda x: ct.ops.pad(x, ((0, 0), (-1, 0), (0, 0))), ShapeError, "axis 1 of size 3 cannot get"),
    "dot of stacks": (lambda x: x.dot(x), ShapeError, "ct.ops.einsum"),
    "mm of stacks": (lambda x: x.mm(x), ShapeError, "u @ v takes all"),
    "bmm of matrices": (lambda x: ct.ops.bmm(x[0], x[0]), ShapeError, "u @ v takes all"),
    "outer of matrices": (lambda x: ct.ops.outer(x[0], x[0]), ShapeError, "NumPy would flatten"),
    "t of a stack": (lambda x: x.t(), ShapeError, "x.mT"),
    "einsum of dots": (lambda x: ct.ops.einsum("...ij->...ji", x), ArgumentError, "takes letters"),
    "einsum of a trace": (lambda x: ct.ops.einsum("nii->n", x), ArgumentError, "each once in a Tensor"),
    "einsum without an arrow": (lambda x: ct.ops.einsum("nij", x), ArgumentError, "takes letters"),
    "einsum of other sizes": (lambda x: ct.ops.einsum("nij,ni->n", x, B[..., 0]), ShapeError, "do not fit"),
    "expand to another size": (lambda x: x.expand(4, 5, 6), ShapeError, r"does not broadcast to \(4, 5, 6\)"),
    "expand to fewer axes": (lambda x: x.expand(4, 6), ShapeError, "does not broadcast"),
    "tile of nothing": (lambda x: x.tile(0), ArgumentError, "1 or more along each axis"),
    "one_hot of floats": (lambda x: ct.ops.one_hot(x, 3), ArgumentError, "one_hot takes whole numbers, got float64"),
    "one_hot of a class too many": (lambda x: ct.ops.one_hot([0, 3], 3), ArgumentError, "from 0 to 2, got 0 to 3"),
    "a triangle of a vector": (lambda x: x[0, 0].tril(), ShapeError, "a triangle is of matrices"),
    "& of numbers": (lambda x: x & x, ArgumentError, r"join comparisons, as in \(x > 0\) & \(x < 1\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_clear_is_asked(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call(ct.Tensor(A, requires_grad=True))


def test_padding_and_masks_let_nothing_infinite_through():
    x = ct.Tensor(np.full((1, 2), np.inf))
    assert ct.ops.pad(x, ((0, 0), (1, 1))).tolist() == [[0, np.inf, np.inf, 0]]
    assert ct.ops.triu(ct.Tensor(np.full((2, 2), np.nan))).numpy()[1, 0] == 0


class Many(ct.nn.Module):
    """Most of them in one network, which is recorded."""

    def __init__(self):
        self.layer, self.out = ct.nn.Linear(6, 6), ct.nn.Linear(6, 1)
        self.start = ct.nn.Parameter(np.zeros((1, 6)))

    def forward(self, x):
        h = self.layer(x)
        scores, ahead = ct.ops.einsum("nqd,nkd->nqk", h, h.roll(1, axis=2)), np.triu(np.ones((3, 3), bool), 1)
        scores = scores.masked_fill(ahead, -1e9)
        h = ct.ops.einsum("nqk,nkd->nqd", scores.softmax(dim=-1), h) + self.start.expand(3, -1)
        h = ct.ops.pad(h, ((0, 0), (1, 0), (0, 0)))[:, :-1] + h.flip(1) + h.diff(axis=1).tile(1, 3, 1)[:, :3]
        inside = (h > -1) & ~(h.ge(1) | h.lt(-0.9))
        h = h / (1 + h.var(axis=0))
        h = ct.ops.where(inside, h, 0.1 * h) * ct.ops.normalize(h, dim=-1)
        return self.out(h.mT.logsumexp(dim=2) + ct.ops.glu(h.repeat_interleave(2, dim=2), dim=2).sum(dim=1))


class Experts(ct.nn.Module):
    """Experts whose weights lie in one array: nowhere do they move the rows of a batch out of the first dimension."""

    def __init__(self):
        shapes = {"first": (3, 6, 5), "second": (3, 5, 4), "score": (3, 4), "turn": (4, 4)}
        for name, shape in shapes.items():
            setattr(self, name, ct.nn.Parameter(shape, ct.nn.init.standard_normal))
        self.out = ct.nn.Linear(4, 1)

    def forward(self, x):
        h = ct.ops.einsum("ned,edh->neh", x, self.first).tanh()  # a matrix for each expert
        h = ct.ops.einsum("ehk,neh->nek", self.second, h)
        chances = ct.ops.einsum("nek,ek->ne", h, self.score).softmax()
        h = ct.ops.einsum("kl,nel->nek", self.turn, ct.ops.einsum("nek,ek->nek", h, self.score))
        return self.out(ct.ops.einsum("ne,nek->nk", chances, h))


@pytest.mark.parametrize(("network", "threads"), each_once([Many, Experts], [1, 2]))
def test_in_a_program_as_in_a_plain_loop(network, threads):
    X, y = np.random.default_rng(2).normal(size=(64, 3, 6)), np.linspace(-1, 1, 64)[:, None]
    trained_alike(network, X, y, threads)
