/** The widget as people see it: a launcher, and the panel that it opens. Lives in a shadow root, and speaks to the server by its client alone. */

import { CSS } from "./dibs-style.js";
import { bannerOf, lineOf } from "./dibs-line.js";
import { Composer } from "./dibs-composer.js";
import { Rating } from "./dibs-rating.js";
import { entries, plain, show, transcript } from "./dibs-thread.js";
import { el, icon, letters, say } from "./dibs-draw.js";

const TYPING_MS = 6000;
const NEAR_END = 60;
const NEAR_START = 80;
const PAGE = 200;

let sheet;

/** One for each identity that is booted. `on` is told of `unread`, `message`, `owner` and `state`. */
export class Panel {
  constructor({ client, store, words, base, options, on }) {
    Object.assign(this, { client, store, words, base, options, on });
    this._failed = new Map();
    this._nodes = new Map();
    this._offs = [];
    this._timers = new Map();
    this._isOpen = false;
    this._isTyping = false;
    this._isLoading = false;
    this._unread = 0;
    this._readTo = 0;
    this._state = { state: "connecting" };
    this.host = document.createElement("dibs-widget");
    this._root = this.host.attachShadow({ mode: "open" });
    sheet ??= new CSSStyleSheet();
    sheet.replaceSync(CSS);
    this._root.adoptedStyleSheets = [sheet];
    this.host.lang = words.locale;
    this._build();
    this._listen();
    this._paint();
    document.documentElement.append(this.host);
  }

  get chat() {
    return this.client.held.find(this.store, this.client.welcome?.id ?? this._id);
  }

  open() {
    this._isOpen = true;
    this._paint();
    this._toEnd();
    this._composer.text.focus({ preventScroll: true });
  }

  close() {
    const hadFocus = this._root.activeElement !== null;
    this._isOpen = false;
    this._paint();
    if (hadFocus) this._launcher.focus({ preventScroll: true });
  }

  /** Nothing of it is left in the page. */
  remove() {
    for (const off of this._offs) off();
    for (const timer of this._timers.values()) clearTimeout(timer);
    cancelAnimationFrame(this._frame);
    this.host.remove();
  }

  // Made once.

  _build() {
    const t = (key, given) => this.words.t(key, given);
    const tool = (name, key, act) => el("button", { type: "button", class: "tool", title: t(key), "aria-label": t(key), onclick: act }, icon(name));
    this._count = el("span", { class: "count", "aria-hidden": "true", hidden: true });
    this._launcher = el("button", { type: "button", class: "launcher", "aria-expanded": "false", onclick: () => this.open() }, icon("chat"), this._count);
    this._previewBy = el("b");
    this._previewText = el("span");
    this._preview = el("button", { type: "button", class: "preview", hidden: true, onclick: () => this.open() }, this._previewBy, this._previewText);
    this._face = el("span", { class: "face", "aria-hidden": "true" });
    this._name = el("h2", { id: "title" });
    this._line = el("div", { class: "state", role: "status" });
    const header = el(
      "header",
      {},
      this._face,
      el("div", { class: "who" }, this._name, this._line),
      (this._endButton = tool("end", "end", () => this._askEnd(true))),
      tool("save", "transcript", () => this._download()),
      tool("down", "close", () => this.close()),
    );
    this._banner = el("div", { class: "banner", role: "status", hidden: true });
    this._log = el("div", { class: "log", role: "log", tabindex: "0", "aria-labelledby": "title", onscroll: () => this._scrolled() });
    this._typing = el("div", { class: "typing", hidden: true }, t("typing"));
    this._latest = el("button", { type: "button", class: "latest", hidden: true, onclick: () => this._toEnd() });
    this._composer = new Composer({
      words: this.words,
      base: this.base,
      options: this.options,
      send: (kind, body) => this._send(kind, body),
      typing: (on) => this.client.typing(this.store, on),
    });
    this._rating = new Rating({ words: this.words, rate: (score, comment) => this._rate(score, comment) });
    this._ask = el("div", { class: "ask", hidden: true, role: "group" }, ...this._askParts());
    this._panel = el(
      "section",
      { class: "panel", role: "dialog", "aria-labelledby": "title", hidden: true, onkeydown: (event) => this._escape(event) },
      header,
      this._banner,
      el("div", { class: "thread" }, this._log, this._latest),
      this._rating.node,
      this._ask,
      ...this._composer.nodes,
    );
    this._root.append(this._preview, this._launcher, this._panel);
    this._theme();
  }

