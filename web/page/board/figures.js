/** What the server says of each store: asked every few seconds while somebody looks, and at once when they look again. */

import { Closed, Refused } from "../../dibs-client.js";

const EVERY_MS = 5000;

export class Figures {
  /** `stores()` are those that are looked at, `from()` is where their day begins; `changed()` is called at each answer. */
  constructor(client, { stores, from, changed }) {
    this._client = client;
    this._stores = stores;
    this._from = from;
    this._changed = changed;
    /** Store to its newest answer. */
    this.of = new Map();
    /** The code with which the last question was refused. */
    this.refused = undefined;
    this._asked = new Set();
    this._look = () => this.ask();
    document.addEventListener("visibilitychange", this._look);
    client.on("state", ({ state }) => state === "ready" && this.ask());
  }

  end() {
    clearTimeout(this._timer);
    document.removeEventListener("visibilitychange", this._look);
  }

  /** Asks now, and from now on. */
  async ask() {
    clearTimeout(this._timer);
    if (document.visibilityState === "hidden" || this._client.state !== "ready") return;
    this._timer = setTimeout(this._look, EVERY_MS);
    await Promise.all(this._stores().map((store) => this._one(store)));
  }

  /** The day begins elsewhere: what was said of another is not shown. */
  forget() {
    this.of.clear();
    this._asked.clear();
    this.ask();
  }

  async _one(store) {
    const from = this._from();
    const question = `${store} ${from}`;
    // One that has no answer yet, as without a network, is not asked twice.
    if (this._asked.has(question)) return;
    this._asked.add(question);
    try {
      const answer = await this._client.figures(store, { from });
      if (from === this._from()) this.of.set(store, answer);
      this.refused = undefined;
    } catch (error) {
      if (error instanceof Closed) return;
      if (!(error instanceof Refused)) throw error;
      this.refused = error.code;
    } finally {
      this._asked.delete(question);
    }
    this._changed();
  }
}
