"""What is learnt and how, each checked by itself: tasks, recipes, and the best score so far."""

from types import SimpleNamespace

import numpy as np
import pytest

from cutaway import losses
from cutaway.errors import ArgumentError
from cutaway.train.monitor import Monitor
from cutaway.train.recipe import Recipe
from cutaway.train.task import Task
from cutaway.train.validation import Best

X, y = np.arange(24.0).reshape(12, 2), np.repeat([0, 1, 2], 4)


def test_a_share_is_held_out_in_proportion_to_the_classes():
    task = Task.of(X, y, "cross_entropy", validation=0.25)
    assert task.loss is losses.cross_entropy
    assert np.bincount(y[task.rows]).tolist() == [3, 3, 3] and np.bincount(task.held_out.y).tolist() == [1, 1, 1]


def test_rows_of_weight_zero_are_neither_learnt_nor_scored():
    weight = np.where(np.arange(12) % 2, 2.0, 0.0)
    task = Task.of(X, y, "cross_entropy", sample_weight=weight, validation=(X, y, weight))
    assert task.rows.tolist() == [1, 3, 5, 7, 9, 11] and len(task.held_out) == 6


def test_weights_get_a_mean_of_one_over_the_rows_that_are_learnt():
    task = Task.of(X, y, "cross_entropy", sample_weight=np.arange(12.0), validation=0.25)
    assert task.data.weight[task.rows].mean() == pytest.approx(1)


def test_equal_weights_are_none():
    assert Task.of(X, y, "cross_entropy", sample_weight=np.full(12, 3.0)).data.weight is None


@pytest.mark.parametrize(("given", "patience"), [(None, 0), (False, 0), (0, 0), (7, 7), (True, 10), (np.True_, 10)])
def test_patience(given, patience):
    assert Recipe(early_stopping=given).patience == patience


@pytest.mark.parametrize(("given", "rows"), [(5, 5), (100, 12), ("full", 12)])
def test_rows_a_step_are_those_asked_for_or_all(given, rows):
    assert Recipe(batch_size=given).rows_a_step(12) == rows


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"seed": 0.5}, {"threads": 0}, {"early_stopping": "yes"},
                                   {"optimizer": "adam"}, {"time_limit": -1}])
def test_a_recipe_that_makes_no_sense_is_refused_by_name(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_the_best_weights_are_those_of_the_lowest_cost_and_waiting_counts_from_there():
    best, state = Best(Monitor("val_r2", "max")), {}
    model = SimpleNamespace(state_dict=lambda: dict(state))
    seen = []
    for epoch, score in enumerate((0.2, 0.5, float("nan"), 0.5)):
        state["epoch"] = epoch
        seen.append(best.see({"val_r2": score}, model))
    assert seen == [True, True, False, False]
    assert (best.weights, best.cost, best.waited) == ({"epoch": 1}, -0.5, 2)
