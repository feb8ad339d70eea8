"""The listing reads like a processor's program."""

import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.program import Value, short
from cutaway.program.listing import derivative
from cutaway.rules import OPS

MLP = """
 #  phase     instruction     reads      writes       shape    formula
 0  load      batch                                            n = rows of this batch
 1  load      gather                     x            (32, 2)  x = data[order[rows]]
 2  load      gather                     y            (32,)    y = data[order[rows]]
 3  forward   linear          x W1 b1    z1           (32, 4)  z = W x + b
 4  forward   relu            z1         a1           (32, 4)  a = max(0, z)
 5  forward   linear          a1 W2 b2   z2           (32, 3)  z = W x + b
 6  loss      cross_entropy   z2 y       ℓ ŷ          (32,)    ℓ, ŷ = -log softmax(z)[y], softmax(z)
 7  loss      mean            ℓ          J            ()       J = mean ℓ
 8  backward  mean'           1          dℓ           (32,)    dx = dy / count, for each
 9  backward  cross_entropy'  dℓ ŷ y     dz2          (32, 3)  dz = dℓ (ŷ - onehot(y))
10  backward  linear'         dz2 a1 W2  da1 dW2 db2  (32, 4)  dx = dz W, dW = dzᵀ x, db = Σ dz
11  backward  relu'           da1 a1     dz1          (32, 4)  dz = where(a > 0, da, 0)
12  backward  linear'         dz1 x W1   dW1 db1      (4, 2)   dx = dz W, dW = dzᵀ x, db = Σ dz
13  update    check           J g                              stop if J or g is not finite
14  update    sgd             θ g        θ            (27,)    SGD(lr=0.1)
memory: 2,112 bytes for batches of 32 (3,904 if nothing shared memory)
"""


@pytest.mark.smoke
def test_a_small_network():
    model = ct.nn.MLP(2, [4], 3)
    program = ct.compile(model, "cross_entropy", ct.optim.SGD(0.1), batch_size=32, engine="reference")
    assert str(program) == MLP.strip("\n")


def test_an_optimizer_with_a_schedule_clipping_and_exemptions():
    opt = ct.optim.clip(ct.optim.AdamW(ct.optim.schedules.cosine(0.1, 9), decay="matrices"), norm=1.0)
    program = ct.compile(ct.nn.MLP(2, [4], 1), "mse", opt, engine="reference")
    update = [line.split(None, 2)[2] for line in str(program).splitlines() if " update " in line]
    assert [u.split()[0] for u in update] == ["schedule", "check", "clip_norm", *["adamw"] * 4]
    assert "lr = cosine(0.1)" in update[0] and "ClipNorm(norm=1.0)" in update[2]
    assert update[3].endswith("on θ[0:8]") and update[4].endswith("on θ[8:12], no decay")


def test_the_backward_of_what_nobody_needs_is_left_out():
    model = ct.nn.MLP(2, [4], 1)
    model.layers[0].weight.requires_grad = model.layers[0].bias.requires_grad = False
    program = ct.compile(model, "mse", engine="reference")
    assert [i.title for i in program.instructions if i.phase == "backward"] == ["mean'", "mse'", "linear'"]
    assert not any(v.name == "dx" for v in program.values())


def test_values_can_be_read_by_name():
    model = ct.nn.MLP(2, [4], 1).init(0)
    program = ct.compile(model, "mse", batch_size=8, keep_all=True, engine="reference")
    X = np.random.default_rng(0).normal(size=(5, 2))
    program.feed(X, np.zeros(5))
    z = model.layers[0](X).numpy()
    program.run()
    np.testing.assert_allclose(program.value("layer1.z"), z, rtol=1e-6)
    np.testing.assert_array_equal(program.value("layer1.a"), np.maximum(program.value("layer1.z"), 0))


@pytest.mark.parametrize(("name", "wanted"), [
    ("layer1.z", "z1"), ("layer2.weight", "W2"), ("layer2@2.dweight", "dW2@2"), ("encoder.z", "encoder.z"),
    ("layer1.lstm.gates", "gates1"), ("layer1.lstm.weight_hh_l0", "W_hh1"), ("layer1.gru.dbias_ih_l1", "db_ih1.1"),
    ("layer3.lstm.weight_ih_l0_reverse", "W_ih3←"), ("layer1.lstm.l0.dz", "dz1→"),
    ("layer1.lstm.l1_reverse.y", "y1.1←"),
])
def test_values_have_short_names(name, wanted):
    assert short(Value(name, (), 1, np.dtype("float32"))) == wanted


def test_what_nobody_reads_is_left_out():
    net = ct.nn.Recurrent(3, 4, 2, cell="gru", bidirectional=True)  # joins last states, not the outputs of every step
    program = ct.compile(net, "cross_entropy", input=np.zeros((2, 5, 3)), engine="reference")
    joined = [i for i in program.instructions if i.op == "concat" and not i.backward]
    assert [v.name for v in joined[0].reads] == ["layer1.gru.l0.h", "layer1.gru.l0_reverse.h"]
    assert len(joined) == 1


@pytest.mark.parametrize("op", sorted(name for name, rule in OPS.items() if rule.backward is not None))
def test_a_derivatives_formula_says_what_it_gives(op):
    told = derivative(op)
    given = [f"d{'ℓ' if name == 'l' else name}" for name in OPS[op].inputs]
    first = re.match(r"(d\S+)(?:, d\S+)* = \S", told)
    assert first and (first[1].rstrip(",").split("[")[0] in given or op == "concat"), told
    assert "added_up" not in told and "xp." not in told


@pytest.mark.parametrize(("op", "told"), [
    ("relu", "dz = where(a > 0, da, 0)"), ("add", "du = dw, dv = dw"), ("where", "du = where(test, dw, 0), dv = "
     "where(test, 0, dw)"), ("silu", "dz = da * s * (1 + z * (1 - s)), s = sigmoid(z)"),
    ("max_pool", "dx = dy to the first maximum of its window"), ("linear", "dx = dz W, dW = dzᵀ x, db = Σ dz"),
])
def test_derivatives_in_words(op, told):
    assert derivative(op) == told


def test_settings_of_layers_stand_beside_their_formulas():
    net = ct.nn.Sequential(ct.nn.Conv2d(1, 2, 3, stride=2), ct.nn.Dropout(0.25), ct.nn.MaxPool2d(2), ct.nn.Flatten(),
                           ct.nn.Linear(2, 2))
    X, y = np.zeros((4, 6, 6, 1), np.float32), np.zeros(4, np.int32)
    program = ct.compile(net, "cross_entropy", ct.optim.SGD(0.1), 4, X, y, engine="reference")
    lines = {line.split()[2]: line for line in str(program).splitlines()[1:-1] if " forward " in line}
    assert lines["conv"].endswith("; stride 2")
    assert lines["dropout"].endswith("; p 0.25")
    assert lines["max_pool"].endswith("; window 2; stride 2")
