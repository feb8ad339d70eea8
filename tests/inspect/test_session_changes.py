"""Changes by hand: what they do, when they take effect, and that going back undoes them exactly."""

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError

nn = ct.nn
X, y = ct.datasets.make("moons", n=60, seed=0)


def session(layers=None, optimizer=None, **options):
    net = layers or nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    return ct.step(net.init(0), X, y, "cross_entropy", optimizer or ct.optim.AdamW(1e-2),
                   **{"epochs": 4, "batch_size": 10, "seed": 1} | options)


def finished(s):
    s.run()
    return s.model.theta.copy()


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_frozen_weight_stays_and_nothing_else_does(engine, threads):
    s = session(engine=engine, threads=threads)
    s.goto(5)
    before = s.model.state_dict()
    assert "is frozen" in repr(s.freeze("layer1.weight", 0, 1)) and s.freeze("layer2.bias")
    s.run(6)
    now = s.model.state_dict()
    same = {name: now[name] == a for name, a in before.items()}
    assert same["layer1.weight"].sum() == 1 and same["layer1.weight"][0, 1] and same["layer2.bias"].all()
    assert not same["layer2.weight"].any() and not same["layer3.bias"].any()
    s.unfreeze("layer1.weight", 0, 1)
    s.next_step()
    assert s["layer1.weight"][0, 1] != before["layer1.weight"][0, 1]
    np.testing.assert_array_equal(s["layer2.bias"], before["layer2.bias"])


def test_freezing_is_an_instruction_of_the_program():
    s = session()
    s.freeze("W1", 0)
    assert [i.formula for i in s.program.instructions[-3:]][::2] == ["held = θ", "θ = held where fixed (2 frozen)"]
    s.next_step()
    t = s.trace()
    np.testing.assert_array_equal(t.after("layer1.weight")[0], t["layer1.weight"][0])


@pytest.mark.parametrize("engine", ["cpu", "reference"])
@pytest.mark.parametrize("layer", ["layer1", "layer2", "layer3"])
def test_a_killed_neuron_is_silent_forward_and_backward(layer, engine):
    s = session(optimizer=ct.optim.SGD(0.1), engine=engine)
    s.goto(3)
    before = s.model.state_dict()
    s.kill(layer, 1)
    s.run(4)
    name = f"{layer}.z" if layer == "layer3" else f"{layer}.a"
    assert not s[name][:, 1].any() and s[name][:, 0].any()
    assert not s.grad(f"{layer}.weight")[1].any() or layer == "layer3"
    if layer != "layer3":
        after = f"layer{int(layer[-1]) + 1}.weight"
        np.testing.assert_array_equal(s[after][:, 1], before[after][:, 1])  # without decay nothing moves it
        np.testing.assert_array_equal(s[f"{layer}.weight"][1], before[f"{layer}.weight"][1])
    s.revive(layer, 1)
    s.next_step()
    assert s[name][:, 1].any()


def test_a_killed_neuron_equals_one_without_outgoing_weights():
    s, other = session(optimizer=ct.optim.SGD(0.1)), session(optimizer=ct.optim.SGD(0.1))
    s.kill("layer1", 2)
    other.set("layer2.weight", (slice(None), 2), 0)
    other.freeze("layer2.weight", slice(None), 2)
    other.freeze("layer1.weight", 2)
    other.freeze("layer1.bias", 2)
    s.run(5), other.run(5)
    assert s.losses == other.losses


def test_a_changed_step_is_explained_and_done_again_as_it_was():
    s = session()
    s.kill("layer1", 2)
    s.freeze("layer1.weight", 0, 1)
    s.next_step()
    program = s.trace().program()
    assert program.run().tolist() == [s.losses[1]]
    np.testing.assert_array_equal(program.model.theta, s.model.theta)
    assert [i.op for i in program.instructions] == [i.op for i in s.trace().instructions]
    assert "∂J/∂W1[2, 0] = 0 " in str(s.explain("layer1.weight", 2, 0))
    assert "→ a_free1[" in str(s.explain("layer1.weight", 1, 0))


def test_filters_can_be_killed_and_recurrent_units_not():
    images = np.random.default_rng(0).normal(size=(20, 6, 6, 1))
    cnn = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2)).init(0)
    s = ct.step(cnn, images, np.arange(20) % 2, "cross_entropy", batch_size=5)
    s.kill("layer1", 2)
    s.run(2)
    assert not s["layer1.a"][..., 2].any() and s["layer1.a"][..., 1].any()
    lstm = nn.Recurrent(2, 4, 2, cell="lstm").init(0)
    s = ct.step(lstm, np.random.default_rng(0).normal(size=(20, 4, 2)), np.arange(20) % 2, "cross_entropy")
    with pytest.raises(ArgumentError, match="recurrent"):
        s.kill("layer1", 0)


def test_a_weight_set_within_a_step_is_what_later_instructions_read():
    s = session()
    s.next_phase()
    s.next()
    s.set("layer2.weight", (), 0.0)
    s.next_step()
    assert not s.trace().at("layer2.z", s.at).any()
    np.testing.assert_array_equal(s.trace().at("layer2.weight", 4), 0)


