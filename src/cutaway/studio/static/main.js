// The page: what the address says is shown, and shown anew when it changes.

import { home, Stream, Wrong } from "./api.js";
import { at, go, place } from "./address.js";
import { beginView } from "./begin.js";
import { h } from "./dom.js";
import { homeView } from "./home.js";
import { LabView } from "./lab.js";
import { playView } from "./playground.js";
import { RunView } from "./run.js";
import { LANGUAGES, speak, spoken, t } from "./words.js";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const head = /** @type {HTMLElement} */ (document.getElementById("head"));
const said = /** @type {HTMLElement} */ (document.getElementById("said"));

/** @type {RunView | null} the run that is shown */
let view = null;
/** @type {LabView | null} the lab, where that is shown */
let lab = null;
let turn = 0, lost = false;

const stream = new Stream((message) => (lab ?? view)?.hear(message), (there) => {
  if (there === !lost) return;
  lost = !there;
  say(lost ? t("lost") : t("back_again"), lost);
  if (there) home().catch(() => {});
});

/** Say something to everybody: below the page, and to screen readers. @param {string} words @param {boolean} [stays] */
export function say(words, stays) {
  said.textContent = words;
  said.classList.toggle("stays", Boolean(stays));
}

/** Say what went wrong. @param {any} error */
export function sayWrong(error) {
  say(error instanceof Wrong ? (error.message === "lost" ? t("lost") : error.message) : String(error), true);
}

async function show() {
  const here = place(), mine = ++turn;
  try {
    if (here.lab) {
      view = null;
      lab ??= await LabView.make();
      if (mine !== turn) return;
      stream.follow(lab.show(here));
      if (!lab.root.isConnected) main.replaceChildren(lab.root);
      if (!here.shown) focusHead();
      return;
    }
    lab = null;
    if (!here.run && here.play) {
      view = null;
      stream.follow([]);
      const node = await playView(here);
      if (mine !== turn) return;
      main.replaceChildren(node);
      focusHead();
      return;
    }
    if (!here.run) {
      view = null;
      const found = await home();
      if (mine !== turn) return;
      stream.follow([]);
      main.replaceChildren(homeView(found));
      focusHead();
      return;
    }
    if (view?.name !== here.run || view.stage === "begin") {
      const about = await RunView.about(here.run);
      if (mine !== turn) return;
      if (about.state === "new" || about.state === "designed") {
        stream.follow([]);
        view = null;
        main.replaceChildren(h("p", { class: "note" }, t("wait")));
        const node = await beginView(about);
        if (mine !== turn) return;
        main.replaceChildren(node);
        focusHead();
        return;
      }
      view = new RunView(about);
      main.replaceChildren(view.root);
      stream.follow([]);
      await view.load();
    }
    await view?.besides(here.with ? here.with.split(",").slice(0, 4) : []);
    if (mine === turn && view) stream.follow([view.name, ...view.beside.keys()]);
    if (mine === turn) await view?.show(here);
  } catch (error) {
    if (mine === turn) {
      if (!main.hasChildNodes() || !view) main.replaceChildren(h("section", null, h("h1", null, t("studio")),
        h("p", { class: "wrong" }, error instanceof Wrong ? (error.message === "lost" ? t("lost") : error.message) : String(error)),
        h("p", null, h("a", { href: at({}) }, t("home")))));
      sayWrong(error);
    }
  }
}

function focusHead() {
  const first = main.querySelector("h1");
  if (first) {
    first.tabIndex = -1;
    first.focus({ preventScroll: true });
  }
}

function frame() {
  const choice = localStorage.getItem("colours") ?? "auto";
  const colours = ["auto", "light", "dark"].map((name) => h("label", null,
    h("input", { type: "radio", name: "theme", id: name, checked: name === choice,
      onchange: () => localStorage.setItem("colours", name) }), t(name)));
  const languages = h("select", { "aria-label": t("language"), onchange: (/** @type {any} */ event) => {
    localStorage.setItem("language", event.target.value);
    speak(event.target.value);
    frame();
    view = lab = null;
    show();
  } }, Object.entries(LANGUAGES).map(([name, own]) => h("option", { value: name, lang: name, selected: name === spoken() }, own)));
  head.replaceChildren(h("a", { class: "brand", href: at({}) }, h("span", { class: "mark", "aria-hidden": "true" }), t("studio")),
    h("div", { class: "tools" }, h("a", { href: at({ lab: "all" }) }, t("lab")), languages, h("fieldset", { class: "theme" }, h("legend", null, t("colours")), colours)));
}

speak(localStorage.getItem("language") ?? (navigator.language.startsWith("ar") ? "ar" : "en"));
frame();
addEventListener("hashchange", () => { say(""); show(); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => { if (place().run) { event.preventDefault(); go(at({})); } });
home().then(show, show);
