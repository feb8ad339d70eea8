"""A real browser for pages: opened once a file of tests, and silent at the end of each test."""

import os
import shutil
from collections import defaultdict

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here (on Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        rooted = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's sandbox refuses to work for root
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=rooted)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tabs():
    """Blank tabs by what only a new one can have: Chromium takes a second to make it, so each serves many tests."""
    return defaultdict(list)


@pytest.fixture
def show(browser, tabs):
    """Opens a file, with options of a context of Playwright's; at the end nothing may have been asked for or logged."""
    said, opened = [], []

    def open_(path, viewport=None, color_scheme="light", reduced_motion="no-preference", **how):
        free = tabs[repr(sorted(how.items()))]
        page = free.pop() if free else browser.new_context(**how).new_page()
        page.set_viewport_size(viewport or {"width": 1280, "height": 800})
        page.emulate_media(media="null", color_scheme=color_scheme, reduced_motion=reduced_motion)
        page.set_default_timeout(10_000)
        own = path.as_uri(), "about:blank"
        heard = {"request": lambda r: said.append(r.url) if r.url not in own and r.url[:5] != "data:" else None,
                 "console": lambda message: said.append(message.text),
                 "pageerror": lambda error: said.append(str(error))}
        for event, hear in heard.items():
            page.on(event, hear)
        opened.append((page, free, heard))
        page.goto(path.as_uri())
        return page

    yield open_
    for page, free, heard in opened:
        page.mouse.move(0, 0)
        page.goto("about:blank")
        for event, hear in heard.items():
            page.remove_listener(event, hear)
        free.append(page)
    assert said == []
