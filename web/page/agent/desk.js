/**
 * What one agent has before it: the client, which chat is open, what is half written. The elements of the page watch it and show it; all that
 * they do goes through here. It never keeps a second copy of what the client holds.
 */

import { Refused } from "../../dibs-client.js";
import { Connection } from "./connection.js";
import { Drafts, Refusals } from "./draft.js";
import { Notices } from "./notice.js";
import { Profiles } from "./profile.js";
import { Reading } from "./reading.js";
import { Roll } from "./roll.js";
import { RowOrder } from "./row-order.js";
import { Search } from "./search.js";
import { wait } from "./summary.js";
import { Typing } from "./typing.js";
import { showChatInAddress } from "./token.js";
import { Uploads } from "./upload.js";
import { Where } from "./where.js";

const OWNERSHIP = new Set(["claim", "release", "transfer", "takeover", "resolve", "requeue"]);
const QUESTIONS = new Set(["chats", "history", "search", "figures", "profile", "context"]);

export class Desk {
  constructor(client, person) {
    this.client = client;
    this.person = person;
    this.stores = [];
    this.store = undefined;
    this.tab = "mine";
    this.filter = "";
    this.isNote = false;
    /** @type {{store: string, user: string} | undefined} */
    this.selected = undefined;
    this._watchers = new Set();
    this._askers = new Map();
    this._order = new RowOrder();
    this._isStale = true;
    this._owned = new Set();
    this.connection = new Connection(client, () => this.changed());
    this.roll = new Roll(client, () => this.changed());
    this.typing = new Typing(client, () => this.changed());
    this.reading = new Reading(this);
    this.search = new Search(this);
    this.notices = new Notices(this);
    this.uploads = new Uploads(this);
    this._profiles = new Profiles(this);
    this.where = new Where(this);
    this.drafts = new Drafts(person.key, (name, text) => this.ask("draft", { name, text }));
    this.refusals = new Refusals(person.key, () => this.changed());
    this._listen();
  }

  /** Ends the session; nothing is watched any more. */
  end() {
    this.client.stop();
    this._watchers.clear();
    this.notices.end();
    this.uploads.end();
  }

  // Watching.

  /** Calls `update` once a frame at most, when something has changed; gives what ends that. */
  watch(update) {
    this._watchers.add(update);
    return () => this._watchers.delete(update);
  }

  changed() {
    this._isStale = true;
    if (this._asked) return;
    this._asked = true;
    const run = () => {
      this._asked = false;
      for (const update of [...this._watchers]) update();
    };
    // A hidden page has no frames, and a title all the same.
    if (document.hidden) setTimeout(run, 200);
    else requestAnimationFrame(run);
  }

  /** Asks for something that is an element's to do: `transfer`, `palette`, `compose`, `toast`… */
  ask(what, given) {
    // A copy: whoever builds the page anew listens anew, and would be asked again for ever.
    for (const listener of [...(this._askers.get(what) ?? [])]) listener(given);
  }

