"""A descent in a real browser: it plays, its numbers are the descent's and add up, and everyone can use it."""

import math
import re

import pytest
from playwright.sync_api import expect
from test_in_browser import CONTROLS, SMALL, tabbed

import cutaway as ct
from accessible import wrong
from cutaway.lab.descents.descend import descend

optim = ct.optim
STEPS = 30


@pytest.fixture(scope="module")
def ravine(tmp_path_factory):
    """A descent of four, and its page."""
    four = [optim.SGD(0.038), optim.Momentum(0.038), optim.RMSProp(0.1), optim.AdamW(0.3)]
    d, path = descend("ravine", four, steps=STEPS), tmp_path_factory.mktemp("descent") / "ravine.html"
    d.to_html(path)
    return d, path


def at(page):
    return int(page.get_by_role("slider", name="Step").input_value())


def go(page, step):
    page.get_by_role("slider", name="Step").fill(str(step))


def read(text):
    """The number that a text shows."""
    return float(text.replace("−", "-"))


# ---- playing ---------------------------------------------------------------------------------------------------------


def test_it_plays_to_the_end_and_once_more(show, ravine):
    page = show(ravine[1])
    page.get_by_label("Steps a second").select_option("50")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_text(f"Step {STEPS} of {STEPS}", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.get_by_label("Steps a second").select_option("1")
    page.get_by_role("button", name="Play").click()
    assert at(page) < STEPS  # from the start again
    page.get_by_role("button", name="Pause").click()


def test_keys_buttons_and_slider_step_alike(show, ravine):
    page = show(ravine[1])
    for key, button, lands in (
        ("ArrowRight", "Next", 1), ("ArrowUp", "Next", 2), ("ArrowLeft", "Back", 1), ("PageUp", None, 11),
        ("ArrowDown", "Back", 10), ("PageDown", None, 0), ("End", "Last step", STEPS), ("Home", "First step", 0),
    ):
        before = at(page)
        page.locator("h1").click()
        page.keyboard.press(key)
        assert at(page) == lands, key
        if button:
            go(page, before)
            page.get_by_role("button", name=button, exact=True).click()
            assert at(page) == lands, button
    page.get_by_role("slider", name="Step").press("ArrowRight")
    assert at(page) == 1


def test_balls_and_table_stand_where_the_descent_was(show, ravine):
    d, path = ravine
    page = show(path)
    for step in (0, 1, 17, STEPS):
        go(page, step)
        stands_at(page, d, step)


def stands_at(page, d, step):
    expect(page.locator("caption")).to_have_text(f"After step {step} of {STEPS}")
    frame = page.locator("#map .frame")
    width, height = (float(frame.get_attribute(name)) for name in ("width", "height"))
    (x0, x1), (y0, y1) = d.surface.bounds
    for k, p in enumerate(d.paths):
        cells = page.locator("#runs tbody tr").nth(k).locator("td:not(.l)").all_text_contents()
        assert [read(c) for c in cells] == pytest.approx([p.loss[step], *p.points[step]], rel=1e-3)
        ball = page.locator(f"#map .ball.k{k}").get_attribute("transform")
        x, y = (float(v) for v in re.findall(r"-?[\d.]+", ball)[:2])
        assert (x0 + x / width * (x1 - x0), y1 - y / height * (y1 - y0)) == pytest.approx(p.points[step], abs=0.02)


def test_every_update_is_written_in_numbers_that_add_up(show, ravine):
    d, path = ravine
    page = show(path)
    for k, p in enumerate(d.paths):
        page.locator("h1").click()  # in the slider, a digit is no key
        page.keyboard.press(str(k + 1))
        adds_up(page, p)


def adds_up(page, p):
    for step in (1, 2, STEPS):
        go(page, step)
        lines = page.locator("#update .numbers").evaluate_all("""all => all.map(e => [...e.childNodes].map(n =>
            n.nodeName === 'SUP' ? '**' + n.textContent : n.textContent).join(''))""")
        assert len(lines) == 2 * (2 + len(p.state) + (2 if "m" in p.state else 0))
        for line in lines[2:]:
            left, right = line.split(" = ")
            for sign, word in (("−", "-"), ("·", "*"), ("²", "**2")):
                left = left.replace(sign, word)
            left = re.sub(r"√(\([^)]*\)|[\d.]+)", r"sqrt(\1)", left)
            terms = [abs(float(v)) for v in re.findall(r"[\d.]+(?:e-?\d+)?", left)]
            worked = eval(left, {"__builtins__": {}}, {"sqrt": math.sqrt})
            assert worked == pytest.approx(read(right), rel=2e-3, abs=1e-3 * max(terms)), line
        assert [read(line.split(" = ")[1]) for line in lines[-2:]] == pytest.approx(p.points[step], rel=1e-3)


def test_charts_show_the_state_of_the_one_that_is_looked_at(show, ravine):
    d, path = ravine
    page = show(path)
    for k, names in enumerate((
        ["J loss", "g gradient", "effective learning rate"],
        ["J loss", "g gradient", "v velocity", "effective learning rate"],
        ["J loss", "g gradient", "E accumulated squares", "effective learning rate"],
        ["J loss", "g gradient", "m momentum", "v accumulated squares", "effective learning rate"],
    )):
        page.get_by_role("radio", name=d.paths[k].name, exact=True).check()
        go(page, 9)
        assert page.locator("figcaption > span:first-child").all_text_contents() == names
        shown = page.locator("figcaption").last.locator(".said span").all_text_contents()
        assert [read(text.split()[1]) for text in shown] == pytest.approx(d.paths[k].rate[8], rel=1e-3)


def test_an_optimizer_can_be_taken_off_the_map(show, ravine):
    page = show(ravine[1])
    go(page, 5)
    page.get_by_role("checkbox", name="Show Momentum").uncheck()
    for name, visible in (("k0", True), ("k1", False)):
        assert page.locator(f"#map .ball.{name}").is_visible() == visible
    assert page.locator("#charts .line.own.k1").count() == 0
    assert page.evaluate("document.activeElement.ariaLabel") == "Show Momentum"


# ---- for everyone ----------------------------------------------------------------------------------------------------


def test_every_control_is_reached_by_keyboard_and_shows_it(show, ravine):
    page = show(ravine[1])
    stops = tabbed(page)
    assert all(seen for _, seen in stops)
    grouped = ".theme input, #runs [type=radio]"  # one tab stop each, then arrow keys
    alone = page.evaluate(f"""[...document.querySelectorAll(`{CONTROLS}`)].filter(e => !e.matches(`{grouped}`)
        && e.checkVisibility() && !e.closest('dialog')).map(e => e.dataset.mark)""")
    assert len(alone) > 12 and set(alone) <= {mark for mark, _ in stops}


@pytest.mark.parametrize("how", [
    {"color_scheme": "light"}, {"color_scheme": "dark"}, {"color_scheme": "light", "viewport": SMALL},
], ids=str)
def test_the_accessibility_checker_finds_nothing(show, ravine, how):
    page = show(ravine[1], **how)
    for step, key in ((0, "1"), (STEPS, "4")):
        page.keyboard.press(key)
        go(page, step)
        assert wrong(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert wrong(page, "dialog[open]") == []  # what lies below it was looked at before


def test_nothing_sticks_out(show, ravine):
    page = show(ravine[1])
    for step, key in ((0, "1"), (STEPS, "4")):
        page.keyboard.press(key)
        go(page, step)
        for width in (320, 375, 768, 1280):
            page.set_viewport_size({"width": width, "height": 700})
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_starts_slowly_and_by_hand_for_those_who_want_little_motion(show, ravine):
    page = show(ravine[1], reduced_motion="reduce")
    assert page.get_by_label("Steps a second").input_value() == "1" and at(page) == 0
    moving = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).transitionDuration !== '0s').length"
    assert page.evaluate(moving) == 0


def test_on_paper_the_controls_are_gone_and_the_numbers_stay(show, ravine):
    page = show(ravine[1])
    go(page, 12)
    page.emulate_media(media="print")
    assert not page.locator("#transport").is_visible() and not page.locator(".tools").is_visible()
    for part in ("#map svg", "#charts", "#runs", "#update"):
        assert page.locator(part).first.is_visible()
    assert page.pdf()[:5] == b"%PDF-"


def test_without_scripts_it_says_where_each_ended(show, ravine):
    d, path = ravine
    page = show(path, java_script_enabled=False)
    said = page.locator("noscript").inner_text()
    assert all(p.name in said and f"{p.loss[-1]:.4g}" in said for p in d.paths)


def test_names_are_text_and_nothing_else(show, tmp_path):
    evil = "</script><script>window.bad=1</script><img src=x onerror='window.bad=1'>"
    descend("bowl", {evil: optim.SGD(0.1)}, steps=2).to_html(tmp_path / "d.html")
    page = show(tmp_path / "d.html")
    expect(page.locator("#runs")).to_contain_text(evil)
    assert page.evaluate("window.bad") is None and page.locator("img, script:not([type])").count() == 1
