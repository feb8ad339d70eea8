"""The studio in a real browser: from a file to the chain rule of a weight in five clicks, and on to a fork."""

import re

import numpy as np
import pytest
from PIL import Image
from test_studio_runs import TABLE

from cutaway.studio.folder import new_run

accessible = pytest.importorskip("accessible")


def no_findings(page):
    page.get_by_role("heading", level=1).wait_for()
    assert accessible.wrong(page) == []


def test_five_clicks_lead_from_a_file_to_a_weights_chain_rule_and_a_fork(page, tmp_path):
    (tmp_path / "flats.csv").write_text(TABLE)
    no_findings(page)
    page.locator("#file").set_input_files(tmp_path / "flats.csv")
    page.get_by_label("What is to be predicted?").select_option("price")
    page.get_by_role("button", name="Design the network").click()
    page.get_by_text("Choose otherwise").click()
    page.get_by_label("hidden neurons").fill("6")
    page.get_by_label("batch").fill("32")
    page.get_by_label("epochs").fill("6")
    page.locator("details.controls").get_by_role("button").click()
    page.get_by_role("cell", name="6, relu").wait_for()
    no_findings(page)
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".badge.done").wait_for()

    curve = page.get_by_role("slider", name="The loss of each step")
    curve.press("Home")
    curve.press("ArrowRight")
    curve.press("Enter")  # as a click on the curve does
    page.get_by_role("heading", name=re.compile("Step 2")).wait_for()
    page.locator("table.batch a").first.click()
    page.get_by_role("heading", name="What each unit says of this row").wait_for()
    page.get_by_text("The strongest line is").wait_for()
    no_findings(page)
    page.locator(".layer").nth(1).locator("a.unit").first.click()
    page.get_by_role("heading", name="The weights that it reads with").wait_for()
    page.locator("#below table.plain a").first.click()
    page.locator("#chain .formula").first.wait_for()
    assert "∂J/∂W1" in page.locator("#chain").inner_text() and "Update" in page.locator("#update").inner_text()
    page.locator("#below .chart path.line").wait_for()
    no_findings(page)

    address = page.url
    page.reload()  # the address holds the whole state
    page.locator("#chain .formula").first.wait_for()
    page.go_back()
    page.get_by_role("heading", name="The weights that it reads with").wait_for()
    page.go_forward()
    page.locator("#chain .formula").first.wait_for()
    assert page.url == address

    lost = page.context.new_page()  # of a server that is gone: its console says so, too
    lost.route("**/api/events*", lambda route: route.abort())
    lost.goto(address)
    lost.get_by_text("The studio does not answer").wait_for()
    lost.unroute("**/api/events*")
    lost.get_by_text("The studio is there again").wait_for()
    lost.close()

    page.get_by_text("What if? Fork here").click()
    page.locator("#fork-value").fill("2.5")
    page.get_by_role("button", name="Fork: Give").click()
    page.get_by_role("link", name="Fork 1").first.wait_for()
    page.locator(".plot").first.locator("path.line.b").wait_for()
    page.get_by_role("heading", name=re.compile("Step 2")).wait_for()


def taken(page, button, folder):
    with page.expect_download() as kept:
        button.click()
    kept.value.save_as(folder / kept.value.suggested_filename)
    return folder / kept.value.suggested_filename


def test_a_picture_its_numbers_and_the_run_as_a_page_are_taken_home(page, tmp_path):
    chart = page.locator(".chart").first
    picture = Image.open(taken(page, chart.get_by_role("button", name="PNG"), tmp_path)).convert("RGB")
    assert picture.size == (1800, 600)  # twice the drawing's, and it has the curve's colour, and the sheet's
    assert {(184, 71, 11), (255, 255, 255)} <= {colour for _, colour in picture.getcolors(10**6)}
    numbers = taken(page, chart.get_by_role("button", name="CSV"), tmp_path).read_text().splitlines()
    assert numbers[0] == "step,loss J,Fork 1" and numbers[1].startswith("1,") and numbers[1].endswith(",")
    rows = taken(page, page.get_by_role("button", name="CSV: The batch"), tmp_path).read_text().splitlines()
    assert rows[0] == "row,its loss,price,size,zone" and len(rows) == 1 + 32

    sealed = taken(page, page.get_by_role("button", name="As a page that trains"), tmp_path)
    asked, alone = [], page.context.browser.new_context().new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(sealed.as_uri())
    alone.locator("body[data-ready]").wait_for()
    alone.keyboard.press("ArrowRight")
    alone.locator("#curve summary").click()
    J = alone.locator("#curve details tbody").inner_text().split("\t")[1]
    assert float(J) == pytest.approx(float(numbers[1].split(",")[1]), rel=1e-5)  # the first step's, trained there
    assert asked == [sealed.as_uri()]
    alone.context.close()


