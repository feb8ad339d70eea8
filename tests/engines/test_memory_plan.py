"""The memory plan: values that are alive at the same time never share bytes."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cutaway as ct
from cutaway.engines.cpu import codegen
from cutaway.engines.cpu.shards import sharded
from cutaway.engines.plan import fenced, plan
from cutaway.program import trace_model, training
from cutaway.rules import OPS


class Random(ct.nn.Module):
    """A network made of whatever is drawn: each step reads earlier values and gives a new one of 1 to 5 columns."""

    def __init__(self, steps):
        self.steps = steps
        width, self.parts = [3], []
        for kind, a, b, m in steps:
            k = width[a % len(width)]
            part = {"linear": lambda k=k, m=m: ct.nn.Linear(k, m), "norm": lambda k=k: ct.nn.LayerNorm(k),
                    "batch": lambda k=k: ct.nn.BatchNorm1d(k)}.get(kind, ct.nn.ReLU)()
            self.parts.append(part)
            width.append({"linear": m, "concat": k + width[b % len(width)]}.get(kind, k))
        self.out = ct.nn.Linear(width[-1], 1)

    def forward(self, x):
        values = [x]
        for (kind, a, b, _), part in zip(self.steps, self.parts, strict=True):
            u, v = values[a % len(values)], values[b % len(values)]
            if kind == "concat":
                values.append(ct.ops.concat([u, v]))
            elif kind in ("linear", "norm", "batch"):
                values.append(part(u))
            elif kind == "dropout":
                values.append(ct.ops.dropout(u, 0.3, 1, 1, 1))
            elif kind == "reshape":
                values.append(u.reshape(u.shape[0], 1, u.shape[1]).reshape(u.shape))
            elif kind in ("add", "mul"):
                values.append(ct.ops.add(u, v if u.shape == v.shape else u) if kind == "add" else u * (u * 0.5))
            else:
                values.append(getattr(ct.ops, kind)(u))
        return self.out(values[-1])


KINDS = ["linear", "relu", "tanh", "gelu", "norm", "batch", "concat", "add", "mul", "dropout", "reshape", "identity"]
networks = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.integers(1, 5)),
                    min_size=1, max_size=8)


def listing_of(steps, shards, opt):
    model = Random(steps)
    X, y = np.random.default_rng(0).normal(size=(4, 3)), np.zeros((4, 1))
    return sharded(training(trace_model(model, ct.losses.mse, X, y), model, opt), shards)


def lives(instructions, shards):
    """First and last instruction at which each value is alive; with threads, widened to the fences around them."""
    found = {}
    for i, instruction in enumerate(instructions):
        for v in (*instruction.reads, *instruction.written):
            if not v.outside:
                found.setdefault(id(v), [v, i, i])[2] = i
    if shards > 1:
        fences = [i + 1 for i in range(len(instructions) - 1) if fenced(instructions[i], instructions[i + 1])]
        for life in found.values():
            life[1] = max((f for f in fences if f <= life[1]), default=0)
            life[2] = min((f - 1 for f in fences if f > life[2]), default=len(instructions) - 1)
    return list(found.values())


def successions(instructions, offsets):
    """A number for each value: equal where one takes the place of the other as an instruction works value by value."""
    group = {}
    for instruction in instructions:
        op = OPS.get(instruction.op)
        by_value = op is not None and (op.kind in ("elementwise", "view") or op.name == "dropout")
        for v in instruction.written:
            heirs = [u for u in instruction.reads if by_value and not u.outside and not v.outside
                     and offsets[id(u)] == offsets[id(v)] and u.width == v.width]
            if id(v) not in group:
                group[id(v)] = group[id(heirs[0])] if heirs else len(group)
    return group


@given(steps=networks, shards=st.sampled_from([1, 2]), batch=st.integers(1, 9))
def test_values_alive_together_lie_apart(steps, shards, batch):
    listing = listing_of(steps, shards, ct.optim.SGD(0.1))
    instructions, copied = listing.instructions, listing.copied
    made = plan(instructions, batch, shards, copied=copied)
    group = successions(instructions, made.offsets)
    alone, widened = lives(instructions, 1), lives(instructions, shards)
    counts = [batch if v.rows else shards if id(v) in copied else 1 for v, _, _ in alone]
    places = [(made.offsets[id(v)], v.width * count * v.dtype.itemsize)
              for (v, _, _), count in zip(alone, counts, strict=True)]
    for k, (at, size) in enumerate(places):
        assert at % 64 == 0 and at + size <= made.bytes
        for j, (other, length) in enumerate(places[:k]):
            if at + size <= other or other + length <= at:
                continue
            one, two = alone[j][0], alone[k][0]
            successive = group[id(one)] == group[id(two)]
            lived = alone if successive else widened
            (_, first, last), (_, begin, end) = lived[j], lived[k]
            apart = last <= begin or end <= first if successive else last < begin or end < first
            assert apart, f"{one} and {two} share bytes while both are alive"


@given(steps=networks)
def test_nothing_shares_when_everything_is_kept(steps):
    instructions = listing_of(steps, 1, ct.optim.SGD(0.1)).instructions
    made = plan(instructions, 4, 1, keep_all=True)
    places = sorted((made.offsets[id(v)], v.width * (4 if v.rows else 1) * v.dtype.itemsize)
                    for v, _, _ in lives(instructions, 1))
    assert all(at + size <= after for (at, size), (after, _) in pairwise(places))
    assert made.bytes == made.unshared_bytes


@given(steps=networks)
def test_sharing_memory_gives_the_same_bits_and_threads_nearly(steps):
    X, y = np.random.default_rng(1).normal(size=(11, 3)), np.random.default_rng(2).normal(size=11)
    thetas = []
    for engine, keep_all, threads in (("reference", True, 1), ("reference", False, 1), ("cpu", True, 1),
                                      ("cpu", False, 1), ("cpu", False, 2), ("cpu", True, 3)):
        model = Random(steps).astype("float64").init(3)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
            program = ct.compile(model, "mse", ct.optim.Adam(0.01, eps=1e-3), batch_size=4, input=X[:2], target=y[:2],
                                 engine=engine, keep_all=keep_all, threads=threads)
        program.feed(X, y)
        program.run()
        thetas.append(model.theta)
    np.testing.assert_array_equal(thetas[0], thetas[1])
    np.testing.assert_array_equal(thetas[2], thetas[3])
    for theta in thetas[2:]:
        np.testing.assert_allclose(theta, thetas[0], rtol=1e-7, atol=1e-9)


RULES = [*(kind for kind in KINDS if kind not in ("norm", "batch")), "layer_norm", "batch_norm", "batch_stats", "mse",
         "sum_to", "mean", "running_average"]


@given(steps=networks, by_rule=st.sets(st.tuples(st.sampled_from(RULES), st.booleans())))
def test_instructions_in_python_change_nothing_but_roundings_whatever_stands_between_them(steps, by_rule):
    """by_rule: operations, forward and backward, that have no kernel for once."""
    X, y = np.random.default_rng(1).normal(size=(11, 3)), np.random.default_rng(2).normal(size=11)
    with pytest.MonkeyPatch.context() as patch:
        write = codegen.write
        patch.setattr(codegen, "write", lambda i, *others: None if (i.op, i.backward) in by_rule else write(i, *others))
        thetas = []
        for engine, threads in (("reference", 1), ("cpu", 1), ("cpu", 2), ("cpu", 3)):
            model = Random(steps).astype("float64").init(3)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*has no CPU kernel", RuntimeWarning)
                program = ct.compile(model, "mse", ct.optim.Adam(0.01, eps=1e-3), batch_size=4, input=X[:2],
                                     target=y[:2], engine=engine, threads=threads)
            program.feed(X, y)
            program.run()
            thetas.append(model.theta)
            assert program.engine.threads == threads
            known = zip(program.instructions, getattr(program.engine, "kernels", ()), strict=False)
            assert all((kernel is None) == ((i.op, i.backward) in by_rule) for i, kernel in known)
    for theta in thetas[1:]:
        np.testing.assert_allclose(theta, thetas[0], rtol=1e-7, atol=1e-9)


def test_a_small_network_needs_less_than_half_of_its_values():
    program = ct.compile(ct.nn.MLP(10, [32, 32, 32, 32], 1), "mse", batch_size=64)
    assert program.memory.bytes < 0.7 * program.memory.unshared_bytes
    assert f"{program.memory.bytes:,} bytes for batches of 64" in str(program)


@pytest.mark.parametrize("layer", [
    lambda: ct.nn.Linear(4, 4), lambda: ct.nn.LayerNorm(4), lambda: ct.nn.BatchNorm1d(4), lambda: ct.nn.Dropout(0.3),
    lambda: ct.nn.Flatten(), *(lambda name=name: ct.nn.layers.activation(name) for name in ct.nn.ACTIVATIONS),
])
def test_every_layer_type_trains_to_the_same_bits_with_and_without_sharing(layer):
    X, y = np.random.default_rng(1).normal(size=(10, 4)), np.arange(10) % 3
    kept, shared = (ct.nn.Sequential(ct.nn.Linear(4, 4), layer(), ct.nn.Linear(4, 3)).init(0) for _ in range(2))
    for model in (kept, shared):
        program = ct.compile(model, "cross_entropy", ct.optim.AdamW(0.01), batch_size=4, keep_all=model is kept, seed=5)
        program.feed(X, y)
        program.run()
    np.testing.assert_array_equal(kept.theta, shared.theta)
    for a, b in zip(kept.named_buffers(), shared.named_buffers(), strict=True):
        np.testing.assert_array_equal(a[1].data, b[1].data)
