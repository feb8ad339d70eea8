"""Open every view of the studio in Chromium, and say what axe-core finds, what is too wide, what nothing takes home.

    python tools/check_studio.py [GROUP ...]

GROUP: begin, table, members, spirals, slope, images, series or lab; all unless given. Each view is opened in English
and Arabic, light and dark, 1280 and 360 pixels wide: four times, so that every two of these choices meet. A picture
needs SVG and PNG beside it, a table CSV. It takes Playwright, Chromium, axe-playwright-python and Pillow, and some
minutes.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from draw_studio import browser_of, studio
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from cutaway.studio.folder import new_run

Views = Iterator[tuple[str, str]]

#: Language, colours and width of each look: an orthogonal array.
LOOKS = ("en", (("light", 1280), ("dark", 360))), ("ar", (("dark", 1280), ("light", 360)))
FLATS = "\n".join(["size,zone,price", *(f"{30 + i % 50},{'ABC'[i % 3]},{(30 + i % 50) * (1 + i % 3)}"
                                        for i in range(200))])
SMALL = {"preset": "fast", "hidden": "6", "batch_size": 32, "epochs": 4}
#: Pictures without SVG and PNG, tables without CSV; how much too wide the page is, and what reaches out of it.
LACKS = """() => {
  const main = document.getElementById("main"), none = [];
  const seen = one => one.getBoundingClientRect().width > 0;
  const has = (one, words) => {
    for (let up = one; up && up !== main && !up.matches("section"); up = up.parentElement)
      if (words.every(word => up.querySelector(`button[aria-label^="${word}:"]`))) return true;
    return false;
  };
  for (const one of main.querySelectorAll("svg, canvas"))
    if (seen(one) && !has(one, ["SVG", "PNG"])) none.push(one.outerHTML.slice(0, 120));
  for (const one of main.querySelectorAll("table"))
    if (seen(one) && !has(one, ["CSV"])) none.push(`table ${one.caption?.textContent ?? ""}`);
  const out = one => { const box = one.getBoundingClientRect(); return Math.max(box.right - innerWidth, -box.left); };
  const held = one => { for (let up = one.parentElement; up; up = up.parentElement)
    if (getComputedStyle(up).overflowX !== "visible") return true; return false; };
  const outside = [...main.querySelectorAll("*")].filter(one => out(one) > 0 && !held(one));
  const widest = outside.sort((a, b) => out(b) - out(a))[0];
  return [none, document.documentElement.scrollWidth - innerWidth, widest?.outerHTML.slice(0, 120) ?? ""];
}"""
#: Whether the page has come to rest: nothing is asked for or computed.
RESTS = """() => !document.querySelector("main [aria-busy], main progress") && document.querySelector("main h1")
  && ![...document.querySelectorAll("main .note")].some(one => one.textContent.endsWith("…"))"""
OPEN = "for (const one of document.querySelectorAll('main details')) one.open = true"


class Visitor:
    """A page that was let in, and what it may ask for itself. home: where runs are kept."""

    def __init__(self, page: Page, link: str, home: Path) -> None:
        self.page, self.base, self.home = page, link.partition("/start")[0], home
        page.goto(link)
        self.headers = {"origin": self.base, "x-cutaway": self.get("/api/home")["token"]}

    def get(self, path: str) -> Any:
        return self.page.request.get(self.base + path).json()

    def post(self, path: str, **data: Any) -> Any:
        answer = self.page.request.post(self.base + path, data=data, headers=self.headers, timeout=300_000)
        assert answer.ok, answer.text()
        return answer.json()

    def ask(self, run: str, do: str, **how: Any) -> Any:
        return self.post(f"/api/runs/{run}/ask", do=do, **how)["right"]

    def flats(self) -> str:
        (self.home / "flats.csv").write_text(FLATS)
        return new_run(self.home, file=str(self.home / "flats.csv"), name="flats.csv").name

    def trained(self, run: str, target: str = "", **choices: Any) -> str:
        self.ask(run, "design", target=target, choices=choices)
        self.ask(run, "train")
        until = time.monotonic() + 300
        while (about := self.get(f"/api/runs/{run}"))["state"] == "training":
            assert time.monotonic() < until, about
            time.sleep(0.1)
        return run


# ---- the views, by name and address ----------------------------------------------------------------------------------


def begin(who: Visitor) -> Views:
    designed = who.flats()
    who.ask(designed, "design", target="price", choices=SMALL)
    yield from (("home", ""), ("columns", f"run={who.flats()}"), ("design", f"run={designed}"),
                ("playground", "play=spirals"), ("playground, a curve", "play=sine"))


def inside(who: Visitor, name: str, run: str, step: int, fork: int = 0) -> Views:
    """A run's views: a step, all that can be seen of it, a row, a unit, a weight."""
    more = f"&fork={fork}" if fork else ""
    at = f"run={run}&step={step}{more}"
    yield f"{name}: run", f"run={run}{more}"
    yield f"{name}: step", at
    for see in who.ask(run, "step", step=step, fork=fork)["views"]:
        yield f"{name}: {see}", f"{at}&row=1&see={see}" if see == "states" else f"{at}&see={see}"
    row = who.ask(run, "row", step=step, place=1, fork=fork)
    yield f"{name}: row", f"{at}&row=1"
    for layer in row["layers"][1:]:
        unit = layer["places"][0] if layer["places"] else layer["maps"][0]["unit"] if layer["maps"] else None
        found = unit and who.ask(run, "unit", step=step, place=1, fork=fork, name=layer["value"], unit=unit)
        if found and found["weights"]:
            break
    opened = f"{at}&row=1&layer={layer['value']}&unit={','.join(map(str, unit))}"
    yield f"{name}: unit", opened
    weight = found["weights"][0]
    yield f"{name}: weight", f"{opened}&weight={weight['name']}&index={','.join(map(str, weight['index']))}"


