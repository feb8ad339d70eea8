// The whole run as one sealed page that goes on training in any browser, without the studio.

import { ask } from "./api.js";
import { say } from "./main.js";
import { t } from "./words.js";

/** Let the run's process write the page, and take it home. @param {string} run */
export async function takePage(run) {
  say(t("page_made"), true);
  const made = await ask(run, "page"), link = document.createElement("a");
  link.href = `/api/runs/${run}/page`;
  link.download = "";
  link.click();
  say([t("page_done", { size: (made.bytes / 1e6).toFixed(2) }), ...made.notes].join(" "));
}