def test_the_playground_has_its_whole_state_in_the_address_and_shows_batches_in_the_plane(page):
    before = page.url
    page.goto(before.partition("#")[0])
    page.get_by_role("link", name="Playground: made data").click()
    page.locator(".sheet svg .spot").first.wait_for()
    page.get_by_label("problem").select_option("hills")
    page.get_by_label("sin x1").check()
    page.get_by_label("x2²").press(" ")  # by keyboard, too
    for name, value in (("rows", "60"), ("epochs", "3"), ("share for the test", "0.5")):
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_label("regularization", exact=True).select_option("L1")
    page.get_by_label("regularization rate").select_option("0.01")
    page.get_by_role("button", name="One layer more").click()
    no_findings(page)
    page.reload()
    page.locator(".sheet svg .spot").first.wait_for()
    assert page.locator(".sheet svg .spot").count() == 60
    assert page.get_by_label("hidden neurons").input_value() == "6,4,4"
    assert page.get_by_label("regularization", exact=True).input_value() == "L1" and "decay=0.01" in page.url
    chosen = page.get_by_role("checkbox", checked=True).all()
    assert [one.input_value() for one in chosen] == ["x1", "x2", "x2²", "sin x1"]
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_role("heading", name="What the network says now").wait_for()
    page.locator(".badge.done").wait_for()
    page.get_by_role("slider", name="The loss of each step").press("Enter")
    page.locator("#below .plane .spot.batched").first.wait_for()
    page.locator("#below").get_by_label("in full colours").check()
    page.locator("#below").get_by_label("rows of the test").check()
    assert "flat=1" in page.url and "tests=1" in page.url and page.locator("#below .spot.tested").count() == 30
    page.goto(before)


