"""Descents: hand-computed sequences, the same bits as ct.fit, the lecture's claims as numbers, results and figures."""

import json
from math import inf, sqrt

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import ArgumentError
from cutaway.lab.descents.descend import Descent, descend, named, usual
from cutaway.lab.descents.descent_figures import FIGURES
from cutaway.lab.descents.surfaces import NAMED, surface
from cutaway.optim import OPTIMIZERS, SGD, AdaGrad, Adam, AdamW, Momentum, RMSProp, clip, l2, schedules
from depth import each_once

# ---- two steps on J = x² + 2 y² from (1, -1), whose gradient is (2 x, 4 y), worked out by hand -----------------------

BY_HAND = {
    SGD(0.1): ([0.8, 0.64], [-0.6, -0.36], {}),
    # v = 0.2, then 0.9 · 0.2 + 0.1 · 1.8; along y -0.4, then -0.36 - 0.32
    Momentum(0.5): ([0.9, 0.72], [-0.8, -0.46], {"v": [0.36, -0.68]}),
    # G = 4, then 4 + 1; along y 16, then 16 + 4: the first step has the length η whatever the gradient
    AdaGrad(0.5, eps=0): ([0.5, 0.5 - 0.5 / sqrt(5)], [-0.5, -0.5 + 1 / sqrt(20)], {"G": [5, 20]}),
    # E = 1, then 0.75 + 0.25 · 1.6²; along y 4, then 3 + 0.25 · 3.2²
    RMSProp(0.1, alpha=0.75, eps=0): ([0.8, 0.8 - 0.16 / sqrt(1.39)], [-0.8, -0.8 + 0.32 / sqrt(5.56)],
                                      {"E": [1.39, 5.56]}),
    # m̂ = g and v̂ = g² at first; then m = 0.5 + 0.9, v = 0.75 + 0.81, corrected by 1 - 0.5² and 1 - 0.75²
    Adam(0.1, beta1=0.5, beta2=0.75, eps=0): (
        [0.9, 0.9 - 0.1 * (1.4 / 0.75) / sqrt(1.56 / 0.4375)], [-0.9, -0.9 + 0.1 * (2.8 / 0.75) / sqrt(6.24 / 0.4375)],
        {"m": [1.4, -2.8], "v": [1.56, 6.24]}),
    # Adam's step and 0.1 · 0.5 of the old weight; the second gradient is 2 · 0.85
    AdamW(0.1, weight_decay=0.5, beta1=0.5, beta2=0.75, eps=0): (
        [0.85, 0.85 - 0.1 * (1.35 / 0.75) / sqrt(1.4725 / 0.4375) - 0.0425],
        [-0.85, -0.85 + 0.1 * (2.7 / 0.75) / sqrt(5.89 / 0.4375) + 0.0425], {"m": [1.35, -2.7], "v": [1.4725, 5.89]}),
}


