"""For every operation, inputs that its tests use: `CASES[name]` lists functions (rng, n, k) -> Case.

n is the number of rows, k a width. Values keep away from kinks (0 for ReLU, ties for maximum), where a difference
quotient says nothing. An operation of the registry without a case fails collection: see the end of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cutaway.autodiff import Runtime
from cutaway.rules import OPS
from depth import every

Make = Callable[[np.random.Generator, int, int], "Case"]
CASES: dict[str, list[Make]] = {}


@dataclass
class Case:
    """Inputs of one operation. kinds: for each input "rows" (one row a sample), "weights" or "none"; "fixed" are
    rows without a derivative, such as targets, and "constant" is what has neither rows nor a derivative."""

    inputs: tuple[np.ndarray | None, ...]
    attributes: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            self.kinds = ("rows",) * len(self.inputs)


def case(*names: str):
    def enter(make: Make) -> Make:
        for name in names:
            CASES.setdefault(name, []).append(make)
        return make

    return enter


def away(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of either sign, at least 0.1 from zero."""
    return rng.uniform(0.1, 2, shape) * (rng.integers(0, 2, shape) * 2.0 - 1.0)


# ---- activations and arithmetic ------------------------------------------------------------------------------------


@case("relu", "sigmoid", "tanh", "selu", "gelu", "gelu_tanh", "silu", "softplus", "mish", "identity", "neg", "exp",
      "expm1", "sin", "cos", "erf", "abs", "square", "softmax", "log_softmax", "detach")
def matrix(rng, n, k):
    return Case((away(rng, n, k),))


@case("relu", "tanh", "softmax")
def images(rng, n, k):
    return Case((away(rng, n, 2, k),))


@case("leaky_relu")
def leaky(rng, n, k):
    return Case((away(rng, n, k),), {"slope": 0.01})


@case("elu")
def elu(rng, n, k):
    return Case((away(rng, n, k),), {"alpha": 0.7})


@case("parametric_relu", "parametric_selu", "parametric_mish", "gain")
def factor_for_each_column(rng, n, k):
    return Case((away(rng, n, k), away(rng, k)), {"rate": 0.3}, ("rows", "weights"))


@case("log", "log1p", "sqrt")
def positive(rng, n, k):
    return Case((rng.uniform(0.2, 3, (n, k)),))


@case("power")
def power(rng, n, k):
    return Case((away(rng, n, k),), {"exponent": 3})


@case("power")
def root(rng, n, k):
    return Case((rng.uniform(0.2, 3, (n, k)),), {"exponent": -0.5})


@case("hold")
def held_neurons(rng, n, k):
    fixed = rng.integers(0, 2, (n, k)).astype(float)
    return Case((away(rng, n, k), away(rng, n, k), fixed), kinds=("rows", "fixed", "fixed"))


@case("clip")
def clip(rng, n, k):
    return Case((away(rng, n, k),), {"low": -0.05, "high": 1.0})


@case("clip")
def clip_from_above(rng, n, k):
    return Case((away(rng, n, k),), {"low": -np.inf, "high": 0.05})


@case("where")
def where(rng, n, k):
    return Case((rng.integers(0, 2, (n, k)).astype(float), away(rng, n, k), away(rng, n, k)),
                kinds=("fixed", "rows", "rows"))


@case("where")
def where_else_a_number(rng, n, k):
    return Case((rng.integers(0, 2, (n, 1)).astype(float), away(rng, n, k), away(rng)),
                kinds=("fixed", "rows", "weights"))


@case("add", "sub", "mul", "div", "maximum", "minimum", "greater", "greater_equal")
def pair(rng, n, k):
    v = away(rng, n, k)
    return Case((v + away(rng, n, k), v))


@case("add", "sub", "mul", "div", "maximum", "minimum")
def rows_and_vector(rng, n, k):
    v = away(rng, k)
    return Case((v + away(rng, n, k), v), kinds=("rows", "weights"))


@case("sub", "div")
def vector_and_rows(rng, n, k):
    v = away(rng, k)
    return Case((v, v + away(rng, n, k)), kinds=("weights", "rows"))


