"""A page that trains: how long it takes to start and to do a step in Chromium, beside the CPU engine and TensorFlow.js.

    npm pack @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0    # into a folder, once; nothing is installed
    python -m benchmarks.page --tfjs FOLDER

Workload A of mlp.py: 20-64-32-1, 2,000 rows, batches of 32. TensorFlow.js is loaded into the same page and does its
steps between ours, with Adam, since it has no AdamW, on one batch that stays where it is.
"""

import argparse
import json
import os
import shutil
import statistics
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import cutaway as ct

ROUNDS, STEPS, STARTS = 8, 62, 7
PLACE = "https://tfjs.invalid/"  # where the page believes the backend's modules to be; requests are answered here
SCRIPTS = ("tf.min.js", "tf-backend-wasm.min.js")

OURS = """async steps => {
  const text = async t => new Uint8Array(await new Response(new Response(
    Uint8Array.from(atob(t), c => c.charCodeAt(0))).body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  if (!window.ours) {
    const page = JSON.parse(document.querySelector('script[type="application/json"]').textContent);
    const manifest = JSON.parse(new TextDecoder().decode(await text(page.manifest)));
    const {instance} = await WebAssembly.instantiate(await text(page.wasm));
    window.ours = {p: manifest.programs.AdamW, exports: instance.exports};
  }
  const {p, exports} = window.ours, slots = new Int32Array(exports.memory.buffer);
  slots[p.slots.BATCH >> 2] = 32; slots[p.slots.ROWS >> 2] = 1984; slots[p.slots.POSITION >> 2] = 0;
  const start = performance.now();
  if (exports.run(p.number, steps) !== steps) throw Error("it stopped");
  return (performance.now() - start) * 1000 / steps;
}"""
THEIRS = """async ([place, backend, kind, steps]) => {
  tf.wasm.setWasmPaths(place);
  await tf.setBackend(backend);
  await tf.ready();
  const made = window.made = window.made || {}, key = backend + kind;
  if (!made[key]) {
    const {dense, conv2d, maxPooling2d, flatten, lstm} = tf.layers, relu = "relu";
    const layers = {
      mlp: () => [dense({units: 64, activation: relu, inputShape: [20]}), dense({units: 32, activation: relu})],
      cnn: () => [conv2d({filters: 8, kernelSize: 3, activation: relu, inputShape: [8, 8, 1]}),
                  maxPooling2d({poolSize: 2}), flatten()],
      rnn: () => [lstm({units: 8, inputShape: [6, 2]})],
    }[kind]();
    const model = tf.sequential({layers: [...layers, dense({units: 1})]}), optimizer = tf.train.adam(0.001);
    const X = tf.randomNormal([32, ...layers[0].batchInputShape.slice(1)]), y = tf.randomNormal([32, 1]);
    const weights = model.trainableWeights.map(w => w.val);
    made[key] = () => optimizer.minimize(() => tf.losses.meanSquaredError(y, model.apply(X)), true, weights).dispose();
    for (let k = 0; k < 5; k++) made[key]();
  }
  const start = performance.now();
  for (let k = 0; k < steps; k++) made[key]();
  return (performance.now() - start) * 1000 / steps;
}"""
READY = """new MutationObserver(() => {
  if (document.body && document.body.dataset.ready) window.at ??= performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true})"""


def task() -> tuple[Any, np.ndarray, np.ndarray, Any]:
    rng = np.random.default_rng(0)
    return (ct.nn.MLP(20, [64, 32], 1).init(0), rng.standard_normal((2000, 20), np.float32),
            rng.standard_normal(2000, np.float32), ct.optim.AdamW(1e-3))


def starts(browser: Any, path: Path) -> dict[str, float]:
    """Seconds from the navigation to a page that answers: processor time of its thread, and by the clock."""
    busy, clock = [], []
    for _ in range(STARTS):
        context = browser.new_context()
        tab = context.new_page()
        tab.add_init_script(READY)
        tools = context.new_cdp_session(tab)
        tools.send("Performance.enable", {"timeDomain": "threadTicks"})
        tab.goto(path.as_uri(), wait_until="commit")
        tab.locator("body[data-ready]").wait_for()
        found = {m["name"]: m["value"] for m in tools.send("Performance.getMetrics")["metrics"]}
        busy.append(found["TaskDuration"])
        clock.append(tab.evaluate("window.at") / 1000)
        context.close()
    return {"processor": statistics.median(busy), "clock": statistics.median(clock), "least": min(clock)}


def packed(folder: Path) -> dict[str, bytes]:
    """The files of TensorFlow.js that a page needs, by their names, out of npm's archives."""
    found = {}
    for archive in sorted(folder.glob("*.tgz")):
        with tarfile.open(archive) as tar:
            for member in tar:
                name = Path(member.name).name
                if "/dist/" in member.name and (name in SCRIPTS or name.endswith(".wasm")):
                    found[name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    return found


def steps(browser: Any, path: Path, theirs: dict[str, bytes]) -> dict[str, float | str]:
    """Microseconds of a step, the best of some rounds, in which everybody takes turns."""
    model, X, y, optimizer = task()
    program = ct.compile(model, "mse", optimizer, batch_size=32, threads=1)
    program.feed(X, y)
    order = np.arange(1984)
    tab = browser.new_context(bypass_csp=True).new_page()  # our page's policy would not let TensorFlow.js in
    tab.route(PLACE + "*", lambda route: route.fulfill(
        body=theirs[route.request.url.removeprefix(PLACE)], content_type="application/wasm",
        headers={"Access-Control-Allow-Origin": "*"}))
    tab.goto(path.as_uri())
    tab.locator("body[data-ready]").wait_for()
    for name in SCRIPTS:
        if name in theirs:
            tab.add_script_tag(content=theirs[name].decode())
    found: dict[str, float | str] = {}
    for _ in range(ROUNDS):
        start = time.perf_counter()
        program.engine.run(order, 0, STEPS)
        turn = {"CPU engine": (time.perf_counter() - start) * 1e6 / STEPS, "page": tab.evaluate(OURS, STEPS)}
        if theirs:
            turn["TensorFlow.js wasm"] = tab.evaluate(THEIRS, [PLACE, "wasm", "mlp", 30])
            turn["TensorFlow.js cpu"] = tab.evaluate(THEIRS, [PLACE, "cpu", "mlp", 3])
        found = {name: min(value, found.get(name, value)) for name, value in turn.items()}  # type: ignore[type-var]
    for kind in ("cnn", "rnn") if theirs else ():
        try:
            found[f"TensorFlow.js wasm, a small {kind}"] = tab.evaluate(THEIRS, [PLACE, "wasm", kind, 30])
        except Exception as error:  # what it says is the result
            found[f"TensorFlow.js wasm, a small {kind}"] = str(error).splitlines()[0]
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--tfjs", type=Path, help="a folder with npm's archives of tfjs and tfjs-backend-wasm")
    folder = parser.parse_args().tfjs
    model, X, y, optimizer = task()
    with tempfile.TemporaryDirectory() as place, sync_playwright() as driver:
        path = Path(place) / "a.html"
        ct.to_page(model, X, y, optimizer=optimizer, path=path)
        rooted = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=rooted)
        found = {"chromium": browser.version, "bytes": path.stat().st_size, "load": os.getloadavg()[0],
                 "start": starts(browser, path), "step": steps(browser, path, packed(folder) if folder else {})}
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
