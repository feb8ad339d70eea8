// Buttons and keys of pages that go from step to step.

/** Show that a page plays, or that it stands. @param {any} button @param {boolean} on @param {string} label what it does now */
export function showPlaying(button, on, label) {
  button.setAttribute("aria-label", label);
  button.title = label;
  button.querySelector("path").setAttribute("d", on ? "M7 5v14M17 5v14" : "M7 4l13 8-13 8z");
}

/**
 * Let keys act, unless somebody types or a dialog is open. "?" opens the dialog that tells them all.
 * @param {(key: string) => (() => void) | undefined} action what a key does
 * @param {(() => void) | null} [space] what the space bar does, where no button has it
 */
export function onKeys(action, space) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const on = /** @type {Element} */ (event.target);
    if (event.key === "?" && !on.closest("input:not([type=checkbox], [type=radio], [type=range])")) {
      /** @type {HTMLDialogElement} */ (document.getElementById("keys")).showModal();
      return;
    }
    if (on.closest("input:not([type=checkbox]), select, .wide")) return;
    const act = event.key !== " " ? action(event.key) : on.closest("button, input, select, summary, a") ? null : space;
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Do something anew where light becomes dark, or dark light. @param {() => void} again */
export function onColours(again) {
  for (const choice of document.getElementsByName("theme")) choice.addEventListener("change", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
}
