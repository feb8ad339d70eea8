// Asking the server: what changes something carries the token; one stream brings what happens.

let token = "";

/** An answer that says in words what is wrong. */
export class Wrong extends Error {}

/** @param {string} path @returns {Promise<any>} */
export async function get(path) {
  return read(await reach(path, { headers: {} }));
}

/** @param {string} path @param {any} question @returns {Promise<any>} */
export async function post(path, question) {
  return read(await reach(path, { method: "POST", headers: { "x-cutaway": token, "content-type": "application/json" },
    body: JSON.stringify(question) }));
}

/** Ask a run's process. @param {string} run @param {string} what @param {Record<string, any>} [how] @returns {Promise<any>} */
export async function ask(run, what, how) {
  return (await post(`/api/runs/${run}/ask`, { do: what, ...how })).right;
}

/** Send a file. @param {File} file @returns {Promise<string>} the new run */
export async function send(file) {
  const answer = await reach("/api/files", { method: "POST", body: file,
    headers: { "x-cutaway": token, "x-name": encodeURIComponent(file.name), "content-type": "application/octet-stream" } });
  return (await read(answer)).run;
}

/** What the studio has: its runs and samples. The token comes with it. @returns {Promise<any>} */
export async function home() {
  const found = await get("/api/home");
  token = found.token;
  return found;
}

/** Losses after a step, as doubles. @param {string} run @param {number} start @param {number} fork */
export async function losses(run, start, fork) {
  const answer = await reach(`/api/runs/${run}/losses?from=${start}&fork=${fork}`, { headers: {} });
  if (!answer.ok) return new Float64Array(0);
  return new Float64Array(await answer.arrayBuffer());
}

/** @param {string} path @param {RequestInit} how */
async function reach(path, how) {
  try {
    return await fetch(path, how);
  } catch {
    throw new Wrong("lost");
  }
}

/** @param {Response} answer */
async function read(answer) {
  const found = await answer.json().catch(() => ({ wrong: `${answer.status} ${answer.statusText}` }));
  if (!answer.ok || found.wrong) throw new Wrong(found.wrong ?? `${answer.status}`);
  return found;
}

/** One stream of what happens in some runs. It is closed while nobody looks, and goes on where it stopped. */
export class Stream {
  /** @param {(message: any) => void} hear @param {(there: boolean) => void} state */
  constructor(hear, state) {
    this.hear = hear;
    this.state = state;
    this.runs = "";
    this.last = "";
    /** @type {EventSource | null} */
    this.source = null;
    document.addEventListener("visibilitychange", () => this.open());
  }

  /** @param {string[]} runs */
  follow(runs) {
    const wanted = runs.join(",");
    if (wanted === this.runs) return;
    this.runs = wanted;
    this.last = "";
    this.open();
  }

  open() {
    this.source?.close();
    this.source = null;
    if (!this.runs || document.hidden) return;
    const source = new EventSource(`/api/events?runs=${this.runs}&last=${this.last}`);
    source.onmessage = (event) => {
      this.last = event.lastEventId;
      this.hear(JSON.parse(event.data));
    };
    source.onopen = () => this.state(true);
    source.onerror = () => {
      this.state(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.source === source && this.open(), 1500);
    };
    this.source = source;
  }
}