def test_changes_are_undone_by_going_back_and_done_again_by_going_on():
    s = session()
    plain = finished(session())
    s.goto(4)
    s.next_phase()
    s.set("layer1.weight", (0, 1), 0.5)
    s.goto(8)
    s.freeze("layer1.bias")
    s.kill("layer2", 0)
    s.goto(12)
    s.lr = 0.1
    s.use(ct.optim.clip(ct.optim.Momentum(0.05), norm=0.1))
    end = finished(s)
    assert not np.array_equal(end, plain)
    for step in (15, 9, 4, 1):
        s.goto(step)
        before = s.model.theta.copy()
        np.testing.assert_array_equal(finished(s), end)
        s.goto(step)
        np.testing.assert_array_equal(s.model.theta, before)
    assert str(s.log).count("ahead") == 5 and len(s.log) == 5
    for _ in range(5):
        s.undo()
    assert (s.step, s.at > 0, s.log) == (4, True, [])
    np.testing.assert_array_equal(finished(s), plain)


def test_a_change_in_the_past_begins_another_future():
    s = session()
    s.goto(10)
    s.kill("layer1", 0)
    s.goto(5)
    s.set("layer3.bias", 0, 1.0)
    assert [c.what.split(",")[0] for c in s.log] == ["layer3.bias[0] = 1"]


def test_within_a_step_a_change_of_the_program_waits_for_the_next():
    s = session()
    s.next_phase()
    change = s.freeze("layer1.weight")
    assert change.at == (2, 0) and "from step 2 on" in repr(change)
    before = s["layer1.weight"]
    s.next_step()
    moved = s["layer1.weight"]
    s.next_step()
    assert not np.array_equal(moved, before) and np.array_equal(s["layer1.weight"], moved)


def test_another_optimizer_keeps_state_of_the_same_name():
    s = session()
    s.run(3)
    m = s["m"]
    assert "m, v kept" in repr(s.use(ct.optim.Adam(0.1)))
    np.testing.assert_array_equal(s["m"], m)
    assert "v kept" in repr(s.use(ct.optim.Momentum(0.1)))
    assert "m from zero" in repr(s.use(ct.optim.Adam(0.1)))
    s.lr = 0.25
    assert s.lr == 0.25 and s.optimizer == ct.optim.Adam(0.25)
    assert s.run(2) == "2 steps done"


def test_what_breaks_off_can_be_mended():
    s = session(optimizer=ct.optim.SGD(1e38))
    assert "not finite" in s.run() and not s.finite and s.coming is None
    bad = s.step
    with pytest.raises(ct.errors.TrainingError, match=rf"s\.goto\({bad}\)"):
        s.next()
    s.goto(1)
    s.use(ct.optim.SGD(0.1))
    assert s.run() == "24 steps done, the run is over"


def test_a_fork_without_a_change_is_identical():
    s = session()
    s.goto(7)
    s.next_phase()
    s.kill("layer2", 1)
    other = s.fork()
    assert (other.step, other.at) == (s.step, s.at) and other.model is not s.model
    np.testing.assert_array_equal(finished(s), finished(other))
    assert s.losses == other.losses
    found = ct.inspect.compare(s, other)
    assert found.parted is None and "no step left" in str(found)


def test_futures_are_compared_on_the_same_batches():
    s = session()
    s.goto(6)
    other = s.fork()
    other.set("layer1.weight", (0, 0), 3.0)
    found = ct.inspect.compare(s, other, steps=8)
    assert found.parted == 6 and found.steps.tolist() == list(range(6, 14))
    assert (s.step, s.at, other.step) == (6, 0, 6)
    s.run(8), other.run(8)
    np.testing.assert_array_equal(found.losses, [[one.losses[k] for k in range(6, 14)] for one in (s, other)])
    gap = np.linalg.norm(s["layer1.weight"].astype(float) - other["layer1.weight"])
    assert found.distance["layer1.weight"][-1] == pytest.approx(gap, rel=1e-6)
    for text in ("the second alone: after step 5: layer1.weight[0, 0] = 3", "they part at step 6", "layer3.bias"):
        assert text in str(found)


def test_compared_with_the_unchanged_run():
    s = session()
    s.goto(6)
    s.kill("layer1", 0)
    s.run(3)
    found = s.compare(steps=4)
    assert found.parted == 6 and found.steps.tolist() == list(range(6, 13)) and len(s.log) == 1
    assert session().compare(steps=3).parted is None


def test_a_future_that_breaks_off_is_said():
    s = session()
    other = s.fork()
    other.use(ct.optim.SGD(1e38))
    assert "the second broke off at step 2" in str(ct.inspect.compare(s, other, steps=5))


@pytest.mark.parametrize(("change", "match"), [
    (lambda s: s.set("layer1.wieght", 0, 1.0), "did you mean 'layer1.weight'"),
    (lambda s: s.set("layer1.weight", (9, 9), 1.0), r"shape \(5, 2\)"),
    (lambda s: s.set("layer1.weight", 0, [1.0, 2.0, 3.0]), "does not fit"),
    (lambda s: s.freeze("layer1.z"), "no weight called"),
    (lambda s: s.kill("layer1", 5), "neurons 0 to 4, got 5"),
    (lambda s: s.kill("layer9", 0), "no layer called 'layer9'"),
    (lambda s: s.use("adam"), "ct.optim"),
    (lambda s: setattr(s, "lr", -1.0), "lr must be"),
    (lambda s: s.undo(), "nothing was changed"),
    (lambda s: ct.inspect.compare(s, session()), "fork"),
])
def test_what_cannot_be_changed(change, match):
    s = session()
    before = finished(session())
    with pytest.raises(ArgumentError, match=match):
        change(s)
    np.testing.assert_array_equal(finished(s), before)
    assert not s.log
