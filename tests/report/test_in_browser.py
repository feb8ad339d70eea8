"""A report and a trace in a real browser: silent, and at work by mouse, keyboard and screen reader."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from test_inside import made as looked_inside
from test_page import EVIL, findings

import cutaway as ct
from accessible import wrong
from cutaway.report import write_report
from depth import each_once, every

nn = ct.nn
KINDS = {
    "neuron": lambda: traced(nn.MLP(2, [3], 1), (4, 2), [0.0, 1.0, 0.5, 0.0], "half_mse", ct.optim.SGD(0.1)),
    "wide": lambda: traced(nn.MLP(3, [12, 40], 2), (8, 3), [0, 1] * 4),
    "cnn": lambda: traced(nn.CNN((8, 8, 1), 3, channels=[4], hidden=[6]), (4, 8, 8, 1), [0, 1, 2, 0]),
    "lstm": lambda: traced(nn.Recurrent(2, 5, 2, cell="lstm"), (4, 6, 2), [0, 1, 1, 0]),
}


def traced(net, shape, y, loss="cross_entropy", optimizer=None, **how):
    X = np.random.default_rng(0).normal(size=shape)
    return ct.trace(net.init(0), X, y, loss, optimizer or ct.optim.AdamW(1e-2), engine="reference", **how)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Every page once: the trace (None for a report) and its file, by name."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for kind, make in KINDS.items():
        made[kind] = make(), folder / f"{kind}.html"
        made[kind][0].to_html(made[kind][1], explain=12)
    found = findings()
    found.confusion = {"labels": ["no", "yes"], "counts": [[10, 0], [4, 6]]}
    found.inside = looked_inside()
    write_report(folder / "report.html", found)
    return made | {"report": (None, folder / "report.html")}


def at(page):
    return int(page.locator("#list [aria-current]").get_attribute("data-at"))


def go(page, number):
    page.locator(f'#list [data-at="{number}"]').click()


# ---- stepping --------------------------------------------------------------------------------------------------------


SHOWN = """() => [document.querySelector("#list [aria-current]").dataset.at,
    ...["#now h2", "#now .formula", "#said"].map(e => document.querySelector(e).textContent),
    [...document.querySelectorAll(".card.written .full")].map(e => e.textContent)]"""


GAPS = """[...document.querySelectorAll('#list button')].map(b => { const [t, n] =
    [b.children[2], b.children[3]].map(e => { const r = document.createRange(); r.selectNodeContents(e);
    return r.getBoundingClientRect(); }); return n.width ? n.left - t.right : 9; })"""


@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_with_the_loss_known_and_shows_every_instruction_as_the_trace_has_it(show, pages, kind):
    t, path = pages[kind]
    page = show(path)
    assert "J" in t.instructions[at(page)].written
    assert page.locator("#drawing .unit.empty").count() == 0  # a full picture
    expect(page.locator("#now .formula")).to_contain_text("J = ")
    assert min(page.evaluate(GAPS)) >= 6  # names and formulas in the list keep apart
    page.keyboard.press("Home")
    for i in t.instructions:
        number, title, formula, said, cards = page.evaluate(SHOWN)
        assert (int(number), title, " ".join(formula.split())) == (i.number, i.title, i.formula)
        assert f"Instruction {i.number} of {len(t.instructions) - 1}, {i.phase}" in said
        if i.op != "optimizer":
            assert len(cards) == len(i.written) and all(re.search(r"\(\d|one number", text) for text in cards)
        page.keyboard.press("ArrowRight")
    assert at(page) == len(t.instructions) - 1


def test_keys_buttons_and_slider_step_alike(show, pages):
    t, path = pages["neuron"]
    page = show(path)
    page.keyboard.press("Home")
    last = len(t.instructions) - 1
    first = {phase: next(i.number for i in t.instructions if i.phase == phase) for phase in ("forward", "loss")}
    for key, button, lands in (
        ("ArrowRight", "Next", 1), ("ArrowLeft", "Back", 0), ("PageDown", "Next phase", first["forward"]),
        ("PageDown", "Next phase", first["loss"]), ("PageUp", "Back one phase", first["forward"]),
        ("End", "Last instruction", last), ("Home", "First instruction", 0),
    ):
        before = at(page)
        page.keyboard.press(key)
        assert at(page) == lands, key
        go(page, before)
        page.get_by_role("button", name=button, exact=True).click()
        assert at(page) == lands, button
        page.locator("h1").click()
    page.get_by_role("slider", name="Instruction").focus()
    page.keyboard.press("ArrowRight")
    assert at(page) == 1


def test_the_numbers_are_the_traces(show, pages):
    t, path = pages["neuron"]
    page = show(path)
    go(page, 3)
    card = page.locator(".card.written")
    card.locator("summary").click()
    rows = card.locator("tbody").inner_text().replace("−", "-").splitlines()
    np.testing.assert_allclose(np.array([row.split("\t")[1:] for row in rows], float), t["layer1.z"], rtol=1e-3)
    stats = [float(text.replace("−", "-")) for text in card.locator(".stats dd").all_text_contents()]
    assert stats == pytest.approx([t["layer1.z"].min(), t["layer1.z"].mean(), t["layer1.z"].max()], rel=1e-3)
    page.get_by_label("Sample").fill("2")
    unit = page.locator('[data-unit="1,1"]').get_attribute("aria-label")
    assert float(unit.split("= ")[1].replace("−", "-")) == pytest.approx(t["layer1.z"][2, 1], rel=1e-3)


def test_several_steps_are_chosen_from_a_list(show, tmp_path):
    traces = traced(nn.MLP(2, [3], 2), (8, 2), [0, 1] * 4, steps=3, batch_size=4)
    traces.to_html(tmp_path / "t.html", explain=0)
    page = show(tmp_path / "t.html")
    page.get_by_role("combobox", name="Step").select_option("3")
    expect(page.locator("h1")).to_contain_text("Step 3")


# ---- explanations ----------------------------------------------------------------------------------------------------


def test_a_neuron_opens_by_keyboard_and_its_weight_from_there(show, pages):
    t, path = pages["neuron"]
    page = show(path)
    page.locator('#drawing [tabindex="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    told = page.get_by_role("dialog")
    expect(told.get_by_role("heading", level=2)).to_have_text("layer1, unit 1")
    assert t.explain("layer1.z", 0, 1).equation in told.inner_text()
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.className") != "link":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    e = t.explain("layer1.weight", 1, 0)
    expect(told.get_by_role("heading", level=2)).to_have_text("layer1.weight[1,0]")
    for words in (e.equation, f"{e.difference.value:.6g}", t.explain_update("layer1.weight", 1, 0).formula):
        assert words in told.inner_text()
    page.keyboard.press("Escape")
    expect(told).not_to_be_visible()
    assert page.evaluate("document.activeElement.dataset.unit") == "1,1"


def test_a_click_on_a_weight_tells_what_it_did_or_that_it_is_left_out(show, pages):
    page = show(pages["neuron"][1])
    go(page, 3)
    page.locator(".grip").first.dispatch_event("click")
    expect(page.get_by_role("dialog")).to_contain_text("before the step")
    page = show(pages["wide"][1])
    page.locator(".grip").last.dispatch_event("click")
    expect(page.get_by_role("dialog")).to_contain_text("Explained are 12 of ")


# ---- for everyone ----------------------------------------------------------------------------------------------------

CONTROLS = "a[href], button, input, select, summary, [role=button], [tabindex='0']"
IN_GROUPS = "#list button, #drawing [role=button], .theme input"  # one tab stop each, then arrow keys
RINGED = """() => {
    const e = document.activeElement, near = [e.closest('label'), e.querySelector('.halo')].filter(n => n)
        .map(n => getComputedStyle(n));
    return [getComputedStyle(e), ...near].some((n, k) => n.outlineStyle !== 'none' || (k && n.stroke !== 'none'));
}"""


def tabbed(page):
    """What Tab goes through, each with whether its focus can be seen, until it leaves the page."""
    page.evaluate("document.body.tabIndex = -1; document.body.focus()")  # from the top
    page.evaluate(f"document.querySelectorAll(`{CONTROLS}`).forEach((e, k) => e.dataset.mark = k)")
    found = []
    for _ in range(200):
        page.keyboard.press("Tab")
        mark, seen = page.evaluate(f"[document.activeElement.dataset.mark, ({RINGED})()]")
        if mark is None or mark in dict(found):
            return found
        found.append((mark, seen))
    raise AssertionError("Tab does not come round")


@pytest.mark.parametrize("kind", every(2, ("neuron", "wide", "cnn", "lstm", "report")))
def test_every_control_is_reached_by_keyboard_and_shows_it(show, pages, kind):
    t, path = pages[kind]
    page = show(path)
    if t is not None:
        go(page, 3)
    stops = tabbed(page)
    assert all(seen for _, seen in stops)
    alone = page.evaluate(f"""[...document.querySelectorAll(`{CONTROLS}`)].filter(e => !e.matches(`{IN_GROUPS}`)
        && e.checkVisibility() && !e.closest('dialog')).map(e => e.dataset.mark)""")
    assert set(alone) <= {mark for mark, _ in stops}
    if t is None:
        return
    units = page.locator("#drawing [role=button]")
    page.evaluate("""window.reached = new Set();
        document.addEventListener("focusin", e => window.reached.add(e.target.dataset.unit))""")
    page.locator('#drawing [tabindex="0"]').focus()
    for _ in range(int(units.last.get_attribute("data-unit").split(",")[0]) + 1):  # columns
        for key in ["ArrowUp"] * 10 + ["ArrowDown"] * 10:
            page.keyboard.press(key)
        page.keyboard.press("ArrowRight")
    shown = units.evaluate_all("all => all.map(e => e.dataset.unit)")
    assert set(page.evaluate("[...window.reached]")) >= set(shown) and at(page) == 3  # the arrows stayed in the drawing


SMALL = {"width": 320, "height": 640}


LIGHT, DARK, NARROW = {"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": SMALL}


@pytest.mark.parametrize(("kind", "how"), [
    *each_once(("neuron", "cnn", "lstm"), (LIGHT, DARK, NARROW)), ("report", LIGHT), ("report", NARROW | DARK),
], ids=str)
def test_the_accessibility_checker_finds_nothing(show, pages, kind, how):
    t, path = pages[kind]
    page = show(path, reduced_motion="reduce", **how)
    unfolded = "document.querySelectorAll('summary').forEach(e => e.parentNode.open || e.click())"
    page.evaluate(unfolded)
    if t is None:
        assert wrong(page) == []
        return
    backward = next(i.number for i in t.instructions if i.phase == "backward" and len(i.written) > 1)
    for number in (backward, len(t.instructions) - 1) if kind == "neuron" else (backward,):
        go(page, number)
        page.evaluate(unfolded)
        assert wrong(page) == []
    page.locator("#drawing [role=button]").last.press("Enter")
    assert wrong(page, "dialog[open]") == []  # what lies below it was looked at before
    if page.locator("dialog .link").count():
        page.locator("dialog .link").first.click()
        assert wrong(page, "dialog[open]") == []
    if kind == "lstm":  # the others' lists of keys are like it
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        assert wrong(page, "dialog[open]") == []


@pytest.mark.parametrize("kind", every(2, ("wide", "neuron", "lstm", "cnn", "report")))
def test_nothing_sticks_out_of_a_narrow_screen(show, pages, kind):
    t, path = pages[kind]
    page = show(path, viewport=SMALL)
    steps = len(t.instructions) if t else 0
    widths = page.evaluate("""steps => [document.documentElement.scrollWidth, ...Array.from({length: steps}, (_, k) => {
        document.querySelector(`#list [data-at="${k}"]`).click();
        return document.documentElement.scrollWidth; })]""", steps)
    assert len(widths) == 1 + steps and max(widths) <= 320


@pytest.mark.parametrize("kind", ["neuron", "report"])
def test_colours_follow_the_system_and_the_switch(show, pages, kind):
    dark = "rgb(24, 23, 21)"
    page = show(pages[kind][1], color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.get_by_label("light").check(force=True)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    page = show(pages[kind][1], color_scheme="light")
    page.get_by_label("dark").check(force=True)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_nothing_moves_for_those_who_ask_for_it(show, pages):
    page = show(pages["neuron"][1], reduced_motion="reduce")
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"
    assert page.evaluate(moving) == 0


def test_without_scripts_the_listing_can_be_read(show, pages):
    page = show(pages["neuron"][1], java_script_enabled=False)
    assert "half_mse" in page.locator("noscript pre").inner_text()


# ---- hostile names ---------------------------------------------------------------------------------------------------


def test_names_are_text_and_nothing_else(show, tmp_path):
    evil = ["</script><script>window.bad=1</script>", "<img src=x onerror='window.bad=1'>"]

    def loss(z, y):
        return ct.losses.half_mse(z, y)

    loss.__name__ = evil[0]
    t = traced(nn.MLP(2, [2], 2), (3, 2), np.ones((3, 2)), loss)
    t.to_html(tmp_path / "t.html", inputs=evil, outputs=evil, explain=0)
    page = show(tmp_path / "t.html")
    page.keyboard.press("End")
    page.locator('[data-unit="1,0"]').press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text(evil[0])
    assert page.evaluate("window.bad") is None and page.locator("img, script:not([type])").count() == 1
    write_report(tmp_path / "r.html", findings(EVIL + evil[1]))
    page = show(tmp_path / "r.html")
    assert page.evaluate("window.bad") is None and page.locator("img, script").count() == 0


# ---- what the step page says -----------------------------------------------------------------------------------------


def test_hidden_units_show_their_numbers(show, pages):
    t, path = pages["neuron"]
    page = show(path)
    shown = [float(text.replace("−", "-")) for text in page.locator("#drawing .inner").all_text_contents()]
    np.testing.assert_allclose(shown, t["layer1.a"][0], rtol=2e-3, atol=1e-6)


def test_a_slope_is_called_one_and_not_by_the_name_of_its_value(show, pages):
    t, path = pages["neuron"]
    page = show(path)
    go(page, next(i.number for i in t.instructions if "layer1.dz" in i.written))
    labels = [text.replace("\u200b", "") for text in page.locator("#drawing .shown").all_text_contents()]
    assert any(text.endswith("= ∂J/∂z1") for text in labels)
    assert page.locator("#drawing .unit").last.locator("text").last.text_content().startswith("∂ ")


def test_a_matrix_of_ten_classes_is_not_cut(show, tmp_path):
    found = findings()
    labels = ["aeroplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    found.confusion = {"labels": labels, "counts": (7 * np.eye(10, dtype=int)).tolist()}
    write_report(tmp_path / "ten.html", found)
    page = show(tmp_path / "ten.html")
    box, table = (page.locator(f"{what}").first.bounding_box() for what in (".wide:has(.confusion)", ".confusion"))
    assert table["x"] + table["width"] <= box["x"] + box["width"] + 1
