"""Forty networks as newcomers write them: no instruction of theirs runs in NumPy, and each learns what it should."""

import numpy as np
import pytest

import cutaway as ct
from benchmarks.idiom_networks import IDIOMS, data, network, of_cutaway
from cutaway.engines import evaluator

#: idioms with operations that still run by their rule, until these have kernels
LEFT: dict[str, str] = {
    "h[:, ::2]": "mean",
    "x[..., None]": "matmul softmax sum",
    "where with a mask": "softmax sum",
    "x.mean(axis=1)": "mean",
    "sum along each axis": "sum",
    "max and min along each axis": "max",
    "var and std": "mean norm sum",
    "softmax along another axis": "softmax sum",
    "transpose and swapaxes": "mean",
    "x.view": "mean",
    "concat and stack of 2": "max",
    "concat and stack of 3": "mean",
    "concat and stack of 8": "mean",
    "cosine similarity of two towers": "norm sum",
    "a mixture of two experts": "softmax",
    "an embedding beside numbers": "embedding",
    "several embeddings concatenated": "embedding",
    "weight tying": "matmul mean",
    "attention over time": "matmul mean softmax",
    "a bidirectional GRU with mean over time": "mean",
    "squeeze and excitation": "mean",
    "residual blocks with batch norm": "mean",
    "depthwise-separable convolution": "conv max",
    "global average pooling": "mean",
    "label smoothing": "log_softmax sum",
}
MARKED = [pytest.param(name, id=name, marks=pytest.mark.xfail(strict=True, reason=f"no kernel: {LEFT[name]}"))
          if name in LEFT else name for name in IDIOMS]


def made(name, rows=64):
    """A network of its idiom, its rows and their targets."""
    X, y = data(IDIOMS[name], rows)
    return network(IDIOMS[name], *of_cutaway()).init(0), X[0] if len(X) == 1 else X, y


def trainer(name, **how):
    """A program that trains it on batches of 32, fed."""
    net, X, y = made(name)
    program = ct.compile(net, net.loss, ct.optim.AdamW(1e-2), 32, X, y, **how)
    program.feed(X, y)
    return program


def by_their_rule(program):
    """The operations of a program that have no kernel here, backward ones with a prime."""
    return sorted({i.op + "'" * i.backward for k, i in enumerate(program.instructions)
                   if program.source(k).startswith("# runs by its rule")})


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MARKED)
def test_no_instruction_runs_in_numpy(name, threads):
    program = trainer(name, threads=threads)
    assert by_their_rule(program) == []
    assert program.engine.threads == threads
    net, X, _ = made(name)
    assert by_their_rule(evaluator(net, X, threads=threads)) == []


@pytest.mark.filterwarnings("ignore:.*has no CPU kernel:RuntimeWarning")
@pytest.mark.parametrize("name", IDIOMS)
def test_it_learns_as_on_the_reference_engine(name):
    expected, *found = (
        np.concatenate([program.run() for _ in range(20)])
        for program in (trainer(name, engine="reference"), trainer(name, threads=1), trainer(name, threads=2))
    )
    for losses in found:
        np.testing.assert_allclose(losses, expected, rtol=1e-3)
    assert expected[-2:].mean() < expected[:2].mean()


def test_there_are_forty_of_them():
    assert len(IDIOMS) >= 40
