"""The page of a descent holds what was recorded, writes each update in numbers that add up, and draws the true map."""

import json
import re

import numpy as np
import pytest

import cutaway as ct
from cutaway.errors import FileError
from cutaway.lab.descents.descend import descend
from cutaway.lab.descents.surfaces import NAMED, surface
from cutaway.report.contours import UNITS, contours, levels
from cutaway.report.descent_page import descent_page
from cutaway.report.equations import Equation, equations

optim = ct.optim


def data(descent):
    text = descent_page(descent)
    return json.loads(re.search(r'<script type="application/json" id="descent">(.*?)</script>', text, re.DOTALL)[1])


def path(opt, on="ravine", steps=40, **how):
    return descend(on, [opt], steps=steps, **how).paths[0]


# ---- the data --------------------------------------------------------------------------------------------------------


def test_the_page_holds_the_descent_as_it_was_recorded():
    d = descend("ravine", [optim.Momentum(0.03), optim.Adam(0.2)], steps=30)
    for p, shown in zip(d.paths, data(d)["paths"], strict=True):
        recorded = {"g": p.gradient} | p.state
        for name, values in recorded.items():
            np.testing.assert_allclose(shown["series"][name], values, rtol=1e-5)
        for name in ("points", "loss", "rate"):
            np.testing.assert_allclose(shown[name], getattr(p, name), rtol=1e-5)


