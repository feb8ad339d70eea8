// The playground: made points, what a network is given of them, and how it learns; the address holds every control.

import { at, go, place } from "./address.js";
import { ask, home, post } from "./api.js";
import { h, kept, s } from "./dom.js";
import { say, sayWrong } from "./main.js";
import { drawn } from "./plane.js";
import { known, t } from "./words.js";

const SIZE = 336, PAUSE = 1200;
const START = { play: "spirals", rows: "400", noise: "0.2", seed: "0", inputs: "x1,x2", hidden: "6,4", activation: "tanh", optimizer: "Adam", lr: "0.03",
  batch_size: "10", penalty: "none", decay: "0.001", dropout: "0", epochs: "60", test: "0.3" };
const CHOICES = ["hidden", "activation", "optimizer", "lr", "batch_size", "penalty", "decay", "dropout", "epochs", "seed", "test"];
const OPTIONS = { activation: ["tanh", "relu", "sigmoid", "identity", "gelu", "elu"], optimizer: ["SGD", "Momentum", "Nesterov", "AdaGrad", "RMSProp", "Adam", "AdamW"],
  penalty: ["none", "L1", "L2"], decay: ["0.0001", "0.001", "0.01", "0.03", "0.1"], lr: ["0.0003", "0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3"] };
/** What goes before an option's name to find its words. @type {Record<string, string>} */
const NAMED = { play: "", penalty: "penalty_" };
const LIMITS = { rows: [20, 5000], seed: [0, 2147483647], batch_size: [1, 5000], epochs: [1, 10000], noise: [0, 10], dropout: [0, 0.9], test: [0.05, 0.9] };

/** All controls; an address from before there was L1 has a decay alone, of L2. @param {Record<string, string>} here */
function whole(here) {
  return /** @type {Record<string, string>} */ ({ ...START, penalty: Number(here.decay) ? "L2" : START.penalty, ...here });
}

/** @param {Record<string, string>} here */
export function playAddress(here) {
  const all = whole(here);
  return at(Object.fromEntries(Object.keys(START).map((name) => [name, all[name]])));
}

/** The playground as the address has it. @param {Record<string, string>} here */
export async function playView(here) {
  const found = await home(), now = whole(here);
  if (!found.made.includes(now.play)) now.play = START.play;
  const picture = h("div"), count = h("p", { class: "note", "aria-live": "polite" });
  let turn = 0, target = "class";
  const asked = () => ({ name: now.play, rows: Number(now.rows), noise: now.noise === "" ? null : Number(now.noise), seed: Number(now.seed), inputs: now.inputs.split(",").filter(Boolean) });

  async function look() {
    history.replaceState(null, "", playAddress(now));
    const mine = ++turn;
    try {
      const made = await post("/api/made", asked());
      if (mine !== turn) return;
      target = made.classes.length ? "class" : "y";
      picture.replaceChildren(...points(made, now.play));
      count.textContent = t("steps_to_do", { n: (Math.ceil(Number(now.rows) * (1 - Number(now.test)) * 0.9 / Number(now.batch_size)) * Number(now.epochs)).toLocaleString("en") });
      say("");
    } catch (error) {
      if (mine === turn) sayWrong(error);
    }
  }
  const change = (/** @type {string} */ name, /** @type {string} */ value) => { now[name] = value; look(); };
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {any} */ node) => h("div", { class: "field" }, h("label", { for: `play-${name}` }, label), node);
  const number = (/** @type {string} */ name, /** @type {string} */ label) => {
    const [min, max] = /** @type {any} */ (LIMITS)[name];
    return field(name, label, h("input", { id: `play-${name}`, type: "number", required: true, min, max, step: max < 20 ? "any" : 1, value: now[name], dir: "ltr",
      onchange: (/** @type {any} */ event) => { if (event.target.reportValidity()) change(name, event.target.value); } }));
  };
  const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string[]} */ options) => field(name, label, h("select", { id: `play-${name}`, onchange: (/** @type {any} */ event) => change(name, event.target.value) },
    [...new Set([...options, now[name]])].map((one) => h("option", { value: one, selected: one === now[name] }, known(NAMED[name] + one) ? t(NAMED[name] + one) : one))));
  const inputs = h("fieldset", { class: "ticks" }, h("legend", null, t("inputs_given")), found.inputs.map((/** @type {string} */ one) => h("label", { dir: "ltr" },
    h("input", { type: "checkbox", value: one, checked: now.inputs.split(",").includes(one), onchange: (/** @type {any} */ event) => {
      const chosen = found.inputs.filter((/** @type {string} */ name) => (name === one ? event.target.checked : now.inputs.split(",").includes(name)));
      if (!chosen.length) { event.target.checked = true; say(t("one_input"), true); return; }
      change("inputs", chosen.join(","));
    } }), ` ${one}`)));
  const hidden = field("hidden", t("hidden"), h("input", { id: "play-hidden", value: now.hidden, dir: "ltr", autocomplete: "off", onchange: (/** @type {any} */ event) => change("hidden", event.target.value.replace(/\s+/g, "")) }));
  const layers = h("span", { class: "row tight" }, h("button", { type: "button", onclick: () => layer(1) }, t("layer_more")), h("button", { type: "button", onclick: () => layer(-1) }, t("layer_less")));
  const layer = (/** @type {number} */ by) => {
    const sizes = now.hidden.split(",").filter(Boolean);
    if (by > 0) sizes.push(sizes[sizes.length - 1] ?? "4"); else if (sizes.length > 1) sizes.pop();
    /** @type {any} */ (hidden.querySelector("input")).value = now.hidden = sizes.join(",");
    look();
  };
  const again = h("button", { type: "button", onclick: () => { const seed = String((Number(now.seed) + 1) % 10000); /** @type {any} */ (main.querySelector("#play-seed")).value = seed; change("seed", seed); } }, t("other_points"));
  const start = h("button", { type: "button", class: "strong", onclick: async () => {
    start.disabled = true;
    say(t("designing"), true);
    try {
      const { run } = await post("/api/samples", asked());
      const choices = { preset: "fast", patience: "0", ...Object.fromEntries(CHOICES.map((name) => [name, now[name]]).filter(([, value]) => value !== "")) };
      await ask(run, "design", { target, columns: {}, choices });
      await ask(run, "train");
      say("");
      go(at({ run, live: 1 }));
    } catch (error) {
      sayWrong(error);
      start.disabled = false;
    }
  } }, t("train"));
  const main = h("div", null, h("section", null, h("p", { class: "kicker" }, h("a", { href: at({}) }, t("home"))), h("h1", null, t("playground_short")), h("p", { class: "lead" }, t("play_lead")),
    h("div", { class: "pair" },
      h("div", null, h("h2", null, t("the_points")), h("div", { class: "fields" }, select("play", t("problem"), found.made), number("rows", t("rows_made")), number("noise", t("noise")), number("seed", t("seed")), number("test", t("test_share"))), again, picture),
      h("div", null, h("h2", null, t("learning")), inputs, h("div", { class: "fields" }, hidden, select("activation", t("activation"), OPTIONS.activation), select("optimizer", t("optimizer_name"), OPTIONS.optimizer),
        select("lr", t("lr"), OPTIONS.lr), number("batch_size", t("batch_size")), select("penalty", t("penalty"), OPTIONS.penalty), select("decay", t("decay"), OPTIONS.decay), number("dropout", t("dropout")), number("epochs", t("epochs"))), layers,
        h("div", { class: "act" }, start, count), h("p", { class: "note" }, t("play_share"))))));
  await look();
  return main;
}

