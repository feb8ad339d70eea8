"use strict";
// What pages with a script share. Each is one text: this file, then the page's own.
const $ = id => document.getElementById(id);
const page = JSON.parse(document.querySelector("script[type='application/json']").textContent);

/** An element: make("p", {class: "note"}, "text", child). Text is always text, never markup. */
function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "circle", "rect", "path", "text", "title", "image", "tspan"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter(child => child !== null && child !== undefined));
  return made;
}

/** A number with four digits and a true minus sign. */
function show(value) {
  if (typeof value === "bigint") return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const rounded = Number(value.toPrecision(4));
  const text = rounded !== 0 && (Math.abs(rounded) < 1e-4 || Math.abs(rounded) >= 1e7) ? rounded.toExponential() : String(rounded);
  return text.replace("-", "−").replace("e−", "e−").replace("e+", "e");
}

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
}
$("help").addEventListener("click", () => $("keys").showModal());

