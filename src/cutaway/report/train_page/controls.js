// How it learns: optimizer, rate, batch size, seed and the optimizer's own settings; fork, start again.
import {make} from "../../drawing/page/elements.js";
import {show} from "../../drawing/page/numbers.js";
import {say} from "./words.js";

export class ControlsView {
  /** @type {Record<string, HTMLInputElement>} the fields of the optimizer's own settings */
  fields = {};

  constructor(app, section) {
    this.app = app;
    const {about} = app, sizes = [];
    for (let n = 1; n < about.most; n *= 2) sizes.push(n);
    for (const n of [about.batch_size, about.most]) if (!sizes.includes(n)) sizes.push(n);
    sizes.sort((a, b) => a - b);
    this.optimizer = this.select(about.optimizers.map(o => [o.name, o.name]), value => this.use(value));
    this.lr = this.number(value => this.setting("lr", value), say("lr"), 0, 1e30);
    this.batch = this.select(sizes.map(n => [n, n === about.rows ? say("all", {n}) : String(n)]), value => app.setUp({batch: Number(value)}, say("changed", {name: say("batch"), value})));
    this.seed = this.number(value => app.setUp({seed: Math.floor(value)}, say("changed", {name: say("seed"), value: Math.floor(value)})), say("seed"), 0, 2 ** 32 - 1);
    this.speed = this.select(["slow", "walk", "run", "fly"].map(w => [w, say(w)]), value => { app.speed = value; });
    this.speed.value = app.speed;
    this.begins = this.select([["first", say("first")], ...(app.starts.trained ? [["trained", say("trained")]] : []), ["fresh", say("fresh")]], value => app.beginFrom(value));
    const labelled = (word, control) => make("label", {}, make("span", {}, say(word)), control);
    this.more = make("details", {}, this.summary = make("summary", {}), this.own = make("div", {class: "fields"}));
    section.append(make("h2", {class: "unseen"}, say("controls")), make("div", {class: "fields"}, labelled("optimizer", this.optimizer), labelled("lr", this.lr), labelled("batch", this.batch),
      labelled("seed", this.seed), labelled("begins", this.begins), labelled("speed", this.speed),
      make("div", {class: "acts"}, make("button", {type: "button", id: "fork", title: say("forkTitle"), click: () => app.fork()}, say("fork")),
        make("button", {type: "button", id: "restart", title: say("restartTitle"), click: () => app.restart()}, say("restart")))), this.more);
  }

  select(options, change) {
    return make("select", {change: event => change(event.target.value)}, options.map(([value, text]) => make("option", {value}, text)));
  }

  number(change, name, least, most) {
    return make("input", {type: "number", step: "any", change: event => {
      const value = Number(event.target.value);
      if (event.target.value === "" || !(value >= least && value <= most)) { this.app.trouble(say("wrongNumber", {name, least, most: most.toLocaleString("en")})); this.draw(); return; }
      change(value);
    }});
  }

  use(name) {
    const {app} = this, opt = app.about.optimizers.find(o => o.name === name);
    app.setUp({optimizer: name, rates: null, settings: {...opt.settings}}, say("used", {name, lr: show(opt.settings.lr)}));
  }

  setting(key, value) { this.app.setUp({...(key === "lr" ? {rates: null} : {}), settings: {...this.app.active.setup.settings, [key]: value}}, say("changed", {name: key === "lr" ? say("lr") : key, value: show(value)})); }

  draw() {
    const {app} = this, {setup} = app.active, put = (field, value) => { if (document.activeElement !== field) field.value = value; };
    put(this.optimizer, setup.optimizer); put(this.lr, setup.rates ? app.machine.slot("RATE") : setup.settings.lr); put(this.batch, setup.batch); put(this.seed, setup.seed);
    if (this.of !== setup.optimizer) {
      this.of = setup.optimizer;
      const keys = Object.keys(setup.settings).filter(k => k !== "lr" && typeof setup.settings[k] === "number");
      this.more.hidden = !keys.length;
      this.summary.textContent = say("more", {name: setup.optimizer});
      this.fields = Object.fromEntries(keys.map(key => [key, this.number(value => this.setting(key, value), key, 0, key === "weight_decay" ? 1e3 : 0.9999999)]));
      const symbols = app.about.optimizers.find(o => o.name === setup.optimizer).symbols;
      this.own.replaceChildren(...keys.map(key => make("label", {}, make("span", {}, `${symbols[key] === key ? "" : `${symbols[key]} `}${key}`), this.fields[key])));
    }
    for (const [key, field] of Object.entries(this.fields)) put(field, setup.settings[key]);
  }
}
