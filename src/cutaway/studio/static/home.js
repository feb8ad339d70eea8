// The beginning: a file is dropped or chosen, a sample taken, or an earlier run opened.

import { at, go } from "./address.js";
import { post, send } from "./api.js";
import { h, table } from "./dom.js";
import { say, sayWrong } from "./main.js";
import { playAddress } from "./playground.js";
import { t } from "./words.js";

/** @param {any} found what the server has @returns {HTMLElement} */
export function homeView(found) {
  const picker = h("input", { type: "file", id: "file", class: "unseen", onchange: () => picker.files?.[0] && take(picker.files[0]) });
  const drop = h("div", { class: "drop" },
    h("p", null, t("drop")), picker, h("label", { for: "file", class: "button strong" }, t("choose")),
    h("p", { class: "note" }, t("larger"), " ", h("code", { dir: "ltr" }, "cutaway studio PATH")));
  drop.addEventListener("dragenter", () => drop.classList.add("over"));
  drop.addEventListener("dragleave", (/** @type {DragEvent} */ event) => {
    if (!drop.contains(/** @type {Node} */ (event.relatedTarget))) drop.classList.remove("over");
  });
  drop.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
  const samples = found.samples.map((/** @type {string} */ name) => h("button", { type: "button", class: "card", onclick: () =>
    begin(() => post("/api/samples", { name }).then((answer) => answer.run)) }, h("b", null, t(name)), h("span", null, t(`${name}_is`))));
  const play = h("a", { class: "button card", href: playAddress({}) }, h("b", null, t("playground")), h("span", null, t("made_is")));
  const runs = found.runs.map((/** @type {any} */ run) => [h("a", { href: at({ run: run.run }), dir: "auto" }, run.name), run.target ?? "",
    t(run.state), t("steps_done", { n: run.done.toLocaleString("en") })]);
  return h("div", null, h("section", { class: "hero" }, h("h1", null, t("studio")), h("p", { class: "lead" }, t("lead")), drop),
    h("section", null, h("h2", null, t("samples")), h("div", { class: "cards" }, samples, play)),
    h("section", null, h("h2", null, t("runs")), runs.length ? table(t("runs"), [t("run"), t("target_short"), t("state"), t("step")], runs, { class: "plain" }) : h("p", { class: "note" }, t("no_runs"))));
}

/** @param {File} file */
function take(file) {
  say(t("sending", { name: file.name }), true);
  begin(() => send(file));
}

/** @param {() => Promise<string>} make */
async function begin(make) {
  try {
    const run = await make();
    say("");
    go(at({ run }));
  } catch (error) {
    sayWrong(error);
  }
}
