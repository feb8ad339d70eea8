"""A page that trains, in a real browser: its steps are the run's to the bit; back, forked, frozen, explained."""

from contextlib import nullcontext

import numpy as np
import pytest
from playwright.sync_api import expect

import cutaway as ct
from accessible import wrong
from as_written import as_written

nn, optim = ct.nn, ct.optim
RNG = np.random.default_rng(0)
MOONS = ct.datasets.make("moons", n=50, seed=0)
TASKS = {
    "mlp": (lambda: nn.MLP(2, [5, 4], 2), *MOONS),
    "cnn": (lambda: nn.CNN((6, 6, 1), 3, channels=[3], hidden=[4]), RNG.normal(size=(24, 6, 6, 1)),
            RNG.integers(0, 3, 24)),
    "lstm": (lambda: nn.Recurrent(2, 4, 2, cell="lstm"), RNG.normal(size=(24, 5, 2)), RNG.integers(0, 2, 24)),
}
EPOCHS, BATCH = 3, 8
EVIL = "</script><script>window.bad=1</script><img src=x onerror='window.bad=1'>"


def trained(kind, optimizer=None, engine="portable", batch_size=BATCH, seed=0, **how):
    make, X, y = TASKS[kind]
    return ct.fit(make().init(0), X, y, loss="cross_entropy", optimizer=optimizer or optim.AdamW(0.01), epochs=EPOCHS,
                  batch_size=batch_size, seed=seed, engine=engine, threads=1, **how)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Every run once, and its page."""
    folder = tmp_path_factory.mktemp("pages")
    made = {}
    for kind in TASKS:
        with as_written() if kind != "mlp" else nullcontext():
            made[kind] = trained(kind), folder / f"{kind}.html"
            made[kind][0].to_page(made[kind][1], **({"outputs": [EVIL, EVIL], "title": EVIL} if kind == "lstm" else {}))
    return made


def opened(show, path, **how):
    page = show(path, **how)
    expect(page.locator("body[data-ready]")).to_be_visible()
    return page


def go(page, step):
    page.get_by_role("slider", name="Step").fill(str(step))


def on(page, steps):
    """Go on by so many steps, then give J of all that the page lists, the last 64."""
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
    return losses(page)


def losses(page, run=0):
    details = page.locator("#curve details")
    if details.get_attribute("open") is None:
        details.locator("summary").click()
        page.locator("h1").click()
    return [float(row.split("\t")[1 + run]) for row in details.locator("tbody").inner_text().splitlines()]


def weight(page):
    return page.locator("#told .what output").inner_text(), page.locator("#told .edit input[type=number]").input_value()


def terms_are_the_traces(page, t):
    """The gradient that the page explains, its terms and its update."""
    name, place = next(iter(t.parameters)), page.locator("#told .what b").inner_text()
    index = [int(k) for k in place[place.index("[") + 1 : -1].split(",")]
    e = t.explain_update(name, *index)
    read = lambda text: float(text.replace("−", "-").split()[-1])  # noqa: E731
    rows = page.locator("#told table").first.locator("tbody tr").all_inner_texts()
    assert read(rows[-1]) == pytest.approx(e.gradient, rel=1e-3)
    by_row = t.explain(name, *index, check=False).by_sample
    most = max(by_row, key=lambda k: abs(by_row[k]))
    shown = rows[0].split("\t")
    assert int(shown[0]) == t.about.rows[most] and read(shown[1]) == pytest.approx(by_row[most], rel=2e-3)
    parts = page.locator("#told table").last.locator("tbody tr").all_inner_texts()
    assert [read(row) for row in parts[:-1]] == pytest.approx([p.so_far for p in e.parts], rel=5e-3)
    assert read(page.locator("#told .chain output").last.inner_text()) == pytest.approx(by_row[most], rel=2e-3)


# ---- the run's own steps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TASKS)
def test_its_losses_are_the_runs_to_the_bit_and_its_explanations_the_traces(show, runs, kind):
    run, path = runs[kind]
    page = opened(show, path)
    on(page, 2)
    terms_are_the_traces(page, run.trace(step=3))
    for _ in range(EPOCHS):
        page.keyboard.press("PageUp")
    assert losses(page) == run.steps["loss"].tolist()


def test_rows_come_in_the_runs_own_order_and_without_its_last_batch(show, tmp_path):
    run = trained("mlp", shuffle=lambda rows, epoch: np.roll(rows[::-1], 5 * epoch), drop_last=True)
    assert len(run.steps["loss"]) == EPOCHS * (50 // BATCH)
    assert run.to_page(tmp_path / "own.html").notes == ("Rows come in the run's own order for 3 epochs, then in one by "
                                                        "chance.",)
    page = opened(show, tmp_path / "own.html")
    for _ in range(EPOCHS):
        page.keyboard.press("PageUp")
    assert losses(page) == run.steps["loss"].tolist()


def test_another_optimizer_batch_size_and_seed_are_those_of_another_run(show, runs):
    page = opened(show, runs["mlp"][1])
    page.get_by_label("Optimizer").select_option("RMSProp")
    page.get_by_label("Learning rate").fill("0.02")
    page.get_by_label("Batch size").select_option("16")
    page.get_by_role("spinbutton", name="Seed").fill("7")
    page.get_by_role("spinbutton", name="Seed").press("Enter")
    page.get_by_role("button", name="Start again").click()
    run = trained("mlp", optim.RMSProp(0.02), batch_size=16, seed=7)
    page.locator("h1").click()
    assert on(page, 6) == run.steps["loss"][:6].tolist()
    page.locator("#list button").last.click()
    expect(page.locator("#list button").last).to_contain_text("rmsprop")
    expect(page.locator("#values .formula")).to_have_text("E ← α E + (1 - α) g²; θ ← θ - η g / √(E + ε)")
    expect(page.locator("#values")).to_contain_text("layer1.weight.E (5, 2)")


def test_the_learning_rate_follows_the_runs_schedule(show, runs, tmp_path):
    run = trained("mlp", optim.AdamW(optim.schedules.cosine(0.05)))
    run.to_page(tmp_path / "s.html")
    page = opened(show, tmp_path / "s.html")
    for _ in range(EPOCHS):
        page.keyboard.press("PageUp")
    go(page, 2)
    assert on(page, 9) == run.steps["loss"][:11].tolist()


def test_going_back_and_forth_again_gives_the_same_bits(show, runs):
    run, path = runs["mlp"]
    page = opened(show, path)
    on(page, 5)
    there = weight(page)
    on(page, 9)
    assert weight(page) != there
    page.keyboard.press("ArrowLeft")
    go(page, 5)
    assert weight(page) == there
    assert on(page, 4) == run.steps["loss"][:9].tolist()


def test_it_trains_by_itself_until_it_is_told_to_stop(show, runs):
    page = opened(show, runs["mlp"][1])
    page.get_by_label("Speed").select_option("fly")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("slider", name="Step")).not_to_have_value("0")
    page.get_by_role("button", name="Pause").click()
    step = page.get_by_role("slider", name="Step").input_value()
    page.wait_for_timeout(60)
    assert page.get_by_role("slider", name="Step").input_value() == step


# ---- changed by hand -------------------------------------------------------------------------------------------------


def test_a_fork_goes_its_own_way_and_leaves_the_first_as_it_was(show, runs):
    run, path = runs["mlp"]
    page = opened(show, path)
    on(page, 3)
    page.get_by_role("button", name="Fork").click()
    page.locator("#told .edit input[type=number]").fill("2.5")
    page.get_by_role("button", name="Set").click()
    page.locator("h1").click()
    on(page, 4)
    assert losses(page, 0) == run.steps["loss"][:7].tolist()
    mine = losses(page, 1)
    assert mine[:3] == run.steps["loss"][:3].tolist() and mine[3] != run.steps["loss"][3]
    expect(page.locator("#runs")).to_contain_text("after step 3: W1")


def test_a_frozen_weight_stays_and_another_moves(show, runs):
    page = opened(show, runs["mlp"][1])
    page.get_by_label("frozen").check()
    page.locator("h1").click()
    before = weight(page)
    on(page, 4)
    assert weight(page) == before
    page.get_by_label("frozen").uncheck()
    page.locator("h1").click()
    on(page, 1)
    assert weight(page) != before


def test_a_rate_that_is_too_large_is_told_in_words_and_can_be_taken_back(show, runs):
    page = opened(show, runs["mlp"][1])
    page.get_by_label("Optimizer").select_option("SGD")
    page.get_by_label("Learning rate").fill("1e30")
    page.get_by_label("Learning rate").press("Enter")
    page.locator("h1").click()
    page.keyboard.press("PageUp")
    expect(page.get_by_role("alert")).to_contain_text("is not finite")
    page.keyboard.press("Home")
    page.get_by_label("Learning rate").fill("0.1")
    page.get_by_label("Learning rate").press("Enter")
    page.locator("h1").click()
    assert np.isfinite(on(page, 3)).all()
    expect(page.locator("#trouble")).to_have_text("")
    page.get_by_label("Learning rate").fill("-1")
    page.get_by_label("Learning rate").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("must be a number from 0")


# ---- why -------------------------------------------------------------------------------------------------------------


def test_every_value_of_a_line_of_the_program_can_be_read(show, runs):
    run, path = runs["mlp"]
    t = run.trace(step=1)
    page = opened(show, path)
    page.locator("#list").get_by_text("linear", exact=True).first.click()
    card = page.locator("#values .card").first
    stats = [float(text.replace("−", "-")) for text in card.locator(".stats dd").all_inner_texts()]
    z = t["layer1.z"]
    assert stats == pytest.approx([z.min(), z.mean(), z.max()], rel=2e-3, abs=1e-6)


# ---- for everybody ---------------------------------------------------------------------------------------------------


NARROW, DARK = {"color_scheme": "light", "viewport": {"width": 320, "height": 700}}, {"color_scheme": "dark"}


@pytest.mark.parametrize(("kind", "how"), [("mlp", NARROW), ("cnn", NARROW | DARK), ("lstm", DARK)], ids=str)
def test_the_accessibility_checker_finds_nothing_and_nothing_sticks_out(show, runs, kind, how):
    page = opened(show, runs[kind][1], **how)
    on(page, 2)
    page.keyboard.press("f")
    page.locator("#list button").nth(4).click()
    page.locator("#drawing .unit").last.press("Enter")
    assert wrong(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def test_it_is_used_by_keyboard_alone(show, runs):
    page = opened(show, runs["mlp"][1])
    page.locator("#drawing .unit").first.focus()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#told .what")).to_have_text("layer1, unit 1")
    page.locator("#told .link").first.press("Enter")
    expect(page.locator("#told .what b")).to_contain_text("W1[1,")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_names_are_text_and_nothing_else(show, runs):
    page = opened(show, runs["lstm"][1])
    expect(page.locator("h1")).to_have_text(EVIL)
    expect(page.locator("#map .bars")).to_contain_text(EVIL)
    assert page.evaluate("window.bad") is None and page.locator("img, script:not([type])").count() == 1


def test_a_reader_of_arabic_reads_it_from_right_to_left(show, runs):
    page = opened(show, runs["mlp"][1], locale="ar", viewport={"width": 360, "height": 640})
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == ["ar", "rtl"]
    expect(page.get_by_role("button", name="خطوة واحدة", exact=True)).to_be_visible()
    on(page, 2)
    expect(page.locator("#where")).to_contain_text("الخطوة")
    expect(page.locator("#why")).to_contain_text("\u2066−η m")  # a formula keeps its direction, and its sign in front
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert wrong(page) == []