@case("mul", "div")
def column_and_rows(rng, n, k):
    return Case((away(rng, n, 1), away(rng, n, k)))


@case("add", "mul")
def rows_and_number(rng, n, k):
    return Case((away(rng, n, k), away(rng)), kinds=("rows", "weights"))


@case("mul", "add")
def rows_and_tall(rng, n, k):
    """A weight for each of k positions, the same for all k features: (k, 1) beside (n, k, k)."""
    return Case((away(rng, n, k, k), away(rng, k, 1)), kinds=("rows", "weights"))


@case("mul", "add")
def weights_alone(rng, n, k):
    return Case((away(rng, k, 3), away(rng, 3)), kinds=("weights", "weights"))


# ---- sums of products ----------------------------------------------------------------------------------------------


@case("linear")
def linear(rng, n, k):
    return Case((away(rng, n, k), away(rng, 3, k), away(rng, 3)), kinds=("rows", "weights", "weights"))


@case("linear")
def linear_without_bias(rng, n, k):
    return Case((away(rng, n, k), away(rng, 2, k), None), kinds=("rows", "weights", "none"))


@case("linear")
def linear_on_sequences(rng, n, k):
    return Case((away(rng, n, 4, k), away(rng, 3, k), away(rng, 3)), kinds=("rows", "weights", "weights"))


@case("linear")
def linear_of_one_bias_for_all(rng, n, k):
    return Case((away(rng, n, 2, k), away(rng, 3, k), away(rng, 1)), kinds=("rows", "weights", "weights"))


@case("linear")
def linear_of_a_bias_that_lies(rng, n, k):
    return Case((away(rng, n, k), away(rng, 3, k), away(rng, 1, 3)), kinds=("rows", "weights", "weights"))


@case("linear")
def linear_of_a_bias_for_each_row(rng, n, k):
    return Case((away(rng, n, 2, k), away(rng, 3, k), away(rng, n, 1, 3)), kinds=("rows", "weights", "rows"))


@case("matmul")
def matmul(rng, n, k):
    return Case((away(rng, n, k), away(rng, k, 3)), kinds=("rows", "weights"))


@case("matmul")
def matmul_of_stacks(rng, n, k):
    return Case((away(rng, n, 2, k), away(rng, n, k, 3)))


@case("matmul")
def matmul_of_stack_and_matrix(rng, n, k):
    return Case((away(rng, n, 2, k), away(rng, k, 3)), kinds=("rows", "weights"))


@case("matmul")
def matmul_by_a_column(rng, n, k):
    return Case((away(rng, n, k), away(rng, k)), kinds=("rows", "weights"))


@case("matmul")
def matmul_of_stacks_by_a_column(rng, n, k):
    return Case((away(rng, n, 2, k), away(rng, k)), kinds=("rows", "weights"))


@case("matmul")
def matmul_of_a_row_and_stacks(rng, n, k):
    return Case((away(rng, k), away(rng, n, k, 2)), kinds=("weights", "rows"))


@case("matmul")
def matmul_of_vectors(rng, n, k):
    return Case((away(rng, k), away(rng, k)), kinds=("weights", "weights"))


@case("embedding")
def embedding(rng, n, k):
    return Case((rng.integers(0, 4, n, np.int32), away(rng, 4, k)), kinds=("rows", "weights"))


@case("embedding")
def embedding_of_several(rng, n, k):
    return Case((rng.integers(0, 4, (n, 3), np.int32), away(rng, 4, k)), kinds=("rows", "weights"))


@case("piecewise")
def numbers_in_bins(rng, n, k):
    """Three features in k bins, none of the numbers at an edge; some lie outside."""
    return Case((rng.integers(-9, 30, (n, 3)) + 0.5, *bins(rng, k)), kinds=("rows", *("constant",) * 3))


@case("piecewise")
def numbers_of_each_step_in_bins(rng, n, k):
    return Case((rng.integers(-9, 30, (n, 2, 3)) + 0.5, *bins(rng, k)), kinds=("rows", *("constant",) * 3))


