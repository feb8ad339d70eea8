"""Streams of chance: what the process-wide one gives, and what leaves it as it was."""

import numpy as np

import cutaway as ct
from cutaway import random


def test_layers_made_undisturbed_do_not_change_the_weights_of_those_made_later():
    ct.seed(3)
    first = ct.nn.Linear(2, 3)
    wanted = ct.nn.Linear(2, 3).weight.data.copy()
    ct.seed(3)
    assert np.array_equal(ct.nn.Linear(2, 3).weight.data, first.weight.data)
    with random.undisturbed():
        ct.nn.MLP(2, [4], 2)
    assert np.array_equal(ct.nn.Linear(2, 3).weight.data, wanted)