/** A picture of made points, with its sentence. @param {any} made @param {string} name */
function points(made, name) {
  const ends = [0, 1].map((k) => { const v = made.points.map((/** @type {number[]} */ p) => p[k]); return [Math.min(...v), Math.max(...v)]; });
  const to = (/** @type {number} */ v, /** @type {number} */ k) => 10 + (SIZE - 20) * (v - ends[k][0]) / (ends[k][1] - ends[k][0] || 1);
  const values = made.points.map((/** @type {number[]} */ p) => p[2]), low = Math.min(...values), span = Math.max(...values) - low || 1;
  const spots = made.points.map((/** @type {number[]} */ [x, y, v]) => {
    const k = made.classes.length ? v : made.curve ? 0 : Number((v - low) / span > 0.5), cx = to(x, 0), cy = SIZE - to(y, 1);
    const full = made.classes.length || made.curve ? 1 : 0.15 + 1.7 * Math.abs((v - low) / span - 0.5);
    return k % 2 ? s("rect", { x: cx - 3, y: cy - 3, width: 6, height: 6, class: `spot m${k % 5}`, "fill-opacity": full.toFixed(2) }) : s("circle", { cx, cy, r: 3.2, class: `spot m${k % 5}`, "fill-opacity": full.toFixed(2) });
  });
  const says = made.classes.length ? made.classes.map((/** @type {string} */ one, /** @type {number} */ k) => `${one} ${values.filter((/** @type {number} */ v) => v === k).length}`).join(", ") : t("number");
  return [kept(t("the_points"), h("div", { class: "sheet", role: "img", "aria-label": `${t(name)}: ${says}` }, s("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, "aria-hidden": "true" }, spots))),
    h("p", { class: "note" }, `${t(name)}: ${says}`)];
}

/** What a network on made points says now, below its curve, while it trains and after. @param {any} view of a run */
export function livePlane(view) {
  const root = h("div", { class: "plane" });
  let last = 0, busy = false;
  const draw = async () => {
    const step = view.losses[0].length;
    if (busy || !step || step === last || place().step || !root.isConnected) { root.hidden = Boolean(place().step); return; }
    busy = true;
    root.hidden = false;
    try {
      last = step;
      const found = await ask(view.name, "regions", { step });
      root.replaceChildren(h("h2", null, t("plane_now")), ...drawn(found, null, null));
    } catch { /* it is asked again with the next step */ }
    setTimeout(() => { busy = false; if (view.losses[0].length !== last) draw(); }, PAUSE);
  };
  return { root, draw };
}

/** The playground's address for a run on made points. @param {any} about */
export function playedAddress(about) {
  const choices = about.choices ?? {}, made = about.made;
  return playAddress({ ...Object.fromEntries(CHOICES.filter((name) => choices[name] !== undefined).map((name) => [name, String(choices[name])])), play: made.name, rows: String(made.rows ?? 400),
    noise: made.noise === null || made.noise === undefined ? "" : String(made.noise), seed: String(made.seed ?? 0), inputs: (made.inputs ?? ["x1", "x2"]).join(",") });
}