def bins(rng, k):
    lower = rng.integers(-5, 20, k).astype(float)
    return rng.integers(0, 3, k, np.int32), lower, lower + rng.integers(1, 9, k)


@case("by_feature")
def numbers_of_three_features(rng, n, k):
    u = rng.choice([0.0, 0.7, 1.0], (n, 7))
    return Case((u, np.array([0, 0, 2, 1, 1, 0, 2], np.int32), away(rng, 7, k)), {"groups": 3},
                ("rows", "constant", "weights"))


@case("by_feature")
def numbers_of_each_step_and_feature(rng, n, k):
    return Case((away(rng, n, 2, k), rng.integers(0, 2, k, np.int32), away(rng, k, 3)), {"groups": 2},
                ("rows", "constant", "weights"))


@case("lookup")
def codes(rng, n, k):
    """The last column holds them; some are not in the table."""
    return Case((np.column_stack([away(rng, n, 2), rng.integers(-1, 6, n) + 0.5]), away(rng, 4, k)), {"column": 2},
                ("fixed", "weights"))


@case("lookup")
def codes_of_each_step(rng, n, k):
    x = away(rng, n, 2, 3)
    x[..., 0] = rng.integers(0, 4, (n, 2)) + 0.5
    return Case((x, away(rng, 4, k)), {"column": 0}, ("rows", "weights"))


# ---- losses --------------------------------------------------------------------------------------------------------


@case("mse", "half_mse", "mae")
def outputs_and_targets(rng, n, k):
    y = away(rng, n, k)
    return Case((y + away(rng, n, k), y), kinds=("rows", "fixed"))


@case("mse", "half_mse", "mae")
def outputs_and_outputs(rng, n, k):
    y = away(rng, n, k)
    return Case((y + away(rng, n, k), y))


@case("mse", "half_mse", "mae")
def one_output(rng, n, k):
    y = away(rng, n)
    return Case((y[:, None] + away(rng, n, 1), y), kinds=("rows", "fixed"))


@case("huber")
def huber(rng, n, k):
    y, far = away(rng, n, k), rng.choice([0.3, 2.5], (n, k)) * rng.choice([-1.0, 1.0], (n, k))
    return Case((y + far + rng.uniform(-0.1, 0.1, (n, k)), y), {"delta": 1.2},
                ("rows", "fixed"))


@case("pinball")
def quantiles_and_targets(rng, n, k):
    y, levels = away(rng, n), np.sort(rng.uniform(0.05, 0.95, k))
    return Case((y[:, None] + away(rng, n, k), y, levels), kinds=("rows", "fixed", "weights"))


