/** How far one reads in the open chat: which message was the first unread one, what is loaded of a long chat, and which part of it is looked at. */

import { Excerpt, keyOf, seqOf } from "./excerpt.js";

const PAGE = 50;
const FULL_PAGE = 200;

export class Reading {
  constructor(desk) {
    this._desk = desk;
    /** The first message that was unread when the chat was opened: `{seq, count}`. */
    this.divider = undefined;
    /** The part that is shown instead of the end, if one is. @type {Excerpt | undefined} */
    this.excerpt = undefined;
    this._loading = new Map();
  }

  /** What is shown: the chat as it is held, or a part of it. */
  get shown() {
    return this.excerpt ?? this._desk.chat;
  }

  /** Another chat is open, or none. */
  begin() {
    this.divider = this.excerpt = undefined;
    if (!this._desk.chat) return;
    this.divide();
    this.fill();
  }

  /** As much as fills a screen. */
  fill() {
    const { chat } = this._desk;
    return chat && chat.messages.length < PAGE ? this._load(chat, PAGE) : undefined;
  }

  /** Puts the line before the first message that is unread now. */
  divide() {
    const { chat } = this._desk;
    if (chat?.unread) this.divider = { seq: chat.marks.store.read + 1, count: chat.unread };
  }

  /** Whoever owns a chat has read what it sees. */
  read() {
    const desk = this._desk;
    const { chat } = desk;
    if (!chat || this.excerpt || !desk.isMine(chat) || chat.marks.store.read >= chat.seq || !chat.messages.length) return;
    const mark = `${chat.store}/${chat.user} ${chat.seq}`;
    if (mark === this._read) return;
    this._read = mark;
    desk.attempt(desk.client.read(chat.store, chat.seq, chat.user), chat);
  }

  isLoading(chat) {
    return this._loading.has(chat);
  }

  /** A page above what is shown. */
  older() {
    const { shown } = this;
    if (!shown?.hasOlder) return;
    if (shown === this.excerpt) this._grow(shown, { before: shown.messages[0].seq, limit: FULL_PAGE });
    else this._load(shown, FULL_PAGE);
  }

  /** A page below a part; once it reaches what is held, it is a part no more. */
  newer() {
    const { excerpt } = this;
    if (excerpt) this._grow(excerpt, { before: excerpt.messages.at(-1).seq + FULL_PAGE + 1, limit: FULL_PAGE });
  }

  /** The end again. */
  latest() {
    this.excerpt = undefined;
    this._desk.ask("bottom");
  }

  toUnread() {
    const { chat } = this._desk;
    if (chat && this.divider) this.goTo({ type: "message", seq: this.divider.seq, store: chat.store, user: chat.user });
  }

  /** Opens the chat of a message or a note and brings that into sight, loading what lies around it. */
  async goTo(entry) {
    const desk = this._desk;
    const chat = await desk.reach(entry.store, entry.user);
    if (!chat) return;
    if (chat !== desk.chat) desk.open(chat);
    // The end first: what is held has no holes.
    await this._loading.get(chat);
    if (!chat.messages.length) await this.fill();
    if (chat !== desk.chat || !chat.messages.length) return;
    const seq = await this._during(chat, seqOf(desk, chat, entry));
    if (seq === undefined || chat !== desk.chat) return;
    if (seq < chat.messages[0].seq && !this.excerpt?.has(seq)) {
      const found = await this._ask(chat, { before: seq + PAGE, limit: 2 * PAGE });
      if (!found || chat !== desk.chat) return;
      this.excerpt = seq < chat.messages[0].seq ? new Excerpt(chat, found) : undefined;
    } else if (seq >= chat.messages[0].seq) this.excerpt = undefined;
    desk.ask("show", keyOf(entry));
    desk.changed();
  }

  async _grow(excerpt, page) {
    const { chat } = excerpt;
    if (this._loading.has(chat)) return;
    const found = await this._ask(chat, page);
    if (!found || this.excerpt !== excerpt) return;
    excerpt.take(found);
    const first = chat.messages[0].seq;
    if (excerpt.messages.at(-1).seq >= first - 1) {
      this._desk.client.held.page({ store: chat.store, user: chat.user, messages: excerpt.all, more: excerpt.hasOlder }, first);
      this.excerpt = undefined;
    }
    this._desk.changed();
  }

  _load(chat, limit) {
    return chat.hasOlder && !this._loading.has(chat) ? this._ask(chat, { limit }) : this._loading.get(chat);
  }

  _ask(chat, page) {
    const desk = this._desk;
    return this._during(chat, desk.attempt(desk.client.history(chat.store, chat.user, { events: true, ...page }), chat));
  }

  async _during(chat, asked) {
    this._loading.set(chat, asked);
    this._desk.changed();
    const found = await asked;
    if (this._loading.get(chat) === asked) this._loading.delete(chat);
    this._desk.changed();
    return found;
  }
}
