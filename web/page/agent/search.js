/** What was found in all that was said: newest first, each once. What is loaded answers at once, the server for what is kept. */

import { keyOf } from "./excerpt.js";

/** All that a person can read in a body. */
function readable({ text, title, name, alt, number, sku }) {
  return [text, title, name, alt, number, sku].filter((part) => part !== undefined && part !== null);
}

/** What fits these words, in either case. */
export function pattern(text) {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "iu");
}

/** The part of a body that fits, or undefined. */
export function fitting(body, wanted) {
  return readable(body).map(String).find((part) => wanted.test(part));
}

/** How many are looked for before somebody asks for more, and in how many answers at most: a rare word may be far away. */
const ENOUGH = 30;
const MOST_ANSWERS = 10;

export class Search {
  constructor(desk) {
    this._desk = desk;
    this.end();
  }

  get isOn() {
    return Boolean(this.text);
  }

  /** Looks in one chat, or in all of the stores that are looked at. */
  ask(text, chat) {
    this.end();
    this.text = text.trim();
    if (!this.text) return;
    this.chat = chat && { store: chat.store, user: chat.user };
    const stores = this.chat ? [this.chat.store] : this._desk.store ? [this._desk.store] : this._desk.stores;
    this._next = new Map(stores.map((store) => [store, undefined]));
    this._take(this._loaded());
    this._desk.ask("results");
    this.more();
  }

  /** Whether there is more that was not looked through yet. */
  get hasMore() {
    return this._next.size > 0;
  }

  /** Looks further back. */
  async more() {
    const round = this._round;
    if (this.isLoading || !this.hasMore) return;
    this.isLoading = true;
    this._desk.changed();
    let found = 0;
    for (let n = 0; n < MOST_ANSWERS && found < ENOUGH && this._next.size; n += 1)
      for (const [store, before] of [...this._next]) {
        const page = await this._desk.attempt(this._desk.client.search(store, this.text, { user: this.chat?.user, before }));
        if (round !== this._round) return;
        if (page?.more) this._next.set(store, page.next);
        else this._next.delete(store);
        if (page) found += this._take(page.entries);
        this._desk.changed();
      }
    this.isLoading = false;
    this._desk.changed();
  }

  end() {
    this.text = "";
    this.chat = undefined;
    /** Entries of the log. */
    this.found = [];
    this.isLoading = false;
    this._keys = new Set();
    /** Store to where its log goes on; a store that was looked through is not in it. */
    this._next = new Map();
    this._round = Symbol("round");
    this._desk.changed();
  }

  _take(entries) {
    const isNew = (one) => {
      const key = `${one.store}/${one.user} ${keyOf(one)}`;
      return !this._keys.has(key) && this._keys.add(key);
    };
    const fresh = entries.filter(isNew);
    this.found = [...this.found, ...fresh].sort((one, other) => other.at - one.at || (other.seq ?? 0) - (one.seq ?? 0));
    return fresh.length;
  }

  _loaded() {
    const { client, store } = this._desk;
    const wanted = pattern(this.text);
    const found = [];
    for (const chat of client.held.chats.values()) {
      if (this.chat ? chat.store !== this.chat.store || chat.user !== this.chat.user : store && chat.store !== store) continue;
      const last = chat.last && chat.last.seq > (chat.messages.at(-1)?.seq ?? 0) ? [chat.last] : [];
      for (const one of [...chat.messages, ...last, ...chat.between]) if (one.type !== "status" && fitting(one.body, wanted)) found.push(one);
    }
    return found;
  }
}
