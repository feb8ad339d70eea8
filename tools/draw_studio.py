"""Draw the pictures of docs/studio.md: a studio of its own, on data that ship, as Chromium shows it.

    python tools/draw_studio.py [FOLDER]

FOLDER: docs/studio unless given. It takes Playwright, Chromium and Pillow, and about a minute.
"""

import io
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from cutaway.studio.command import serve, socket_on
from cutaway.studio.folder import runs
from cutaway.studio.processes import Processes

DOCS = Path(__file__).resolve().parent.parent / "docs" / "studio"
SIZE: Any = {"width": 1100, "height": 720}
COLOURS = 96  # of a picture: more cannot be told apart, and make it larger
MOST = 150_000  # bytes of a picture


@contextmanager
def studio(home: Path) -> Iterator[str]:
    """Serve a studio for as long as it is needed; give the link that opens it."""
    links: list[str] = []
    threading.Thread(target=serve, args=(socket_on(0), home, None, links.append), daemon=True).start()
    while not links:
        time.sleep(0.01)
    try:
        yield links[0]
    finally:
        for run in runs(home, 100):
            Processes(home).end(run)


def browser_of(driver: Playwright) -> Browser:
    """Start the Chromium of this machine."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    return driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else [])


def design(page: Page) -> None:
    """The houses: what was understood of each column, and the design with its reasons."""
    page.get_by_role("button", name="House prices").click()
    page.get_by_role("button", name="Design the network").click()
    page.get_by_role("button", name="Train", exact=True).wait_for()


def playground(page: Page) -> None:
    """Points in a plane, and how a network is to learn them."""
    page.get_by_role("link", name="Cutaway studio").click()
    page.get_by_role("link", name="Playground").click()
    page.locator(".sheet .spot").first.wait_for()


def train(page: Page) -> None:
    """The playground's network, trained to the end."""
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".badge.done").wait_for()
    curve = page.get_by_role("slider", name="The loss of each step")
    curve.press("End")
    for _ in range(12):
        curve.press("PageDown")


def step(page: Page) -> None:
    """A step of it, with what the network says over the plane."""
    page.get_by_role("slider", name="The loss of each step").press("Enter")
    page.locator("#below .plane canvas").wait_for()


def row(page: Page) -> None:
    """A row of its batch: the network drawn for it."""
    page.locator("table.batch a").first.click()
    page.locator(".drawing svg").wait_for()


def weight(page: Page) -> None:
    """A weight: the chain rule with its numbers, and the update in parts."""
    page.locator(".layer").nth(1).locator("a.unit").first.click()
    page.get_by_role("heading", name="The weights that it reads with").wait_for()
    page.locator("#below table.plain a").first.click()
    page.locator("#chain .formula").first.wait_for()
    page.locator("#below .chart path.line").wait_for()


#: What is drawn: what leads there from the picture before, and the place that stands at the top.
PICTURES: dict[str, tuple[Callable[[Page], None], str]] = {
    "design": (design, "table.design"), "playground": (playground, "main .pair"), "train": (train, "main"),
    "step": (step, "#below .plane"), "row": (row, ".drawing"), "weight": (weight, "#chain")}


def draw(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, studio(Path(home)) as link, sync_playwright() as driver:
        browser = browser_of(driver)
        page = browser.new_context(viewport=SIZE, locale="en", reduced_motion="reduce").new_page()
        page.set_default_timeout(300_000)
        page.goto(link)
        for name, (lead, top) in PICTURES.items():
            lead(page)
            for theme in ("light", "dark") if name == "weight" else ("light",):
                page.locator("label", has=page.locator(f"#{theme}")).click()
                page.locator(top).first.evaluate("one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 110)")
                page.mouse.move(0, 0)
                page.wait_for_timeout(200)
                write(out / f"{name}{'-dark' if theme == 'dark' else ''}.png", page.screenshot())
        browser.close()


def write(path: Path, shot: bytes) -> None:
    """Write a picture with few colours, which is small."""
    picture: Any = Image.open(io.BytesIO(shot)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.name}: {size:,} bytes")
    if size > MOST:
        raise SystemExit(f"{path} has {size:,} bytes: a picture of the pages has at most {MOST:,}")


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