def table(who: Visitor) -> Views:
    """A table's run, a fork of it, and another run beside it."""
    run, other = (who.trained(who.flats(), "price", **SMALL, seed=k) for k in (0, 1))
    yield from inside(who, "table", run, 9)
    fork = who.ask(run, "fork", step=5, change={"kind": "rate", "value": 0.5})["fork"]
    while len(who.page.request.get(f"{who.base}/api/runs/{run}/losses?from=0&fork={fork}").body()) < 8 * 9:
        time.sleep(0.1)
    yield from inside(who, "fork", run, 9, fork)
    yield "beside", f"run={run}&with={other}"
    yield "beside: step", f"run={run}&with={other}&step=9"
    yield "beside, with a fork", f"run={run}&with={other}&fork={fork}&step=9"


def members(who: Visitor) -> Views:
    """A network of members with bins, and a unit that no weight makes."""
    run = who.trained(who.flats(), "price", **SMALL | {"preset": "default"})
    yield from inside(who, "members", run, 9)
    layer = who.ask(run, "row", step=9, place=1)["layers"][1]
    yield "members: read by", f"run={run}&step=9&row=1&layer={layer['value']}&unit=0"


def made(who: Visitor, name: str, target: str) -> Views:
    run = who.post("/api/samples", name=name, rows=200, noise=0.2, seed=0, inputs=["x1", "x2"])["run"]
    yield from inside(who, name, who.trained(run, target, **SMALL), 5)


def images(who: Visitor) -> Views:
    rng = np.random.default_rng(0)
    for k in range(40):
        kind = who.home / "pictures" / ("dark", "light")[k % 2]
        kind.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(90 * (k % 2), 160 + 90 * (k % 2), (8, 8), np.uint8)).save(kind / f"{k}.png")
    run = new_run(who.home, file=str(who.home / "pictures"), name="pictures").name
    yield from inside(who, "images", who.trained(run, epochs=2, batch_size=16), 2)


def series(who: Visitor) -> Views:
    run = who.post("/api/samples", name="italy_power")["run"]
    yield from inside(who, "series", who.trained(run, cell="gru", epochs=1), 2)


def lab(who: Visitor) -> Views:
    """The lab's pages, each with the first that its experiment shows."""
    yield "lab", "lab=all"
    for name in who.get("/api/lab")["experiments"]:
        run = who.post(f"/api/lab/{name}")["run"]
        who.page.goto(f"{who.base}/#lab={name}&shown={run}")
        who.page.locator("main figure, main .badge.failed").first.wait_for()
        who.post(f"/api/runs/{run}/stop")
        who.page.locator("main .badge:is(.done, .stopped, .failed)").wait_for()
        yield f"lab: {name}", f"lab={name}&shown={run}"


GROUPS: dict[str, Callable[[Visitor], Views]] = {
    "begin": begin, "table": table, "members": members, "spirals": lambda who: made(who, "spirals", "class"),
    "slope": lambda who: made(who, "slope", "y"), "images": images, "series": series, "lab": lab}


# ---- what is wrong there ---------------------------------------------------------------------------------------------


def findings(who: Visitor, address: str) -> Iterator[str]:
    """Look at a view in all its looks."""
    page = who.page
    for language, looks in LOOKS:
        page.evaluate("language => localStorage.setItem('language', language)", language)
        page.goto("about:blank")
        page.goto(f"{who.base}/#{address}")
        page.wait_for_function(RESTS)
        for colours, width in looks:
            page.set_viewport_size({"width": width, "height": 900})
            page.locator("label", has=page.locator(f"#{colours}")).click()
            page.evaluate(OPEN)
            page.wait_for_timeout(200)  # what opens is drawn then
            look = f"{language}, {colours}, {width} pixels"
            for one in Axe().run(page).response["violations"]:
                yield from (f"{look}: {one['id']}: {node['html'][:150]}" for node in one["nodes"][:3])
            lacks, wide, widest = page.evaluate(LACKS)
            yield from (f"{look}: nothing takes home {one}" for one in lacks)
            if wide > 0:
                yield f"{look}: {wide} pixels too wide: {widest}"


def check(groups: list[str]) -> int:
    """Look at all views of these groups, print a line for each, and give the number of findings."""
    count = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, studio(Path(home)) as link, \
            sync_playwright() as driver:
        browser = browser_of(driver)
        page = browser.new_context(locale="en", reduced_motion="reduce").new_page()
        page.set_default_timeout(120_000)
        who = Visitor(page, link, Path(home))
        for group in groups or GROUPS:
            for name, address in GROUPS[group](who):
                found = list(findings(who, address))
                print(f"{name:24}{len(found) or 'sound'}", *found, sep="\n    ", flush=True)
                count += len(found)
        browser.close()
    return count


if __name__ == "__main__":
    if found := check(sys.argv[1:]):
        raise SystemExit(f"{found} findings")