  on(what, listener) {
    const listeners = this._askers.get(what) ?? new Set();
    this._askers.set(what, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  // Looking.

  get me() {
    return this.person.id;
  }

  get isSupervisor() {
    return this.person.role === "supervisor";
  }

  get name() {
    return this.client.welcome?.name ?? this.me;
  }

  /** What a store says of itself, once it is known. */
  profile(store) {
    return this._profiles.of(store);
  }

  storeName(store) {
    return this.profile(store)?.name || store;
  }

  get chat() {
    return this.selected && this.client.held.find(this.selected.store, this.selected.user);
  }

  /** The page beside this one, for whoever may go there: `{id, icon, href}`. */
  get across() {
    return this.isSupervisor ? { id: "board", icon: "board", href: "board" } : undefined;
  }

  /** Whether a command only asks, so that nothing is lost with it. */
  isQuestion({ type }) {
    return QUESTIONS.has(type);
  }

  isMine(chat) {
    return chat?.status === "claimed" && chat.owner?.id === this.me;
  }

  /** `{mine, queue, all}` of the store that is looked at. */
  get lists() {
    if (this._isStale) {
      this._lists = this._order.update(this.client.held, this.me, this.store);
      this._isStale = false;
    }
    return this._lists;
  }

  /** The list that is shown, without what the filter leaves out. */
  get rows() {
    const rows = this.lists[this.tab];
    const wanted = this.filter.trim().toLowerCase();
    if (!wanted) return rows;
    const has = (text) => text?.toLowerCase().includes(wanted);
    return rows.filter((chat) => has(chat.name) || has(chat.user) || has(chat.last?.body.text));
  }

  /** How many unread messages are the agent's own business. */
  get unread() {
    return this.lists.mine.reduce((sum, chat) => sum + chat.unread, 0);
  }

  /** Now, by the clock of the server. */
  now() {
    return Date.now() + this.connection.aheadMs;
  }

  get status() {
    for (const agents of this.client.held.agents.values()) {
      const mine = agents.find(({ id }) => id === this.me);
      if (mine) return mine.status;
    }
    return "available";
  }

  /** Commands of this chat that have no answer yet. */
  waiting(chat) {
    return this.client.waiting.filter(({ frame }) => frame.store === chat.store && frame.user === chat.user);
  }

  /** Whether an ownership command of this chat is on its way. */
  isBusy(chat) {
    return this.waiting(chat).some(({ frame }) => OWNERSHIP.has(frame.type));
  }

  // Doing.

  look({ tab = this.tab, store = this.store, filter = this.filter }) {
    Object.assign(this, { tab, store, filter });
    this.changed();
  }

  open(chat) {
    this.selected = chat && { store: chat.store, user: chat.user };
    this.isNote = false;
    showChatInAddress(this.selected);
    this.reading.begin();
    this.where.ask();
    this.ask("opened");
    this.changed();
  }

  /** A chat, also one that is older than what is listed; undefined if there is none. */
  async reach(store, user) {
    const found = () => {
      const chat = this.client.held.find(store, user);
      return chat?.epoch ? chat : undefined;
    };
    while (!found() && this.roll.hasMore([store]) && (await this.roll.more([store])));
    return found();
  }

  async claim(chat) {
    if (!chat || this.isBusy(chat)) return;
    if (await this.attempt(this.client.claim(chat.store, chat.user), chat)) this.ask("compose");
  }

  release(chat) {
    return this.attempt(this.client.release(chat.store, chat.user), chat);
  }

  transfer(chat, to, note) {
    return this.attempt(this.client.transfer(chat.store, chat.user, to, note || undefined), chat);
  }

  takeover(chat) {
    return this.attempt(this.client.takeover(chat.store, chat.user), chat);
  }

  resolve(chat) {
    return this.attempt(this.client.resolve(chat.store, chat.user), chat);
  }

  send(chat, text) {
    this.reading.divider = undefined;
    this.reading.latest();
    return this.attempt(this.client.send(chat.store, { text }, { user: chat.user }), chat);
  }

  /** Something other than text. */
  post(chat, kind, body) {
    return this.attempt(this.client.send(chat.store, body, { kind, user: chat.user }), chat);
  }

  /** How long whoever waits for an answer in this chat has waited, `{ms, level}`, by the clock of its store. */
  wait(chat) {
    return wait(chat, this.now(), this._profiles.clock(chat.store));
  }

  note(chat, text) {
    this.reading.latest();
    return this.attempt(this.client.note(chat.store, chat.user, text), chat);
  }

  /** Sends what was refused once more, under its id. */
  retry({ id, frame }) {
    this.refusals.drop(id);
    const { type, id: _, ...fields } = frame;
    return this.attempt(this.client.command(type, fields, id));
  }

  availability(status) {
    return this.attempt(this.client.availability(status));
  }

  announce(store, text) {
    return this.attempt(this.client.announce(store, text));
  }

  /** Says aloud what was refused; the answer, or undefined. */
  async attempt(asked, chat) {
    try {
      return await asked;
    } catch (error) {
      if (error instanceof Refused) this.ask("refused", { error: error.error, chat });
      return undefined;
    }
  }

  _listen() {
    const { client } = this;
    client.on("chats", ({ chats, offsets }) => {
      this.stores = [...new Set([...this.stores, ...Object.keys(offsets ?? {})])].sort();
      for (const { store, user, owner } of chats) if (owner?.id === this.me) this._owned.add(`${store}/${user}`);
    });
    for (const type of ["chats", "chat", "outbox", "presence", "reset"]) client.on(type, () => this.changed());
    client.on("refused", ({ id, frame, error }) => {
      if (frame.type === "send" || frame.type === "note") this.refusals.add({ id, frame, at: this.now(), code: error.code });
    });
    client.on("state", ({ state }) => {
      if (state === "ready") this.reading.fill();
    });
    client.on("status", (event) => this._follow(event));
    client.on("message", (message) => this.ask("message", message));
  }

  /** Somebody else got what was mine, or gave me theirs: whoever is at work has to know. */
  _follow({ store, user, by, reason, owner }) {
    const key = `${store}/${user}`;
    const had = this._owned.has(key);
    const has = owner?.id === this.me;
    if (has) this._owned.add(key);
    else this._owned.delete(key);
    if (by?.id === this.me || had === has) return;
    this.ask(has ? "given" : "lost", { store, user, by, reason, owner });
  }
}
