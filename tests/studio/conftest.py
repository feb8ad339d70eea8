"""A studio that runs, guarded as always, in a thread of the tests; a client that was let in; a browser."""

import os
import shutil
import threading
import time

import httpx
import pytest

from cutaway.studio.command import serve, socket_on
from cutaway.studio.folder import runs
from cutaway.studio.processes import Processes

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Running:
    """A studio at `base`; `home` is its folder, `again` gives a link that opens it once."""

    def __init__(self, home):
        self.home = home
        home.mkdir()
        links, sock = [], socket_on(0)
        self.base = f"http://127.0.0.1:{sock.getsockname()[1]}"
        self.port = sock.getsockname()[1]
        self.thread = threading.Thread(target=serve, args=(sock, home, None, links.append), daemon=True)
        self.thread.start()
        while not links:
            time.sleep(0.01)
        self.link = links[0]

    def client(self, link=None):
        client = httpx.Client(base_url=self.base, timeout=120, trust_env=False)
        assert client.get(link or self.link).status_code == 303
        client.headers.update({"origin": self.base, "x-cutaway": client.get("/api/home").json()["token"]})
        return client

    def fresh_link(self):
        import json
        again = json.loads((self.home / "studio.json").read_text())["again"]
        key = httpx.post(f"{self.base}/again", headers={"x-again": again}, trust_env=False).json()["key"]
        return f"{self.base}/start?key={key}"


@pytest.fixture(scope="session")
def studio(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("studio") / "home")
    yield running
    for run in runs(running.home, 100):
        Processes(running.home).end(run)


@pytest.fixture(scope="session")
def client(studio):
    client = studio.client(studio.fresh_link())
    yield client
    client.close()


@pytest.fixture(scope="module")
def page(studio):
    """A page of the studio in a real browser. Nothing but the studio may be asked for, and nothing be logged.

    It ends with its file: two of Playwright's drivers cannot be open in one process.
    """
    if CHROMIUM is None:
        pytest.skip("no Chromium here (on Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    said = []
    with sync_playwright() as driver:
        rooted = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[
            *rooted, "--host-resolver-rules=MAP evil.test 127.0.0.1"])  # as a name that is bound anew
        page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en",
                                   reduced_motion="reduce").new_page()
        page.set_default_timeout(60_000)
        own = studio.base, f"blob:{studio.base}"
        page.on("request", lambda r: None if r.url.startswith(own) else said.append(r.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(studio.fresh_link())
        yield page
        browser.close()
    assert said == []