  _askParts() {
    const button = (key, name, act) => el("button", { type: "button", class: name, onclick: act }, this.words.t(key));
    const end = () => {
      this._askEnd(false);
      this.client.end(this.store).catch(() => {});
    };
    return [el("span", {}, this.words.t("endSure")), button("endYes", "strong", end), button("endNo", "weak", () => this._askEnd(false))];
  }

  /** Whoever is about to end the chat is asked once more. */
  _askEnd(on) {
    this._ask.hidden = !on;
    (on ? this._ask.querySelector("button") : this._composer.text).focus();
  }

  _theme() {
    const { theme = "auto", accent } = this.options;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const paint = () => (this.host.dataset.theme = theme === "dark" || (theme === "auto" && dark.matches) ? "dark" : "light");
    paint();
    dark.addEventListener("change", paint);
    this._offs.push(() => dark.removeEventListener("change", paint));
    if (accent && CSS_COLOUR.test(accent)) this.host.style.setProperty("--accent", accent);
  }

  // What is heard.

  _listen() {
    const { client } = this;
    const mine = (act) => (told) => told.store === this.store && act(told);
    const look = () => this._schedule();
    this._offs.push(
      client.on("chat", mine(look)),
      client.on("chats", look),
      client.on("reset", look),
      client.on("outbox", look),
      client.on("typing", mine((told) => this._hearTyping(told))),
      client.on("message", mine((message) => this._hearMessage(message))),
      client.on("status", mine(({ owner }) => this.on("owner", owner))),
      client.on("refused", ({ id, frame, error }) => this._refused(id, frame, error)),
      client.on("state", (told) => this._stateChanged(told)),
    );
    const seen = () => this._schedule();
    for (const [target, type] of [[document, "visibilitychange"], [window, "focus"], [window, "online"], [window, "offline"]]) {
      target.addEventListener(type, seen);
      this._offs.push(() => target.removeEventListener(type, seen));
    }
  }

  _hearMessage(message) {
    this.on("message", message);
    if (message.from.role !== "user") this._showTyping(false);
    this._schedule();
  }

  _hearTyping({ side, on }) {
    if (side === "store") this._showTyping(on);
  }

  _showTyping(on) {
    this._isTyping = on;
    this._after("typing", TYPING_MS, () => this._showTyping(false), on);
    this._schedule();
  }

  _refused(id, frame, error) {
    if (frame.type !== "send" || frame.store !== this.store) return;
    this._failed.set(id, { id, frame, at: Date.now(), code: error.code });
    this._schedule();
  }

  _stateChanged(told) {
    this._state = { ...told, since: Date.now() };
    if (told.state === "ready") {
      this._id = this.client.welcome.id;
      this._readTo = 0;
    }
    this.on("state", told.state);
    this._schedule();
  }

  // What is shown.

  _schedule() {
    cancelAnimationFrame(this._frame);
    this._frame = requestAnimationFrame(() => this._paint());
    // A page that nobody looks at gets no frames, but it counts.
    if (document.hidden) this._paint();
  }

  _paint() {
    const { chat } = this;
    const wasAtEnd = this._isAtEnd;
    this._panel.hidden = !this._isOpen;
    this._launcher.hidden = this._isOpen;
    this._launcher.setAttribute("aria-expanded", String(this._isOpen));
    this.host.toggleAttribute("data-open", this._isOpen);
    this._paintUnread(chat);
    if (!this._isOpen) return;
    this._paintHead(chat);
    this._paintBanner();
    this._paintThread(chat);
    if (wasAtEnd) this._toEnd();
    this._fill(chat);
    this._paintLatest(chat);
    this._read(chat);
  }

  _paintUnread(chat) {
    const unread = chat?.unread ?? 0;
    this._count.hidden = !unread;
    say(this._count, unread > 99 ? "99+" : String(unread));
    const label = unread ? this.words.t("openUnread", { count: unread }) : this.words.t("open");
    this._launcher.setAttribute("aria-label", label);
    if (unread !== this._unread) this.on("unread", unread);
    this._unread = unread;
    const { last } = chat ?? {};
    const isTold = Boolean(unread && last && last.from.role !== "user");
    this._preview.hidden = this._isOpen || !isTold;
    if (isTold) {
      say(this._previewBy, last.from.name || this.words.t("store"));
      say(this._previewText, plain(last, this.words));
    }
  }

  _paintHead(chat) {
    const owner = chat?.status === "claimed" ? chat.owner : null;
    const title = this.options.title || this.words.t("title");
    say(this._name, title);
    this._endButton.hidden = !chat?.seq || chat.status === "closed";
    this._rating.show(Boolean(chat?.seq) && chat.status === "closed" && !chat.rated);
    say(this._face, letters(owner?.name ?? title));
    this._face.dataset.online = String(Boolean(chat?.online));
    say(this._line, lineOf(chat, owner, this.words));
  }

