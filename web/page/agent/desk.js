/**
 * What one agent has before it: the client, which chat is open, what is half written. The elements of the page watch it and show it; all that
 * they do goes through here. It never keeps a second copy of what the client holds.
 */

import { Refused } from "../../dibs-client.js";
import { Connection } from "./connection.js";
import { Drafts, Refusals } from "./draft.js";
import { Roll } from "./roll.js";
import { RowOrder } from "./row-order.js";
import { Typing } from "./typing.js";
import { showChatInAddress } from "./token.js";

const OWNERSHIP = new Set(["claim", "release", "transfer", "takeover", "resolve", "requeue"]);
const QUESTIONS = new Set(["chats", "history", "search", "figures", "profile", "context"]);
const PAGE = 50;
const FULL_PAGE = 200;

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
    /** The first message that was unread when the chat was opened: `{seq, count}`. */
    this.divider = undefined;
    this._watchers = new Set();
    this._askers = new Map();
    this._order = new RowOrder();
    this._isStale = true;
    this._loading = new Set();
    this._owned = new Set();
    this.connection = new Connection(client, () => this.changed());
    this.roll = new Roll(client, () => this.changed());
    this.typing = new Typing(client, () => this.changed());
    this.drafts = new Drafts(person.key, (name, text) => this.ask("draft", { name, text }));
    this.refusals = new Refusals(person.key, () => this.changed());
    this._listen();
  }

  /** Ends the session. */
  end() {
    this.client.stop();
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

  isLoading(chat) {
    return this._loading.has(chat);
  }

  // Doing.

  look({ tab = this.tab, store = this.store, filter = this.filter }) {
    Object.assign(this, { tab, store, filter });
    this.changed();
  }

  open(chat) {
    this.selected = chat && { store: chat.store, user: chat.user };
    this.isNote = false;
    this.divider = undefined;
    showChatInAddress(this.selected);
    if (chat) {
      this.divide();
      if ((chat.messages?.length ?? 0) < PAGE) this.older(PAGE);
    }
    this.ask("opened");
    this.changed();
  }

  /** Puts the line before the first message that is unread now. */
  divide() {
    const { chat } = this;
    if (chat?.unread) this.divider = { seq: chat.marks.store.read + 1, count: chat.unread };
  }

  /** Whoever owns a chat has read what it sees. */
  read() {
    const { chat } = this;
    if (!chat || !this.isMine(chat) || chat.marks.store.read >= chat.seq || !chat.messages.length) return;
    const mark = `${chat.store}/${chat.user} ${chat.seq}`;
    if (mark === this._read) return;
    this._read = mark;
    this._do(this.client.read(chat.store, chat.seq, chat.user), chat);
  }

  async older(limit = FULL_PAGE) {
    const { chat } = this;
    if (!chat?.hasOlder || this._loading.has(chat)) return;
    this._loading.add(chat);
    this.changed();
    await this._do(this.client.history(chat.store, chat.user, { limit, events: true }), chat);
    this._loading.delete(chat);
    this.changed();
  }

  async claim(chat) {
    if (!chat || this.isBusy(chat)) return;
    if (await this._do(this.client.claim(chat.store, chat.user), chat)) this.ask("compose");
  }

  release(chat) {
    return this._do(this.client.release(chat.store, chat.user), chat);
  }

  transfer(chat, to, note) {
    return this._do(this.client.transfer(chat.store, chat.user, to, note || undefined), chat);
  }

  takeover(chat) {
    return this._do(this.client.takeover(chat.store, chat.user), chat);
  }

  resolve(chat) {
    return this._do(this.client.resolve(chat.store, chat.user), chat);
  }

  send(chat, text) {
    this.divider = undefined;
    this.ask("bottom");
    return this._do(this.client.send(chat.store, { text }, { user: chat.user }), chat);
  }

  note(chat, text) {
    this.ask("bottom");
    return this._do(this.client.note(chat.store, chat.user, text), chat);
  }

  /** Sends what was refused once more, under its id. */
  retry({ id, frame }) {
    this.refusals.drop(id);
    const { type, id: _, ...fields } = frame;
    return this._do(this.client.command(type, fields, id));
  }

  availability(status) {
    return this._do(this.client.availability(status));
  }

  announce(store, text) {
    return this._do(this.client.announce(store, text));
  }

  /** Says aloud what was refused; the answer, or undefined. */
  async _do(asked, chat) {
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
      if (state === "ready" && this.chat && this.chat.messages.length < PAGE) this.older(PAGE);
    });
    client.on("notice", (notice) => this.ask("notice", notice));
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
