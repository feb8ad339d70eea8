"""The one way to call a backward rule: what it is given, by name, and what its results are called."""

import numpy as np

from cutaway.rules import OPS


def test_a_backward_rule_is_given_what_its_arguments_name():
    x, W, z = np.ones((2, 3)), np.ones((4, 3)), np.ones((2, 4))
    values = OPS["linear"].by_name([x, W, None], [z])
    assert OPS["linear"].backward_arguments(values, {"z": "dz"})[0] == "dz"
    assert OPS["linear"].backward_arguments(values, {"z": z})[1:] == (x, W, None)  # no bias, so no shape of one
    dx, dW, db = OPS["linear"].call_backward(values, {"z": z}, {})
    assert (dx.shape, dW.shape, db.shape) == ((2, 3), (4, 3), (4,))


def test_only_the_settings_that_it_takes_are_given():
    (dz,) = OPS["elu"].call_backward({"z": np.array([1.0, -1.0])}, {"a": np.ones(2)}, {"alpha": 2.0, "more": 1})
    np.testing.assert_allclose(dz, [1, 2 * np.exp(-1)])


def test_shapes_may_be_whatever_stands_for_them():
    concat = OPS["concat"]
    values = concat.by_name([np.ones((2, 1)), np.ones((2, 3))], [np.ones((2, 4))])
    assert concat.backward_arguments(values, {"y": "dy"}, len) == ("dy", (2, 2))
    parts = concat.call_backward(values, {"y": np.ones((2, 4))}, {"axis": 1})
    assert [part.shape for part in parts] == [(2, 1), (2, 3)]


def test_operands_and_results_have_the_rules_own_names():
    reads, writes = OPS["linear"].named("xWb", "z", backward=False)
    assert (reads, writes) == ({"x": "x", "W": "W", "b": "b"}, {"z": "z"})
    reads, writes = OPS["linear"].named("dxWb", "123", backward=True)
    assert (reads, writes) == ({"dz": "d", "x": "x", "W": "W", "b_shape": "b"}, {"dx": "1", "dW": "2", "db": "3"})


def test_any_number_of_inputs_are_counted_from_one():
    assert OPS["concat"].named("abc", "y", backward=False) == ({"x1": "a", "x2": "b", "x3": "c"}, {"y": "y"})
    reads, writes = OPS["concat"].named(["d", ("a", "b")], "12", backward=True)
    assert (reads, writes) == ({"dy": "d", "x1_shape": "a", "x2_shape": "b"}, {"dx1": "1", "dx2": "2"})