  _paintBanner() {
    const text = bannerOf(this._state, this._id !== undefined, this.words);
    this._banner.hidden = !text;
    say(this._banner, text);
    this._after("banner", 1000, () => this._schedule(), text && this._state.state === "waiting");
  }

  _paintThread(chat) {
    const found = entries({
      chat,
      waiting: this.client.waiting.filter(({ frame }) => frame.type === "send" && frame.store === this.store),
      failed: [...this._failed.values()],
      words: this.words,
      base: this.base,
      now: Date.now(),
      on: { again: (id) => this._again(id), discard: (id) => this._discard(id) },
    });
    this._typing.remove();
    this._nodes = show(this._log, found, this._nodes);
    this._typing.hidden = !this._isTyping;
    this._log.append(this._typing);
  }

  _paintLatest(chat) {
    const count = this._isAtEnd ? 0 : (chat?.unread ?? 0);
    this._latest.hidden = !count;
    if (count) say(this._latest, this.words.t("latest", { count }));
  }

  get _isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  _toEnd() {
    this._log.scrollTop = this._log.scrollHeight;
  }

  _scrolled() {
    this._paintLatest(this.chat);
    if (this._isAtEnd) this._read(this.chat);
    if (this._log.scrollTop < NEAR_START) this._loadOlder();
  }

  /** After a reload the server tells what is new; what was there before stands in the history. */
  _fill(chat) {
    if (chat?.hasOlder && this._log.scrollHeight <= this._log.clientHeight) this._loadOlder();
  }

  async _loadOlder() {
    const { chat } = this;
    if (this._isLoading || !chat?.hasOlder || this.client.state !== "ready") return;
    this._isLoading = true;
    const height = this._log.scrollHeight;
    try {
      await this.client.history(this.store);
      const isAtEnd = this._isAtEnd;
      this._paintThread(this.chat);
      if (isAtEnd) this._toEnd();
      else this._log.scrollTop += this._log.scrollHeight - height;
    } catch {
      // It is asked again at the next turn of the wheel.
    } finally {
      this._isLoading = false;
    }
    this._fill(this.chat);
  }

  /** What stands before the eyes of somebody has been read. */
  _read(chat) {
    if (!chat?.unread || !this._isOpen || !this._isAtEnd || document.hidden || !document.hasFocus() || chat.seq <= this._readTo) return;
    this._readTo = chat.seq;
    this.client.read(this.store, chat.seq).catch(() => {});
  }

  // What the shopper does.

  _escape(event) {
    if (event.key !== "Escape" || event.isComposing) return;
    event.stopPropagation();
    if (this._composer.hasOrdersOpen) this._composer.toggleOrders();
    else if (!this._ask.hidden) this._askEnd(false);
    else this.close();
  }

  _send(kind, body, id) {
    // What was refused is told by its event, what could not be sent stays in the outbox.
    this.client.send(this.store, body, { kind, id }).catch(() => {});
    this._paint();
    this._toEnd();
  }

  async _rate(score, comment) {
    const { chat } = this;
    try {
      await this.client.rate(this.store, score, comment);
    } catch (error) {
      if (error.code !== "already_rated" && error.code !== "not_closed") return;
    }
    // In another tab it may have been reopened meanwhile; then its next summary says so.
    chat.rated = true;
    this._schedule();
  }

  _again(id) {
    const { frame } = this._failed.get(id);
    this._failed.delete(id);
    this._send(frame.kind, frame.body, id);
  }

  _discard(id) {
    this._failed.delete(id);
    this._paint();
  }

  async _download() {
    const messages = new Map((this.chat?.messages ?? []).map((message) => [message.seq, message]));
    try {
      let before;
      for (let more = true; more; ) {
        const page = await this.client.command("history", { store: this.store, before, limit: PAGE });
        for (const message of page.messages) messages.set(message.seq, message);
        more = page.more && page.messages.length > 0;
        before = page.messages[0]?.seq;
      }
    } catch {
      // What is here is better than nothing.
    }
    const text = transcript([...messages.values()].sort((one, other) => one.seq - other.seq), this.words);
    const href = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
    const away = el("a", { href, download: `chat-${this.store}.txt` });
    away.click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  _after(name, ms, act, wanted = true) {
    clearTimeout(this._timers.get(name));
    this._timers.delete(name);
    if (wanted) this._timers.set(name, setTimeout(act, ms));
  }
}

const CSS_COLOUR = /^(#[0-9a-f]{3,8}|[a-z]+|(rgb|hsl|oklch)\([^;{}()]*\))$/i;
