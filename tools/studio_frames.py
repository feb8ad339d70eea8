"""Count the frames a second that the studio's page keeps while networks train, and what a frame costs the page.

    python tools/studio_frames.py [SECONDS]

SECONDS: how long each view is watched, 10 unless given. A view prints the events a second that reached the page, frames
a second, the milliseconds of the page's main thread between two frames (all of it, and the part that is script), both
in its own processor time, the longest time between two frames, and the machine's load. A page that keeps 50 frames a
second has 20 ms for each; other programs on the machine take frames away, and no processor time of the page. It takes
Playwright and Chromium.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from check_studio import Visitor
from draw_studio import browser_of, studio
from playwright.sync_api import Page, sync_playwright

#: Long runs whose epochs are short: some hundred events a second.
LONG = {"preset": "fast", "hidden": "8,8", "batch_size": 100, "epochs": 100_000, "patience": 0}
#: Frames, the longest pause and events, of so many milliseconds.
WATCH = """time => new Promise(give => {
  const begin = performance.now(), told = window.told ?? 0;
  let frames = 0, last = begin, longest = 0;
  const frame = now => {
    frames += 1;
    longest = Math.max(longest, now - last);
    last = now;
    const each = count => count / (now - begin) * 1000;
    if (now - begin < time) requestAnimationFrame(frame);
    else give([each(frames), longest, each((window.told ?? 0) - told)]);
  };
  requestAnimationFrame(frame);
})"""
#: Counts the events that the page is told of.
COUNT = """const Own = window.EventSource;
window.EventSource = class extends Own {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", event => {
      window.told = (window.told ?? 0) + JSON.parse(event.data).events.length;
    });
  }
};"""


def views(who: Visitor) -> Iterator[tuple[str, str]]:
    """The pages that are watched, each with its runs at work, by name and address."""
    def begun(run: str, target: str, **choices: object) -> str:
        who.ask(run, "design", target=target, choices=LONG | choices)
        who.ask(run, "train")
        return run

    def made(name: str, target: str) -> str:
        return who.post("/api/samples", name=name, rows=300, noise=0.2, seed=0, inputs=["x1", "x2"])["run"]

    run, other = (begun(who.flats(), "price", seed=k) for k in (0, 1))
    yield "two runs beside each other", f"run={run}&with={other}"
    who.ask(other, "stop")
    yield "training", f"run={run}"
    yield "training, with a step open", f"run={run}&step=3"
    who.ask(run, "stop")
    run = begun(made("spirals", "class"), "class")
    yield "playground, training", f"run={run}"
    who.ask(run, "stop")


def watch(page: Page, seconds: float) -> str:
    """Watch the page as it stands."""
    work = page.context.new_cdp_session(page)
    work.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> dict[str, float]:
        return {one["name"]: one["value"] for one in work.send("Performance.getMetrics")["metrics"]}

    before = spent()
    each, longest, events = page.evaluate(WATCH, 1000 * seconds)
    after = spent()
    task, script = (1000 * (after[f"{name}Duration"] - before[f"{name}Duration"]) / (each * seconds)
                    for name in ("Task", "Script"))
    work.detach()
    return (f"{events:7.0f} events/s {each:6.1f} frames/s {task:7.2f} ms a frame, {script:5.2f} of it script; longest "
            f"{longest:5.0f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, studio(Path(home)) as link, \
            sync_playwright() as driver:
        browser = browser_of(driver)
        page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en").new_page()
        page.add_init_script(COUNT)
        page.set_default_timeout(120_000)
        who = Visitor(page, link, Path(home))
        for name, address in views(who):
            page.goto("about:blank")
            page.goto(f"{who.base}/#{address}")
            page.locator("main path.line").first.wait_for()
            time.sleep(3)  # what happened before is told at once
            print(f"{name:28}{watch(page, seconds)}", flush=True)
        browser.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 10.0)
