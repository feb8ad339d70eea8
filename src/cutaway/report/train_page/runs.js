// The futures of this page: what was changed in each, and how far they are from one another.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {grid} from "../../drawing/page/tables.js";
import {say} from "./words.js";

export class RunsView {
  constructor(app, section) {
    this.app = app;
    section.append(make("h2", {}, say("runs")), this.box = make("div", {}));
  }

  draw() {
    const {app} = this, {timelines, active} = app, shown = app.machine.copy()["θ"];
    const far = t => { const theta = t.state["θ"]; let sum = 0; for (let k = 0; k < shown.length; k++) sum += (theta[k] - shown[k]) ** 2; return Math.sqrt(sum); };
    this.box.replaceChildren(grid(say("runs"), [say("runs"), say("step"), "J", ...(timelines.length > 1 ? [say("distance")] : []), say("changes"), ...(timelines.length > 1 ? [""] : [])], timelines.map((t, k) => {
      const words = [t.from ? say("forkedFrom", {name: t.from.name, at: t.from.at}) : "", ...t.changes.map(c => say("afterStep", {at: c.at, words: c.words}))].filter(Boolean);
      const row = [make("label", {class: "future"}, make("input", {type: "radio", name: "future", checked: t === active, "data-key": `f${k}`, change: () => app.choose(t)}), make("i", {class: `run r${k % 4}`}), app.nameOf(t)),
        String(t.at), t.at ? show(t.losses[t.at - 1]) : "", t === active ? "" : show(far(t)), words.length ? make("ul", {class: "log"}, words.map(w => make("li", {}, w))) : say("none")];
      if (timelines.length < 2) row.splice(3, 1); else row.push(t === active ? "" : make("button", {type: "button", "aria-label": `${say("remove")}: ${app.nameOf(t)}`, click: () => app.remove(t)}, "×"));
      return row;
    })));
  }
}