def test_it_names_nothing_outside_itself():
    text = descent_page(descend("bowl", [optim.SGD(0.1)], steps=3))
    outside = set(re.findall(r"https?://[^\"'\s<]+", text)) - {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not outside and not re.search(r"src=|@import|url\(|fetch\(|XMLHttp", text)
    assert "default-src &#x27;none&#x27;" in text


@pytest.mark.parametrize("on", NAMED)
def test_four_optimizers_and_200_steps_stay_below_400_kb_on_every_surface(on):
    four = [optim.SGD(1e-3), optim.Adam(0.05), optim.AdamW(0.05), optim.AMSGrad(0.05)]
    assert len(descent_page(descend(on, four, steps=200)).encode()) < 400_000


def test_a_run_that_flies_off_says_where_it_ended():
    d = descend("rosenbrock", {"wild": optim.SGD(0.1), "tame": optim.SGD(1e-3)}, steps=40)
    wild, tame = data(d)["paths"]
    assert len(wild["points"]) < len(tame["points"]) == 41
    assert "no longer a finite number" in wild["ended"] and tame["ended"] == ""


def test_a_schedule_gives_each_step_its_own_rate():
    p = descend("bowl", [optim.Momentum(optim.schedules.exponential(0.1, 0.9))], steps=5)
    rates = data(p)["paths"][0]["settings"]["α"]
    assert len(rates) == 5 and rates[0] > rates[-1]
    assert [e.gives for e in equations(p.paths[0])[0]] == ["v", "θ"]


@pytest.mark.parametrize("on", [
    lambda x, y: x * 0.0 + 2.0, lambda x, y: ct.ops.log(x * x + y), "x^2 + max(y, 0)", surface("noisy"),
], ids=["flat", "with holes", "text", "noisy"])
def test_every_kind_of_surface_makes_a_page(on, tmp_path):
    d = descend(on, [optim.Adam(0.05)], start=(1.0, 1.5), steps=5)
    d.to_html(tmp_path / "d.html")
    assert (tmp_path / "d.html").read_text(encoding="utf-8").endswith("</html>")


def test_it_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(FileError, match="nodir"):
        descend("bowl", [optim.SGD(0.1)], steps=2).to_html(tmp_path / "nodir" / "d.html")


# ---- the update in numbers -------------------------------------------------------------------------------------------

LECTURE = {
    "SGD": ["θ = θ - α g"],
    "Momentum": ["v = β v + (1 - β) g", "θ = θ - α v"],
    "AdaGrad": ["G = G + g²", "θ = θ - η g / (√G + ε)"],
    "RMSProp": ["E = α E + (1 - α) g²", "θ = θ - η g / √(E + ε)"],
    "Adam": ["m = β₁ m + (1 - β₁) g", "v = β₂ v + (1 - β₂) g²", "m̂ = m / (1 - β₁ᵗ)", "v̂ = v / (1 - β₂ᵗ)",
             "θ = θ - η m̂ / (√v̂ + ε)"],
    "AdamW": ["m = β₁ m + (1 - β₁) g", "v = β₂ v + (1 - β₂) g²", "m̂ = m / (1 - β₁ᵗ)", "v̂ = v / (1 - β₂ᵗ)",
              "θ = θ - η m̂ / (√v̂ + ε) - η λ θ"],
    "AMSGrad": ["m = β₁ m + (1 - β₁) g", "v = β₂ v + (1 - β₂) g²", "top = max(top, v)", "m̂ = m / (1 - β₁ᵗ)",
                "v̂ = top / (1 - β₂ᵗ)", "θ = θ - η m̂ / (√v̂ + ε)"],
}


@pytest.mark.parametrize("name", LECTURE)
def test_the_equations_are_the_lectures(name):
    lines, _ = equations(path(getattr(optim, name)(0.02)))
    assert [f"{e.gives} = {e.text}" for e in lines] == LECTURE[name]


def test_m_and_v_are_corrected_as_in_the_lecture():
    p = path(optim.Adam(0.1, beta1=0.8, beta2=0.95))
    t = np.arange(1, 41)[:, None]
    _, corrected = equations(p)
    np.testing.assert_allclose(corrected["m̂"], p.state["m"] / (1 - 0.8**t), rtol=1e-12)
    np.testing.assert_allclose(corrected["v̂"], p.state["v"] / (1 - 0.95**t), rtol=1e-12)
    np.testing.assert_allclose(corrected["m̂"][0], p.gradient[0], rtol=1e-12)  # what the correction is for


def test_an_equation_that_is_not_what_happened_is_left_out(monkeypatch):
    assert [e.gives for e in equations(path(optim.SGD(0.02)))[0]] == ["θ"]
    monkeypatch.setattr(optim.SGD, "equations", ("θ ← θ + α g",))
    assert equations(path(optim.SGD(0.02)))[0] == []


def test_behind_a_clipped_gradient_the_equations_still_hold():
    p = path(optim.clip(optim.Momentum(0.02), norm=0.5))
    assert np.linalg.norm(p.gradient, axis=1).max() <= 0.5 + 1e-12
    assert [e.gives for e in equations(p)[0]] == ["v", "θ"]


@pytest.mark.parametrize(("text", "value"), [
    ("2 - 3 - 4", -5), ("8 / 4 / 2", 1), ("2 + 3 g", 14), ("g² / 2", 8), ("√g g", 8), ("√(g + 5) - 1", 2),
    ("(1 - g) (g + 1)", -15), ("g / (1 - gᵗ)", 4 / (1 - 4**3)),
    ("max(t, g + 1) g", 20), ("1 - 2 sign(g - 9)", 3),
])
def test_equations_are_worked_out_as_they_are_read(text, value):
    assert Equation("θ", text)({"g": 4.0, "t": 3}) == pytest.approx(value)


# ---- the map ---------------------------------------------------------------------------------------------------------


def test_lines_lie_where_the_surface_has_their_height():
    x, y = np.linspace(-3, 3, 121), np.linspace(-2, 2, 121)
    found = contours(x, y, x[None, :] ** 2 / 2 + 2 * y[:, None] ** 2)
    assert len(found) > 4 and [c.level for c in found] == sorted((c.level for c in found), reverse=True)
    for c in found:
        across, down = c.edge.T / UNITS
        height = (-3 + 6 * across) ** 2 / 2 + 2 * (2 - 4 * down) ** 2
        np.testing.assert_allclose(height, c.level, atol=0.01)


def test_shapes_are_what_lies_below_their_line():
    x = np.linspace(-1, 1, 101)
    for c in contours(x, x, np.hypot(x[None, :], x[:, None])):
        if c.level >= 1:
            continue
        ring = np.array(re.findall(r"(\d+) (\d+)", c.shape), float) / UNITS * 2 - 1
        a, b = ring.T
        area = abs(np.sum(a * np.roll(b, 1) - b * np.roll(a, 1))) / 2
        assert area == pytest.approx(np.pi * c.level**2, rel=0.01)


def test_levels_are_round_and_few():
    for on in NAMED:
        found = levels(surface(on).grid(81)[2])
        assert 5 <= len(found) <= 14
        assert all(len(f"{v:.10g}".strip("-0.").replace(".", "").strip("0")) <= 2 for v in found), found


def test_holes_in_a_surface_stay_empty():
    x = np.linspace(-1, 1, 41)
    z = np.add.outer(x, x)
    z[:, :20] = np.nan
    for c in contours(x, x, z):
        assert np.array(re.findall(r"(\d+) (\d+)", c.shape), int)[:, 0].min() >= UNITS / 2 - 1