def test_it_can_be_read_from_right_to_left_in_the_dark_and_on_a_phone(page):
    page.get_by_label("Language").select_option("ar")
    page.get_by_role("heading", name=re.compile("الخطوة 2")).wait_for()
    assert page.locator("html").get_attribute("dir") == "rtl"
    page.locator("label", has=page.locator("#dark")).click()
    page.set_viewport_size({"width": 360, "height": 760})
    no_findings(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("#below a[dir=ltr]").first.click()  # a weight, and what explain says of it
    page.locator("#chain .formula").first.wait_for()
    assert "التدرّج" in page.locator("#chain").inner_text()
    said = page.locator(":is(#chain, #update) :is(h4, caption, th)").all_inner_texts()
    assert len(said) > 8 and not [words for words in said if re.search("[a-z]{3}", words)]
    page.go_back()
    page.get_by_label("اللغة").select_option("en")


def test_a_step_shows_how_it_answers_and_where_the_run_went_on_its_loss_landscape(page):
    page.locator("#below").get_by_role("link", name="Its answers").click()
    page.get_by_role("slider", name="Residuals").press("End")
    no_findings(page)
    page.locator("#below").get_by_role("link", name="Loss landscape").click()
    field = page.get_by_role("slider", name="Loss landscape")
    field.press("ArrowUp")
    assert "second direction" in field.get_attribute("aria-valuetext")
    page.locator("#below path.level").first.wait_for()
    no_findings(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    field.press("Enter")  # the step of the path that lies nearest
    page.get_by_role("heading", name="The batch").wait_for()


def test_an_experiment_of_the_lab_runs_live_and_stays_in_the_address(page):
    page.get_by_role("link", name="The lab").click()
    page.get_by_role("link", name=re.compile("A walk down a surface")).click()
    page.get_by_label("optimizers (a rate after a colon)").fill("SGD, Adam:0.5")
    page.get_by_label("steps", exact=True).fill("30")
    page.get_by_role("button", name="Run it").click()
    page.locator("main .badge.done").wait_for()
    surface = page.get_by_role("slider", name="The loss surface")
    surface.press("ArrowRight")
    assert "x -" in surface.get_attribute("aria-valuetext").replace("\u2212", "-")
    no_findings(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.reload()  # what was found lies in the run's folder
    page.locator("main .badge.done").wait_for()
    assert page.get_by_label("steps", exact=True).input_value() == "30"


def images(folder):
    """Light and dark pictures, a folder for each kind."""
    rng = np.random.default_rng(0)
    for k in range(40):
        kind = folder / "pictures" / ("dark", "light")[k % 2]
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(90 * (k % 2), 160 + 90 * (k % 2), (8, 8), np.uint8)).save(kind / f"{k}.png")
    return folder / "pictures"


def series(folder):
    """Waves that rise or fall, in the archive's own format."""
    t, rng = np.arange(12), np.random.default_rng(0)
    lines = [",".join(f"{v:.3f}" for v in (1 - 2 * (k % 2)) * t + rng.normal(size=12)) + f":{('up', 'down')[k % 2]}"
             for k in range(60)]
    path = folder / "waves.ts"
    path.write_text("@problemName waves\n@timeStamps false\n@missing false\n@univariate true\n@equalLength true\n"
                    "@seriesLength 12\n@classLabel true up down\n@data\n" + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(("make", "extent"), [(images, "dark"), (series, "down")])
def test_a_folder_of_images_and_a_ts_file_lead_to_a_weights_chain_rule_in_five_clicks(page, studio, tmp_path, make,
                                                                                      extent):
    path = make(tmp_path)
    page.set_viewport_size({"width": 1280, "height": 900})
    if path.is_dir():  # as `cutaway studio pictures` opens it
        run = new_run(studio.home, file=str(path), name=path.name, choices={"epochs": 2, "batch_size": 16})
        page.goto(f"{studio.base}/#run={run.name}")
    else:
        page.goto(f"{studio.base}/#")
        page.locator("#file").set_input_files(path)
    page.get_by_text(extent).first.wait_for()
    page.get_by_role("button", name="Design the network").click()
    if not path.is_dir():
        page.get_by_text("Choose otherwise").click()
        page.get_by_label("epochs").fill("2")
        page.locator("details.controls").get_by_role("button").click()
        page.get_by_text("as asked").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator("path.line").first.wait_for()  # the first steps can be opened while it trains
    curve = page.get_by_role("slider", name="The loss of each step")
    curve.press("Home")
    curve.press("Enter")
    page.locator("table.batch a").first.click()
    layer = page.locator(".layer", has=page.locator("canvas")).first
    maps = Image.open(taken(page, layer.get_by_role("button", name="PNG"), tmp_path)).convert("L")
    assert len(maps.getcolors(10**6)) > 8 and maps.width < 1500  # greys, and no empty sheet beside them
    assert "<image" in taken(page, layer.get_by_role("button", name="SVG"), tmp_path).read_text()
    page.locator(".layer", has_text="layer1").locator("a").first.click()
    page.locator("#below table.plain a").first.click()
    page.locator("#chain .formula").first.wait_for()
    assert "∂J/∂" in page.locator("#chain").inner_text() and "Update" in page.locator("#update").inner_text()


def test_a_page_elsewhere_whose_name_leads_here_is_refused(page, studio):
    elsewhere = f"http://evil.test:{studio.port}"
    context = page.context.browser.new_context()
    other = context.new_page()
    for path in ("/", "/api/home", studio.fresh_link().removeprefix(studio.base)):
        assert other.goto(elsewhere + path).status == 421, path
    bait = f"{elsewhere}/bait"  # loaded before the name is bound anew: all its questions are of its own origin
    context.route(bait, lambda route: route.fulfill(content_type="text/html", body="<!doctype html><p>bait</p>"))
    other.goto(bait)
    ask = "([path, how]) => fetch(path, how).then(answer => answer.status, () => 'stopped by the browser')"
    for path, how in (("/api/home", {}), ("/api/samples", {"method": "POST", "body": "{}"})):
        assert other.evaluate(ask, [path, how]) in (421, "stopped by the browser"), path
    asked = other.evaluate("url => fetch(url).then(() => 'read', () => 'refused')", f"{studio.base}/api/home")
    assert asked == "refused" and context.cookies() == []
    context.close()
