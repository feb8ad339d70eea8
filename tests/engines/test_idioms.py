"""Forty networks as newcomers write them: no instruction of theirs runs in NumPy, and they learn what they should."""

import numpy as np
import pytest

import cutaway as ct
from benchmarks.idiom_networks import IDIOMS, data, network, of_cutaway
from cutaway.engines import evaluator
from cutaway.engines.cpu import building
from depth import each_once, every

pytestmark = pytest.mark.usefixtures("kernels_as_written")


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


@pytest.mark.parametrize(("name", "threads"), each_once(IDIOMS, [1, 2]))
def test_no_instruction_runs_in_numpy(name, threads):
    net, X, y = made(name)
    with building.collecting():  # the text of kernels is all that is asked for
        trains = ct.compile(net, net.loss, ct.optim.AdamW(1e-2), 32, X, y, threads=threads)
        evaluates = evaluator(net, X, threads=threads)
    assert by_their_rule(trains) == by_their_rule(evaluates) == []
    assert trains.engine.threads == threads


@pytest.mark.parametrize(("name", "threads"), each_once(every(3, list(IDIOMS)), [2, 1]))
def test_it_learns_as_on_the_reference_engine(name, threads):
    expected, found = (np.concatenate([program.run() for _ in range(20)])
                       for program in (trainer(name, engine="reference"), trainer(name, threads=threads)))
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert expected[-2:].mean() < expected[:2].mean()


def test_there_are_forty_of_them():
    assert len(IDIOMS) >= 40
