"""A real browser for pages: opened once a file of tests, and silent at the end of each test."""

import os
import shutil

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


@pytest.fixture
def show(browser):
    """Opens a file; at the end nothing may have been asked for or logged."""
    said, contexts = [], []

    def open_(path, **how):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda r: said.append(r.url) if r.url != path.as_uri() and r.url[:5] != "data:" else None)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert said == []