@pytest.mark.parametrize(("opt", "engine"), each_once(BY_HAND, ("cpu", "reference")))
def test_two_steps_are_those_worked_out_by_hand(opt, engine):
    path = descend("x^2 + 2 * y^2", [opt], start=(1, -1), steps=2, engine=engine).paths[0]
    x, y, state = BY_HAND[opt]
    near = {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(path.points, np.transpose([[1, *x], [-1, *y]]), **near)
    np.testing.assert_allclose(path.gradient, path.points[:2] * [2, 4], **near)
    np.testing.assert_allclose(path.loss, [px**2 + 2 * py**2 for px, py in path.points], **near)
    assert path.state.keys() == state.keys()
    for name, values in state.items():
        np.testing.assert_allclose(path.state[name][1], values, **near)


# ---- it is training --------------------------------------------------------------------------------------------------


def trained(on, opt, start, epochs, batch_size, seed):
    """The weights after each epoch of ct.fit on the surface's model."""
    model, (X, y) = on.model(start), on.data(seed)
    seen = [model.theta.copy()]

    def keep(event):
        if isinstance(event, ct.train.EpochEnded):
            seen.append(model.theta.copy())

    run = ct.fit(model, X, y, loss=on.loss, optimizer=opt, epochs=epochs, batch_size=batch_size, seed=seed,
                 callbacks=[keep], progress=False)
    return np.array(seen), run.program.state


@pytest.mark.parametrize(("name", "of"), each_once(OPTIMIZERS, ("one row", "batches")))
def test_the_path_is_bit_for_bit_that_of_fit(name, of):
    opt = OPTIMIZERS[name](schedules.cosine(2e-4))
    on, batch_size = (surface("rosenbrock"), 1) if of == "one row" else (surface("noisy", rows=10), 4)
    an_epoch = -(-on.rows // batch_size)
    path = descend(on, [opt], start=(-1.0, 1.5), steps=12 * an_epoch, seed=5, batch_size=batch_size).paths[0]
    theirs, state = trained(on, opt, (-1.0, 1.5), 12, batch_size, 5)
    np.testing.assert_array_equal(path.points[::an_epoch], theirs)
    for s in opt.state_names:
        np.testing.assert_array_equal(path.state[s][-1], state[s])


def test_clipped_and_decayed_gradients_are_recorded_as_the_rule_gets_them():
    on = surface("ravine")
    path = descend(on, [clip(l2(SGD(0.01), 0.1), norm=2.0)], steps=20).paths[0]
    raw = np.array([on.gradient(*p) for p in path.points[:-1]])
    norm = np.linalg.norm(raw, axis=1, keepdims=True)
    cut = raw * np.minimum(1, 2 / norm)  # the outer one is first
    np.testing.assert_allclose(path.gradient, cut + 0.1 * path.points[:-1], rtol=1e-12)
    np.testing.assert_allclose(np.diff(path.points, axis=0), -0.01 * path.gradient, rtol=1e-9)


# ---- the lecture's claims --------------------------------------------------------------------------------------------


def test_in_a_ravine_plain_descent_bounces_and_momentum_does_not():
    found = descend("ravine", [SGD(0.039), Momentum(0.039)])
    plain, heavy = found.paths
    y = plain.points[:, 1]
    assert (y[1:] * y[:-1] < 0).all() and plain.turns == 99  # from wall to wall at every step
    assert heavy.turns == 0 and heavy.length < plain.length / 3
    assert heavy.steps_to(found.near) < plain.steps_to(found.near)


def test_momentum_stands_a_rate_at_which_plain_descent_diverges():
    """Beyond 2 / condition every bounce is wider than the one before; momentum is there in half the steps."""
    wide, heavy, slow = descend("ravine", {"SGD": SGD(0.1), "Momentum": Momentum(0.1), "slow": SGD(0.039)}).paths
    assert (np.diff(np.abs(wide.points[:, 1])) > 0).all() and wide.loss[-1] > 1e20
    near = 0.01 * heavy.loss[0]
    assert heavy.steps_to(near) <= slow.steps_to(near) / 2


def test_adagrads_rates_vanish_and_those_of_rmsprop_do_not():
    """Where gradients keep coming, here by noise: AdaGrad's fall like 1/√t for ever, RMSProp's stay where they are."""
    ada, rms = descend("noisy", [AdaGrad(0.5), RMSProp(0.05)], steps=2000).paths
    assert (np.diff(ada.rate, axis=0) < 1e-15).all()
    early, late = (np.median(p.rate[100:200], axis=0) for p in (ada, rms)), (
        np.median(p.rate[-100:], axis=0) for p in (ada, rms))
    (ada_early, rms_early), (ada_late, rms_late) = early, late
    assert (ada_late < 0.35 * ada_early).all() and (ada_late > 0.2 * ada_early).all()  # √(150 / 1950) = 0.28
    np.testing.assert_allclose(rms_late, rms_early, rtol=0.25)


@pytest.mark.parametrize("steep", [1e-4, 1.0, 1e4])
def test_bias_correction_makes_adams_first_step_as_long_as_its_rate(steep):
    """Whatever the gradient; without the correction it would be (1 - β₁) / √(1 - β₂) = 3.2 times as long."""
    opt = Adam(0.01)
    path = descend(f"{steep} * (x - y)", [opt], start=(0, 0), steps=30).paths[0]
    np.testing.assert_allclose(path.points[1], [-0.01, 0.01], rtol=1e-3)
    settings = {s: getattr(opt, s) for s in opt.settings}
    zero = np.zeros(2)
    uncorrected = Adam.rule(zero, path.gradient[0], zero, zero, t=inf, **settings)[0]
    np.testing.assert_allclose(uncorrected, sqrt(10) * np.array([-0.01, 0.01]), rtol=1e-2)
    np.testing.assert_allclose(np.diff(path.points, axis=0), [[-0.01, 0.01]] * 30, rtol=1e-3)  # nor does it drift later


def test_adamw_is_adams_step_and_a_decay_that_no_scaling_touches():
    """Update by update: AdamW from Adam's, both from the same state; L2 in Adam is another thing."""
    lr, decay = 0.05, 0.1
    adamw, coupled = descend("5 * x^2 + 0.01 * y^2", [AdamW(lr, weight_decay=decay), l2(Adam(lr), decay)],
                             start=(2, 2), steps=40).paths
    for k in range(40):
        before = {s: values[k - 1] if k else np.zeros(2) for s, values in adamw.state.items()} | {"t": k}
        old, new = adamw.points[k], adamw.points[k + 1]
        step = Adam(lr).update(old, adamw.gradient[k], before)[0] - old
        np.testing.assert_allclose(new - old, step - lr * decay * old, rtol=1e-9)
        raw = coupled.points[k] * [10, 0.02]
        np.testing.assert_allclose(coupled.gradient[k], raw + decay * coupled.points[k], rtol=1e-12)
    # the weight with the small slope: L2 is nearly all of its gradient and scaled up with it, from the first step on
    np.testing.assert_allclose(coupled.points[1], [2 - lr, 2 - lr], rtol=1e-6)
    assert coupled.gradient[0, 1] > 5 * adamw.gradient[0, 1]


def test_equal_steps_along_both_axes_are_what_adaptive_rates_buy():
    """Slopes 50 times as steep along y: the effective rate there is the smaller by as much."""
    for opt in (AdaGrad(0.1), RMSProp(0.01), Adam(0.1)):
        path = descend("x + 50 * y", [opt], start=(0, 0), steps=50).paths[0]
        np.testing.assert_allclose(path.rate[:, 0] / path.rate[:, 1], 50, rtol=1e-4)
        np.testing.assert_allclose(path.points[:, 0], path.points[:, 1], rtol=1e-4)


# ---- effective rates -------------------------------------------------------------------------------------------------

FORMULAS = {
    "SGD": lambda o, t, s: o.lr, "Momentum": lambda o, t, s: o.lr, "HeavyBall": lambda o, t, s: o.lr,
    "Nesterov": lambda o, t, s: o.lr, "AdaGrad": lambda o, t, s: o.lr / (np.sqrt(s["G"]) + o.eps),
    "RMSProp": lambda o, t, s: o.lr / np.sqrt(s["E"] + o.eps),
    "RMSPropOutside": lambda o, t, s: o.lr / (np.sqrt(s["E"]) + o.eps),
    "Adam": lambda o, t, s: o.lr / (np.sqrt(s["v"] / (1 - o.beta2**t)) + o.eps),
    "AMSGrad": lambda o, t, s: o.lr / (np.sqrt(s["top"] / (1 - o.beta2**t)) + o.eps),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_effective_rates_read_off_the_rule_are_the_lectures_expressions(name):
    opt = OPTIMIZERS[name](0.05)
    path = descend("ravine", [opt], steps=60).paths[0]
    formula = FORMULAS.get(name, FORMULAS["Adam"])
    t = np.arange(1, 61)[:, None]
    np.testing.assert_allclose(path.rate, np.broadcast_to(formula(opt, t, path.state), (60, 2)), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_parameter_without_a_gradient_has_a_rate_too(name):
    opt = OPTIMIZERS[name](0.05)
    path = descend("x^2", [opt], start=(1, 1), steps=3).paths[0]
    assert (path.gradient[:, 1] == 0).all()
    formula = FORMULAS.get(name, FORMULAS["Adam"])
    assert path.rate[0, 1] == pytest.approx(formula(opt, 1, {s: 0.0 for s in path.state}), rel=1e-12)


def test_rates_follow_a_schedule_stretched_over_the_steps():
    path = descend("bowl", [Momentum(schedules.cosine(0.1))], steps=11).paths[0]
    np.testing.assert_allclose(path.rate[:, 0], 0.05 * (1 + np.cos(np.pi * np.arange(11) / 11)), atol=1e-15)


# ---- paths that end early --------------------------------------------------------------------------------------------


def test_a_path_that_leaves_the_finite_numbers_ends_there_and_says_so():
    found = descend("rosenbrock", [SGD(0.05), Adam(0.05)], steps=50)
    gone, stays = found.paths
    assert gone.steps < 50 and np.isfinite(gone.points).all() and stays.steps == 50 and not stays.ended
    assert gone.ended.startswith(f"at step {gone.steps + 1} ") and f"SGD ended: {gone.ended}" in str(found)
    assert len(gone.loss) == gone.steps + 1 == len(gone.points) and len(gone.rate) == gone.steps
    json.dumps(found.to_json(), allow_nan=False)
    for kind in FIGURES:
        found.plot(kind=kind)


def test_a_start_where_nothing_is_defined_gives_a_path_of_one_point():
    found = descend("log(x) + y", [SGD(0.1)], start=(-1, 0), steps=5)
    assert found.paths[0].steps == 0 and "at step 1 " in found.paths[0].ended
    assert "None came near" in str(found)
    for kind in FIGURES:
        found.plot(kind=kind)


def test_on_flat_ground_only_weight_decay_moves():
    found = descend("3", steps=5)
    assert [p.name for p in found.paths if p.length > 0] == ["AdamW"]
    for kind in FIGURES:
        found.plot(kind=kind)


def test_ctrl_c_keeps_the_paths_that_are_done():
    def lr(t):
        if t == 6:
            raise KeyboardInterrupt
        return 0.1

    found = descend("bowl", {"first": SGD(0.1), "second": SGD(lr), "third": SGD(0.1)}, steps=20)
    assert [(p.name, p.steps) for p in found.paths] == [("first", 20)]
    assert found.cut_short == "interrupted while second was under way"
    with pytest.raises(KeyboardInterrupt):
        descend("bowl", SGD(lr), steps=20)


# ---- results ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return descend("ravine", steps=100)


def test_printed_it_says_what_was_found(found):
    text = str(found)
    assert "SGD turned back at 99 of its 100 steps" in text
    lines = text.splitlines()
    head = next(k for k, line in enumerate(lines) if line.startswith("optimizer"))
    assert lines[head].split()[-2:] == ["turned", "back"] and lines[head + 1].split()[-1] == "99"
    assert [line.split()[0] for line in lines[head + 1 :]] == [p.name for p in found.paths]


def test_as_json_it_is_what_other_tools_read(found):
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert next(iter(data)) == "kind" and data["kind"] == "descent"
    s, grid = data["surface"], data["surface"]["grid"]
    assert (s["name"], s["bounds"], s["minima"]) == ("ravine", [[-10, 4], [-2, 2]], [[0, 0]])
    assert len(grid["z"]) == len(grid["y"]) and len(grid["z"][0]) == len(grid["x"])
    assert grid["z"][3][5] == pytest.approx((grid["x"][5] ** 2 + 50 * grid["y"][3] ** 2) / 2, rel=1e-4)
    adam = data["paths"][4]
    assert adam["name"] == "Adam" and adam["optimizer"].startswith("Adam(lr=") and adam["state"].keys() == {"m", "v"}
    assert len(adam["points"]) == len(adam["loss"]) == 101 and adam["ended"] == ""
    assert len(adam["gradient"]) == len(adam["rate"]) == len(adam["state"]["m"]) == 100
    assert adam["points"][7] == found["Adam"].points[7].tolist()


def test_as_a_table_it_has_a_row_a_place(found):
    frame = found.to_pandas()
    assert len(frame) == 6 * 101
    row = frame[(frame.optimizer == "Adam") & (frame.step == 1)].iloc[0]
    path = found["Adam"]
    assert (row.x, row.y, row.loss) == (*path.points[1], path.loss[1])
    assert (row.gradient_x, row.rate_y, row.m_x, row.v_y) == (
        path.gradient[0, 0], path.rate[0, 1], path.state["m"][0, 0], path.state["v"][0, 1])
    assert frame[frame.step == 0].gradient_x.isna().all()


@pytest.fixture(scope="module")
def pair():
    return descend("bowl", [SGD(0.1), Momentum(0.1)], steps=10)


@pytest.mark.parametrize("kind", FIGURES)
def test_figures_are_written_with_text_as_text(pair, kind, tmp_path):
    pair.plot(tmp_path / "a.svg", kind=kind)
    text = (tmp_path / "a.svg").read_text("utf-8")
    assert "<text" in text and "Momentum, lr 0.1" in text and ("parameter x" in text or kind == "loss")


def test_what_plot_and_save_draw_can_be_chosen(pair, tmp_path):
    chosen = Descent(pair.surface, pair.paths, figure="rates")
    assert "effective learning rate" in chosen.save(tmp_path / "a.svg").read_text("utf-8")
    with pytest.raises(ArgumentError, match=r"no figure of a descent called 'rate'; did you mean 'rates'"):
        pair.plot(kind="rate")


@pytest.mark.parametrize("name", NAMED)
def test_the_usual_optimizers_stay_in_the_picture_of_every_named_surface(name):
    found = descend(name, steps=60)
    (x0, x1), (y0, y1) = found.surface.bounds
    for path in found.paths:
        assert not path.ended and path.loss[-1] < path.loss[0]
        assert x0 <= path.points[-1, 0] <= x1 and y0 <= path.points[-1, 1] <= y1


def test_names_of_optimizers():
    assert list(named([SGD(0.1), Adam(0.1), Adam(0.2)])) == ["SGD", "Adam lr=0.1", "Adam lr=0.2"]
    assert list(named([l2(Adam(0.1), 0.1), Adam(0.1)])) == ["Adam lr=0.1 (1)", "Adam lr=0.1 (2)"]
    assert list(named({"mine": SGD(0.1)})) == ["mine"] and list(named(SGD(0.1))) == ["SGD"]
    assert [opt.lr for opt in usual(surface("ravine", condition=100), ["SGD", "Momentum"])] == [0.0195, 0.0195]


def test_unknown_minima_are_replaced_by_the_lowest_that_was_seen():
    found = descend("sin(x) * sin(y)", [SGD(0.1)], start=(-2.0, 1.0), steps=200)
    assert found.surface.minima is None and found.lowest == pytest.approx(-1, abs=1e-3)
    assert found.paths[0].steps_to(found.near) is not None and found.to_json()["surface"]["minima"] == []


@pytest.mark.parametrize(("make", "says"), [
    (lambda: descend("bowl", []), "optimizers must name at least one"),
    (lambda: descend("bowl", ["SGD"]), "optimizers must be ct.optim's"),
    (lambda: descend("bowl", [SGD("auto")]), 'lr="auto" is for ct.fit'),
    (lambda: descend("bowl", [SGD(0.1)], steps=0), "steps must be a whole number"),
    (lambda: descend("bowl", [SGD(0.1)], steps=10**6), "steps must be a whole number from 1 to 100000"),
    (lambda: descend("bowl", [SGD(0.1)], start=(1, 2, 3)), "start must be two numbers"),
    (lambda: descend("bowl", [SGD(0.1)], batch_size=0), "batch_size"),
    (lambda: descend("bowl", [SGD(0.1)], engine="gpu"), "no engine is called"),
    (lambda: descend("bowl", [SGD(0.1)])["Adam"], "no path called 'Adam': there are SGD"),
])
def test_what_is_refused(make, says):
    with pytest.raises(ArgumentError, match=says):
        make()
