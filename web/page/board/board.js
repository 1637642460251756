/**
 * What a supervisor has before it. It is a desk at which nobody answers: chats are opened to be read along, and nothing that is only looked at
 * is ever marked. What it changes it changes with the epoch it has seen, so that nothing is taken from whoever got it meanwhile.
 */

import { Desk } from "../agent/desk.js";
import { Reading } from "../agent/reading.js";
import { nameOf } from "../agent/summary.js";
import { t } from "../part/locale.js";
import { Figures } from "./figures.js";
import { CLOCK, beginning, level, live, people, together } from "./measure.js";
import { filtered, sorted } from "./order.js";

/** Whoever only looks has read nothing, and has nothing unread. */
class Silent extends Reading {
  read() {}

  divide() {}
}

export class Board extends Desk {
  constructor(client, person) {
    super(client, person);
    this.reading = new Silent(this);
    this.period = "today";
    this.state = "open";
    this.owner = null;
    this.sort = { by: "wait", isDown: true };
    this._asking = new Set();
    this._seen = new Map();
    this.figures = new Figures(client, {
      stores: () => this.shown,
      from: () => this.from,
      changed: () => this.changed(),
    });
    client.on("state", ({ state }) => state === "ready" && this._profile());
    client.on("profile", () => this.changed());
  }

  end() {
    super.end();
    this.figures.end();
  }

  get across() {
    return { id: "console", icon: "chat", href: "agent" };
  }

  // Looking.

  /** The stores that are looked at. */
  get shown() {
    return this.store ? [this.store] : this.stores;
  }

  /** Where the part of time begins that is counted. */
  get from() {
    return beginning(this.period, this.now());
  }

  get openChats() {
    return this._kept("open", () => this.lists.all.filter(({ status }) => status !== "closed"));
  }

  get rows() {
    return this._kept("rows", () => sorted(filtered(this.openChats, { state: this.state, owner: this.owner, words: this.filter }), this.sort));
  }

  get live() {
    return this._kept("live", () => live(this.openChats, this.figures.of));
  }

  get day() {
    return this._kept("day", () => together(this.shown.map((store) => this.figures.of.get(store)).filter(Boolean)));
  }

  get people() {
    return this._kept("people", () => people(this.shown, this.figures.of, this.client.held, this.openChats));
  }

  /** How late somebody is who has waited since then, by the limits of the store. */
  level({ chat, since }) {
    return level(this.now() - since, this.client.held.profiles.get(chat.store)?.clock ?? CLOCK);
  }

  choose({ period = this.period, state = this.state, owner = this.owner, sort = this.sort }) {
    const isOther = period !== this.period;
    Object.assign(this, { period, state, owner, sort });
    if (isOther) this.figures.forget();
    this.changed();
  }

  /** All open chats again. */
  clear() {
    this.owner = null;
    this.state = "open";
    this.look({ filter: "" });
  }

  look(where) {
    super.look(where);
    if (where.store && this.owner && !this.people.some(({ id }) => id === this.owner)) this.owner = null;
    this.figures.ask();
  }

  changed() {
    this._seen?.clear();
    super.changed();
  }

  // Doing.

  async assign(chat, to, note) {
    const { epoch } = chat;
    const given = { to: to.id, note: note || undefined, epoch };
    await this._change("transfer", chat, given, t("did_assign", { name: nameOf(chat), to: to.name }));
  }

  takeover(chat) {
    return this._change("takeover", chat, {}, t("did_takeover", { name: nameOf(chat) }));
  }

  requeue(chat) {
    return this._change("requeue", chat, { epoch: chat.epoch }, t("did_requeue", { name: nameOf(chat) }));
  }

  resolve(chat, epoch = chat.epoch) {
    return this._change("resolve", chat, { epoch }, t("did_resolve", { name: nameOf(chat) }));
  }

  async announce(store, text) {
    if (await super.announce(store, text)) this.ask("done", t("did_announce", { store }));
  }

  async _change(type, chat, given, words) {
    if (this.isBusy(chat)) return;
    if (await this.attempt(this.client.command(type, { store: chat.store, user: chat.user, ...given }), chat)) this.ask("done", words);
  }

  /** Limits of the clock are the store's. */
  _profile() {
    for (const store of this.stores) {
      if (this.client.held.profiles.has(store) || this._asking.has(store)) continue;
      this._asking.add(store);
      this.client
        .profile(store)
        .catch(() => undefined)
        .then(() => (this._asking.delete(store), this.changed()));
    }
  }

  /** Made once, until something has changed. */
  _kept(name, make) {
    if (!this._seen.has(name)) this._seen.set(name, make());
    return this._seen.get(name);
  }
}