@case("rising")
def the_middle_of_any(rng, n, k):
    return Case((away(rng, n, k),), {"middle": k // 2})


@case("rising")
def only_upward(rng, n, k):
    return Case((away(rng, n, k),), {"middle": 0})


@case("rising")
def of_each_step(rng, n, k):
    return Case((away(rng, n, 3, k),), {"middle": k - 1})


@case("binary_cross_entropy")
def yes_or_no(rng, n, k):
    return Case((away(rng, n, k), rng.integers(0, 2, (n, k)).astype(float)), kinds=("rows", "fixed"))


@case("binary_cross_entropy")
def one_yes_or_no(rng, n, k):
    return Case((away(rng, n, 1), rng.uniform(0, 1, n)), kinds=("rows", "fixed"))


@case("cross_entropy")
def classes(rng, n, k):
    return Case((away(rng, n, k + 1), rng.integers(0, k + 1, n, np.int32)))


@case("soft_cross_entropy")
def class_probabilities(rng, n, k):
    return Case((away(rng, n, k), rng.uniform(0, 1, (n, k))), kinds=("rows", "fixed"))


@case("soft_cross_entropy")
def one_mass_for_all_classes(rng, n, k):
    return Case((away(rng, n, k), rng.uniform(0, 1, (n, 1))), kinds=("rows", "fixed"))


@case("weighted_mean")
def weighted_mean(rng, n, k):
    return Case((away(rng, n), rng.uniform(0, 2, n)), kinds=("rows", "fixed"))


@case("poisson")
def counts(rng, n, k):
    return Case((away(rng, n, k), rng.integers(0, 4, (n, k)).astype(float)), kinds=("rows", "fixed"))


@case("poisson")
def one_count(rng, n, k):
    return Case((away(rng, n, 1), rng.uniform(0.1, 5, n)), kinds=("rows", "fixed"))


@case("penalty")
def penalty(rng, n, k):
    return Case((away(rng, k, 3),), {"strength": 0.7}, ("weights",))


@case("penalized_mean")
def penalized_mean_of_equals(rng, n, k):
    return Case((away(rng, n), None, away(rng)), kinds=("rows", "none", "weights"))


@case("penalized_mean")
def penalized_mean(rng, n, k):
    return Case((away(rng, n), rng.uniform(0.1, 2, n), away(rng)), kinds=("rows", "fixed", "weights"))


# ---- normalisation, dropout ----------------------------------------------------------------------------------------


@case("layer_norm")
def layer_norm(rng, n, k):
    k = k + 1
    return Case((away(rng, n, k), away(rng, k), away(rng, k)), {"eps": 1e-3}, ("rows", "weights", "weights"))


@case("layer_norm")
def layer_norm_on_sequences(rng, n, k):
    k = k + 1
    return Case((away(rng, n, 2, k), away(rng, k), away(rng, k)), {"eps": 1e-3}, ("rows", "weights", "weights"))


@case("layer_norm")
def layer_norm_of_a_gain_for_each_row(rng, n, k):
    return Case((away(rng, n, 2, k + 1), away(rng, n, 1, k + 1), away(rng, n, 2, 1)), {"eps": 1e-3})


@case("batch_norm")
def batch_norm_of_a_gain_for_each_row(rng, n, k):
    return Case((away(rng, n, k), away(rng, k), rng.uniform(0.2, 2, k), away(rng, n, k), away(rng, n, 1)),
                {"eps": 1e-3}, ("rows", "weights", "weights", "rows", "rows"))


@case("batch_norm")
def batch_norm_by_one_variance(rng, n, k):
    return Case((away(rng, n, k), away(rng), rng.uniform(0.2, 2, (1, 1)), away(rng, 1, k), away(rng, 1)),
                {"eps": 1e-3}, ("rows", "weights", "weights", "weights", "weights"))


@case("batch_stats")
def batch_stats(rng, n, k):
    return Case((away(rng, n + 1, k),))


@case("step_stats")
def steps_within_lengths(rng, n, k):
    return Case((away(rng, n, 4, k), lengths_of(rng, n, 4)), kinds=("rows", "fixed"))


@case("batch_norm")
def batch_norm(rng, n, k):
    return Case((away(rng, n, k), away(rng, k), rng.uniform(0.2, 2, k), away(rng, k), away(rng, k)), {"eps": 1e-3},
                ("rows", "weights", "weights", "weights", "weights"))


@case("running_average")
def running_mean(rng, n, k):
    return Case((away(rng, k), away(rng, k)), {"momentum": 0.1, "rows": None}, ("weights", "weights"))


@case("running_average")
def running_variance(rng, n, k):
    return Case((away(rng, k), away(rng, k)), {"momentum": 0.1, "rows": n + 1}, ("weights", "weights"))


@case("dropout")
def dropout(rng, n, k):
    return Case((away(rng, n, k),), {"p": 0.4, "seed": 3, "step": 2**32 - 1, "call": 2})


@case("dropout")
def dropout_in_programs(rng, n, k):
    return Case((away(rng, n, 2, k),), {"p": 0.25, "seed": Runtime("seed", 1), "step": Runtime("t", 1), "call": 1})


@case("falling_dropout")
def dropout_of_the_second_stretch(rng, n, k):
    return Case((away(rng, n, k), np.array([0.9, 0.3125, 0.1])), {"every": 5, "seed": 3, "step": 7, "call": 2},
                ("rows", "constant"))


@case("falling_dropout")
def dropout_long_after_the_last_stretch(rng, n, k):
    now = {"every": 3, "seed": Runtime("seed", 1), "step": Runtime("t", 1), "call": 1}
    return Case((away(rng, n, 2, k), np.array([0.25])), now, ("rows", "constant"))


# ---- moving values -------------------------------------------------------------------------------------------------


@case("reshape")
def reshape(rng, n, k):
    return Case((away(rng, n, 2, k),), {"shape": (n, 2 * k)})


@case("reshape")
def reshape_to_more_rows(rng, n, k):
    return Case((away(rng, n, 2 * k),), {"shape": (2 * n, k)})


@case("transpose")
def transpose(rng, n, k):
    return Case((away(rng, n, k, 2, 3),), {"axes": (0, 3, 1, 2)})


@case("real")
def whole_numbers(rng, n, k):
    return Case((rng.integers(-9, 9, (n, k), np.int32), away(rng, k)), kinds=("rows", "weights"))


@case("concat")
def concat(rng, n, k):
    return Case((away(rng, n, k), away(rng, n, 2)), {"axis": -1})


@case("concat")
def concat_of_three(rng, n, k):
    return Case((away(rng, n, k, 2), away(rng, n, 1, 2), away(rng, n, 3, 2)), {"axis": 1})


@case("index")
def index_columns(rng, n, k):
    return Case((away(rng, n, k + 2),), {"key": (slice(None), slice(1, -1))})


@case("index")
def index_one_column(rng, n, k):
    return Case((away(rng, n, k),), {"key": (slice(None), 0)})


@case("index")
def index_by_array(rng, n, k):
    return Case((away(rng, n, k + 1),), {"key": (slice(None), np.array([1, 0, 1]))})


@case("cumsum")
def cumulative_along_time(rng, n, k):
    return Case((away(rng, n, 3, k),), {"axis": 1})


@case("cumsum")
def cumulative_along_the_last_axis(rng, n, k):
    return Case((away(rng, n, 2, k),), {"axis": -1})


@case("cumsum")
def cumulative_over_rows(rng, n, k):
    return Case((away(rng, n, k),), {"axis": 0})


@case("sum", "mean", "norm")
def over_everything(rng, n, k):
    return Case((away(rng, n, k),), {"axis": None, "keepdims": False})


@case("max")
def largest_of_everything(rng, n, k):
    return Case((distinct(rng, n, k),), {"axis": None, "keepdims": False})


@case("max")
def largest_of_features(rng, n, k):
    return Case((distinct(rng, n, 2, k),), {"axis": (1, 2), "keepdims": True})


@case("max")
def largest_of_one_axis(rng, n, k):
    return Case((distinct(rng, n, 3, k),), {"axis": -2, "keepdims": False})


@case("sum", "mean", "norm")
def over_features(rng, n, k):
    return Case((away(rng, n, 2, k),), {"axis": (1, 2), "keepdims": True})


@case("sum", "mean", "norm")
def over_one_axis(rng, n, k):
    return Case((away(rng, n, 3, k),), {"axis": 1, "keepdims": False})


@case("sum", "mean")
def over_the_last_axis(rng, n, k):
    return Case((away(rng, n, k),), {"axis": -1, "keepdims": False})


@case("sum_to")
def sum_to(rng, n, k):
    return Case((away(rng, n, 2, k),), {"shape": (1, k)})


# ---- convolution and pooling ---------------------------------------------------------------------------------------

WINDOW = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}


def distinct(rng, *shape):
    """Numbers that differ by 0.1 at least, so that a maximum stays where it is."""
    size = int(np.prod(shape))
    return (rng.permutation(size) * 0.1 - 0.05 * size).reshape(shape)


@case("conv")
def conv_same(rng, n, k):
    return Case((away(rng, n, 4, 3, k), away(rng, 2, 3, 3, k), away(rng, 2)), WINDOW, ("rows", "weights", "weights"))


@case("conv")
def conv_of_a_bias_for_each_row(rng, n, k):
    return Case((away(rng, n, 4, 3, k), away(rng, 2, 3, 3, k), away(rng, n, 1, 1, 2)), WINDOW,
                ("rows", "weights", "rows"))


@case("conv")
def conv_strided(rng, n, k):
    settings = WINDOW | {"stride": (2, 1), "padding": ((0, 1), (2, 0)), "dilation": (1, 2)}
    return Case((away(rng, n, 5, 4, 2), away(rng, k, 2, 3, 2), None), settings, ("rows", "weights", "none"))


@case("conv")
def conv_in_groups(rng, n, k):
    return Case((away(rng, n, 3, 4, 2 * k), away(rng, 4, 2, 3, k), away(rng, 4)), WINDOW | {"groups": 2},
                ("rows", "weights", "weights"))


@case("conv")
def conv_of_sequences(rng, n, k):
    settings = {"stride": (2,), "padding": ((2, 0),), "dilation": (2,), "groups": 1}
    return Case((away(rng, n, 6, k), away(rng, 3, 2, k), away(rng, 3)), settings, ("rows", "weights", "weights"))


@case("max_pool", "avg_pool")
def pool_halves(rng, n, k):
    settings = {"window": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
    return Case((distinct(rng, n, 4, 5, k),), settings)


@case("max_pool", "avg_pool")
def pool_overlapping(rng, n, k):
    settings = {"window": (3, 2), "stride": (2, 1), "padding": ((1, 0), (0, 1))}
    return Case((distinct(rng, n, 5, 4, k),), settings)


@case("max_pool", "avg_pool")
def pool_sequences(rng, n, k):
    return Case((distinct(rng, n, 5, k),), {"window": (2,), "stride": (2,), "padding": ((0, 1),)})


@case("global_average", "global_max")
def whole_images(rng, n, k):
    return Case((distinct(rng, n, 3, 2, k), None), kinds=("rows", "none"))


@case("global_average", "global_max", "masked")
def sequences_of_lengths(rng, n, k):
    return Case((distinct(rng, n, 5, k), lengths_of(rng, n, 5)), kinds=("rows", "fixed"))


@case("shares_above")
def steps_above_thresholds(rng, n, k):
    """Some below all thresholds, some on the way and some above; none at an edge."""
    x = rng.integers(-4, 9, (n, 6, k)) + 0.3
    return Case((x, rng.integers(-2, 5, (2, k)) + 0.0, rng.choice([0.25, 0.5, 1.0], k), None),
                kinds=("rows", "constant", "constant", "none"))


@case("shares_above")
def steps_above_thresholds_within_lengths(rng, n, k):
    case = steps_above_thresholds(rng, n, k)
    return Case((*case.inputs[:3], lengths_of(rng, n, 6)), kinds=(*case.kinds[:3], "fixed"))


@case("shortened")
def lengths_after_a_window(rng, n, k):
    return Case((lengths_of(rng, n, 9),), {"window": 3, "stride": 2, "padding": 1, "dilation": 2}, ("fixed",))


def lengths_of(rng, n, most):
    return rng.integers(1, most + 1, n, np.int32)


@case("augment")
def augment(rng, n, k):
    settings = {"flip": True, "flip_vertical": False, "shift": 1.5, "rotate": 30.0, "crop": 0.7}
    return Case((away(rng, n, 5, 4, k),), settings | {"seed": 3, "step": 2**32 - 1, "call": 2}, ("fixed",))


@case("augment")
def augment_in_programs(rng, n, k):
    settings = {"flip": False, "flip_vertical": True, "shift": 0.6, "rotate": 180.0, "crop": 0.5}
    now = {"seed": Runtime("seed", 1), "step": Runtime("t", 1), "call": 1}
    return Case((away(rng, n, 4, 7, k),), settings | now, ("fixed",))


# ---- members -------------------------------------------------------------------------------------------------------


@case("member_inputs")
def factors_of_three_members(rng, n, k):
    return Case((away(rng, n, k), away(rng, 3, k)), kinds=("rows", "weights"))


@case("member_linear")
def neurons_of_three_members(rng, n, k):
    return Case((away(rng, n, 3, k), away(rng, 3, 2, k), away(rng, 6)), kinds=("rows", "weights", "weights"))


@case("member_linear")
def one_neuron_of_each_member(rng, n, k):
    return Case((away(rng, n, 4, k), away(rng, 4, 1, k), None), kinds=("rows", "weights", "none"))


@case("member_linear")
def neurons_that_crowd_the_cache(rng, n, k):
    return Case((away(rng, n, 16, k), away(rng, 16, 32, k), away(rng, 512)), kinds=("rows", "weights", "weights"))


@case("member_log_mean_exp")
def outputs_of_three_members(rng, n, k):
    return Case((away(rng, n, 3, k),))


@case("member_cross_entropy")
def classes_of_three_members(rng, n, k):
    return Case((away(rng, n, 3, k + 1), rng.integers(0, k + 1, n, np.int32)), kinds=("rows", "fixed"))


# ---- recurrent scans -----------------------------------------------------------------------------------------------

SCAN = {"reverse": False, "truncate": None}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}


def scan(name, rng, n, k, state=False, ends=False, bias=True, width=None, **settings):
    """Inputs of a recurrent scan over four steps, from a state or not, of different lengths or not."""
    k, states = width or min(k, 6), 2 if name == "lstm" else 1
    inputs = [0.5 * away(rng, n, 4, GATES[name] * k), min(0.5, 4 / max(k, 1)) * away(rng, GATES[name] * k, k)]
    inputs.append(away(rng, GATES[name] * k) if bias else None)
    inputs += [away(rng, n, k) if state else None for _ in range(states)]
    inputs.append(lengths_of(rng, n, 4) if ends else None)
    kinds = ("rows", "weights", "weights" if bias else "none", *("rows" if state else "none",) * states,
             "fixed" if ends else "none")
    return Case(tuple(inputs), SCAN | ({"relu": False} if name == "rnn" else {}) | settings, kinds)


SCANS = {
    "scan": {}, "scan_from_a_state": {"state": True}, "scan_to_lengths": {"ends": True},
    "scan_back_from_lengths": {"ends": True, "state": True, "reverse": True},
    "scan_back": {"reverse": True, "bias": False},
}


def enter_scan(name, case_name, options):
    def make(rng, n, k):
        return scan(name, rng, n, k, **options)

    make.__name__ = case_name
    case(name)(make)


for name in GATES:
    for case_name, options in SCANS.items():
        enter_scan(name, case_name, options)


def learned(name, rng, n, k, bias):
    """From a state that is the same for all rows, with a bias of another shape than usual."""
    made = scan(name, rng, n, k, ends=True, reverse=True)
    u, W, _, *states, lengths = made.inputs
    k = W.shape[1]
    return Case((u, W, bias(len(W)), *(away(rng, k) for _ in states), lengths), made.attributes,
                ("rows", "weights", "weights", *("weights",) * len(states), "fixed"))


for name in GATES:
    def from_a_learned_state(rng, n, k, name=name):
        return learned(name, rng, n, k, lambda width: away(rng, 1))

    def with_a_bias_that_lies(rng, n, k, name=name):
        return learned(name, rng, n, k, lambda width: away(rng, 1, width))

    case(name)(from_a_learned_state)
    case(name)(with_a_bias_that_lies)


@case("lstm")
def scan_of_a_wide_state(rng, n, k):
    return scan("lstm", rng, n, k, ends=True, width=192)


@case("rnn")
def scan_with_relu(rng, n, k):
    return scan("rnn", rng, n, k, state=True, relu=True)


if missing := sorted(OPS.keys() ^ CASES.keys()):
    raise AssertionError(f"operations without a case in tests/rules/cases.py, or the other way round: {missing}")

EVERY = [(name, make) for name, makes in CASES.items() for make in makes]
IDS = [f"{name}-{make.__name__}" for name, make in EVERY]


def of_each(step: int, which: Callable[[str], bool] = lambda name: True) -> list[str]:
    """The ids of each operation's first case and of each `step`-th of the others; in a thorough run, of all."""
    first = {name: id for id, (name, _) in reversed(list(zip(IDS, EVERY, strict=True)))}
    ids = [id for id, (name, _) in zip(IDS, EVERY, strict=True) if which(name)]
    chosen = {*first.values(), *every(step, [id for id in ids if id not in first.values()])}
    return [id for id in ids if id in chosen]


CASE = dict(zip(IDS, EVERY, strict=True))
