// What sealed pages share: their data stand in the page as JSON, and their dialogs are closed alike.
import { $ } from "../drawing/page/elements.js";

/** @type {any} what Python put into the page */
export const page = JSON.parse(document.querySelector("script[type='application/json']")?.textContent ?? "null");

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
}
$("help").addEventListener("click", () => $("keys").showModal());
