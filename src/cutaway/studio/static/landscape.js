// The loss around a run's own path: the plane closest to it, coarse at first, then finer while somebody looks.

import { from, go, place } from "./address.js";
import { ask } from "./api.js";
import { h, short } from "./dom.js";
import { sayWrong } from "./main.js";
import { cellsPanel } from "./panels.js";
import { t } from "./words.js";

/** @param {any} view @param {Record<string, string>} here */
export async function landscapeView(view, here) {
  const fork = Number(here.fork) || 0, root = h("div"), picture = h("div"), bar = h("progress", { max: 1, value: 0, "aria-label": t("see_landscape") });
  let going = true;
  const stop = h("button", { type: "button", onclick: () => { going = false; stop.remove(); bar.remove(); } }, t("stop"));
  root.append(h("p", { class: "note" }, t("landscape_says")), picture, h("div", { class: "row tight" }, bar, stop));
  const draw = (/** @type {any} */ found) => {
    bar.max = found.of;
    bar.value = found.done;
    if (found.a.length) picture.replaceChildren(drawn(found, view, fork));
  };
  let found = await ask(view.name, "landscape", { fork });
  draw(found);
  (async () => {
    await new Promise((done) => setTimeout(done, 0));
    while (going && found.done < found.of && place().see === "landscape" && root.isConnected) {
      const shape = found.a.length, known = found.real.filter((/** @type {any} */ v) => v !== null).length;
      found = await ask(view.name, "landscape", { fork, until: found.until });
      if (found.a.length !== shape || found.real.filter((/** @type {any} */ v) => v !== null).length !== known) draw(found);
      bar.value = found.done;
    }
    stop.remove();
    bar.remove();
  })().catch(sayWrong);
  return root;
}

/** @param {any} found @param {any} view @param {number} fork */
function drawn(found, view, fork) {
  const n = found.path.length, first = found.real[0], last = found.real[n - 1], low = Math.min(...found.J.flat().filter((/** @type {any} */ v) => v !== null));
  const says = t("landscape_found", { rows: found.rows.toLocaleString("en"), n: found.until.toLocaleString("en"), first: short(first), last: short(last), low: short(low),
    share: short(Math.round(100 * found.share)), weights: found.weights.toLocaleString("en"), away: short(Math.max(...found.away)) });
  return cellsPanel({ title: t("see_landscape"), x: "way_1", y: "way_2", z: found.J, across: found.a, up: found.b, scale: "log", contours: true, square: true, says, what: "loss",
    paths: [...(found.beside.length ? [{ label: "first_future", points: found.beside, told: found.steps.map((/** @type {number} */ step) => [step.toLocaleString("en"), ""]) }] : []),  // in the order, and so the colours, of the curve above
      { label: fork ? t("fork_n", { n: fork }) : "own_path", points: found.path, told: found.steps.map((/** @type {number} */ step, /** @type {number} */ k) => [step.toLocaleString("en"), short(found.real[k])]) }] },
  (i, j) => {
    let best = 0, least = Infinity;
    found.path.forEach((/** @type {number[]} */ [a, b], /** @type {number} */ k) => { const d = (a - found.a[j]) ** 2 + (b - found.b[i]) ** 2; if (d < least) { least = d; best = k; } });
    go(from(["run", "fork"], { step: Math.max(1, Math.min(view.losses[Number(place().fork) || 0]?.length ?? 1, found.steps[best] + 1)) }));
  });
}
