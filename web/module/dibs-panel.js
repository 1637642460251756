/** The widget as people see it: a launcher, and the panel that it opens. Lives in a shadow root, and speaks to the server by its client alone. */

import { CSS } from "./dibs-style.js";
import { chime, contextOf, keep, kept } from "./dibs-browser.js";
import { Composer, Signed, Uploads, fallsOn } from "./dibs-composer.js";
import { Head, Launcher, Rating, bannerOf, lineOf } from "./dibs-head.js";
import { Log, save } from "./dibs-thread.js";
import { Words } from "./dibs-words.js";
import { button, el, say } from "./dibs-draw.js";

const TYPING_MS = 6000;
const SOUND = "widget.sound";
/** Where it covers the page, as the style says. */
const COVERS = "(max-width: 480px), (max-height: 440px)";

let sheet;

/** One for each identity that is booted. `on` is told of `unread`, `message`, `owner` and `state`. */
export class Panel {
  constructor({ client, store, base, options, on }) {
    Object.assign(this, { client, store, base, options, on });
    this._failed = new Map();
    this._offs = [];
    this._timers = new Map();
    this._isOpen = false;
    this._isTyping = false;
    this._unread = 0;
    this._owner = null;
    this._readTo = 0;
    this._state = { state: "connecting" };
    this._uploads = new Uploads({ client, store, send: (kind, body, id) => this._send(kind, body, id), changed: () => this._schedule() });
    this._signed = new Signed({ client, own: this._uploads.own });
    const { product, order, orders = [], locale } = options;
    this._offers = [product && ["product", product], order && ["order", order]].filter(Boolean);
    this._orders = order && !orders.some(({ number }) => number === order.number) ? [order, ...orders] : orders;
    // What was chosen in the widget holds for as long as the page asks for the same.
    this._locale = `widget.locale ${locale ?? ""}`;
    this.host = document.createElement("dibs-widget");
    this._root = this.host.attachShadow({ mode: "open" });
    sheet ??= new CSSStyleSheet();
    sheet.replaceSync(CSS);
    this._root.adoptedStyleSheets = [sheet];
    this._theme();
    this._listen();
    this._speak(kept(this._locale) ?? locale);
    document.documentElement.append(this.host);
  }

  get chat() {
    return this.client.held.find(this.store, this.client.welcome?.id ?? this._id);
  }

  open() {
    this._isOpen = true;
    this._paint();
    this._log.toEnd();
    this._composer.text.focus({ preventScroll: true });
  }

  close() {
    const hadFocus = this._root.activeElement;
    this._isOpen = false;
    this._paint();
    if (hadFocus) this._launcher.focus();
  }

  /** Nothing of it is left in the page. */
  remove() {
    for (const off of this._offs) off();
    for (const timer of this._timers.values()) clearTimeout(timer);
    this._uploads.stop();
    cancelAnimationFrame(this._frame);
    this.host.remove();
  }

  // Made once for a language.

  _speak(locale) {
    this.words = new Words(locale);
    this.host.lang = this.words.locale;
    this._build(this._composer?.text.value);
    this._paint();
  }

  _build(draft) {
    const { words, base, client, store } = this;
    const t = (key) => words.t(key);
    this._launcher = new Launcher({ words, open: () => this.open() });
    const isQuiet = kept(SOUND) === "off";
    const other = words.locale === "en" ? "zh-CN" : "en";
    this._head = new Head({
      words,
      base,
      items: [
        ["end", t("end"), () => this._askEnd(true)],
        ["save", t("transcript"), () => save(this)],
        [isQuiet ? "sound" : "quiet", t(isQuiet ? "soundOn" : "soundOff"), () => this._turn(SOUND, isQuiet ? "on" : "off")],
        ["earth", t("language"), () => this._turn(this._locale, other, other), other],
      ],
      close: () => this.close(),
    });
    this._banner = el("div", { class: "banner", role: "status", hidden: true });
    this._log = new Log({ words, client, store, given: () => this._shown(), seen: () => this._read() });
    this._composer = new Composer({
      words,
      base,
      offers: this._offers,
      orders: this._orders,
      uploads: this._uploads,
      draft,
      send: (kind, body) => this._send(kind, body),
      typing: (on) => client.typing(store, on),
    });
    this._rating = new Rating({ words, rate: (score, comment) => this._rate(score, comment) });
    this._ask = el("div", { class: "ask", hidden: true, role: "group" }, ...this._askParts());
    // The page has keys of its own, and takes the widget's host for no field that is written in.
    const apart = (event) => event.stopPropagation();
    this._panel = el(
      "section",
      { class: "panel", role: "dialog", "aria-labelledby": "title", "data-drop": t("drop"), hidden: true, onkeydown: (event) => this._key(event), onkeyup: apart, onkeypress: apart },
      this._head.node,
      this._banner,
      this._log.node,
      this._rating.node,
      this._ask,
      ...this._composer.nodes,
    );
    fallsOn(this._panel, (files) => this._composer.tray.add(files));
    this._root.replaceChildren(...this._launcher.nodes, this._panel);
  }

  /** Keeps a choice, and shows all of it accordingly. */
  _turn(name, value, locale = this.words.locale) {
    keep(name, value);
    this._speak(locale);
    this._log.toEnd();
    this._composer.text.focus();
    if (name === SOUND && value === "on") chime();
  }

  _askParts() {
    const t = (key) => this.words.t(key);
    const end = () => {
      this._askEnd(false);
      this.client.end(this.store).catch(() => {});
    };
    return [el("span", {}, t("endSure")), button(t("endYes"), end, { class: "strong" }), button(t("endNo"), () => this._askEnd(false), { class: "weak" })];
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
    this._hear(dark, "change", paint);
    if (accent) this.host.style.setProperty("--accent", accent);
  }

  // What is heard.

  _hear(target, type, act) {
    target.addEventListener(type, act);
    this._offs.push(() => target.removeEventListener(type, act));
  }

  _listen() {
    const { client } = this;
    const mine = (act) => (told) => told.store === this.store && act(told);
    const look = () => {
      this._tell();
      this._schedule();
    };
    this._offs.push(
      client.on("chat", mine(look)),
      client.on("chats", look),
      client.on("reset", look),
      client.on("outbox", look),
      client.on("typing", mine(({ side, on }) => side === "store" && this._showTyping(on))),
      client.on("message", mine((message) => this._hearMessage(message))),
      client.on("refused", ({ id, frame, error }) => this._refused(id, frame, error)),
      client.on("state", (told) => this._stateChanged(told)),
    );
    this._hear(document, "visibilitychange", () => {
      // Meanwhile another tab may have told of its page.
      this._told = undefined;
      look();
    });
    if (window.navigation) this._hear(window.navigation, "navigatesuccess", look);
    this._hear(window, "beforeunload", (event) => this._uploads.isBusy && event.preventDefault());
    for (const type of ["focus", "online", "offline", "resize", "popstate"]) this._hear(window, type, look);
  }

  _hearMessage(message) {
    this.on("message", message);
    if (message.from.role !== "user") {
      this._showTyping(false);
      // What was said before this page was there is no news.
      const isUnseen = !this._isOpen || document.hidden;
      if (isUnseen && this._id !== undefined && kept(SOUND) !== "off") chime();
    }
    this._schedule();
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
      this._told = undefined;
      this._learn();
      this._uploads.goOn();
    }
    this.on("state", told.state);
    this._schedule();
  }

  /** What the store says of itself. */
  async _learn() {
    try {
      this._profile = await this.client.profile(this.store);
      this._schedule();
    } catch {
      // It goes without.
    }
  }

  /** Tells whoever answers which page this is, once there is a chat, and when it is another one. */
  _tellContext(chat) {
    if (!chat?.seq || this.client.state !== "ready" || document.hidden) return;
    const context = contextOf(this.options.product);
    const text = JSON.stringify(context);
    if (text === this._told) return;
    this._told = text;
    this.client.tellContext(this.store, context).catch(() => {});
  }

  // What is shown.

  _schedule() {
    cancelAnimationFrame(this._frame);
    this._frame = requestAnimationFrame(() => this._paint());
    // A page that nobody looks at gets no frames, but it counts.
    if (document.hidden) this._paint();
  }

  /** To the page, at once and every change. */
  _tell() {
    const { chat } = this;
    const unread = chat?.unread ?? 0;
    const owner = chat?.status === "claimed" ? chat.owner : null;
    this._tellContext(chat);
    if (unread !== this._unread) this.on("unread", (this._unread = unread));
    if (owner?.id !== this._owner?.id) this.on("owner", (this._owner = owner));
  }

  _paint() {
    const { chat, _isOpen, _unread, _owner } = this;
    this._panel.hidden = !_isOpen;
    this._panel.setAttribute("aria-modal", String(matchMedia(COVERS).matches));
    this.host.toggleAttribute("data-open", _isOpen);
    this._launcher.show({ unread: _unread, last: chat?.last, isOpen: _isOpen });
    if (!_isOpen) return;
    const hadFocus = this._root.activeElement;
    this._paintHead(chat, _owner);
    this._paintBanner();
    this._log.paint();
    this._read();
    // What had the focus may be gone: it stays in the panel.
    if (hadFocus && !hadFocus.getClientRects().length) this._composer.text.focus({ preventScroll: true });
  }

  _paintHead(chat, owner) {
    const isEnded = chat?.status === "closed";
    this._head.items[0].hidden = !chat?.seq || isEnded;
    this._rating.show(Boolean(chat?.seq) && isEnded && !chat.rated);
    this._head.show({
      name: this.options.title || this._profile?.name || this.words.t("title"),
      face: this._profile?.face,
      by: owner?.name,
      isOnline: Boolean(chat?.online),
      line: lineOf(chat, owner, this.words),
    });
  }

  _paintBanner() {
    const text = bannerOf(this._state, this._id !== undefined, this.words);
    this._banner.hidden = !text;
    say(this._banner, text);
    this._after("banner", 1000, () => this._schedule(), text && this._state.state === "waiting");
  }

  _shown() {
    return {
      chat: this.chat,
      waiting: this.client.waiting.filter(({ frame }) => frame.type === "send" && frame.store === this.store),
      failed: [...this._failed.values()],
      uploads: this._uploads.all,
      signed: this._signed,
      greeting: this._profile?.greeting,
      base: this.base,
      isTyping: this._isTyping,
      now: Date.now(),
      on: { again: (id) => this._again(id), discard: (id) => this._discard(id) },
    };
  }

  /** What stands before the eyes of somebody has been read. */
  _read() {
    const { chat } = this;
    if (!chat?.unread || !this._isOpen || !this._log.isAtEnd || document.hidden || !document.hasFocus() || chat.seq <= this._readTo) return;
    this._readTo = chat.seq;
    this.client.read(this.store, chat.seq).catch(() => {});
  }

  // What the shopper does.

  _key(event) {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Escape") this._escape();
    if (event.key === "Tab" && matchMedia(COVERS).matches) this._goAround(event);
  }

  _escape() {
    if (this._head.isOpen) this._head.toggle(false);
    else if (this._composer.hasOrdersOpen) this._composer.toggleOrders();
    else if (!this._ask.hidden) this._askEnd(false);
    else this.close();
  }

  /** Behind the last comes the first: nothing of the page below can be seen. */
  _goAround(event) {
    const stops = [...this._panel.querySelectorAll("a, :enabled, [tabindex]")].filter((node) => node.getClientRects().length);
    const [from, to] = event.shiftKey ? [stops[0], stops.at(-1)] : [stops.at(-1), stops[0]];
    if (this._root.activeElement !== from) return;
    event.preventDefault();
    to.focus();
  }

  _send(kind, body, id) {
    // What was refused is told by its event, what could not be sent stays in the outbox.
    this.client.send(this.store, body, { kind, id }).catch(() => {});
    this._paint();
    this._log.toEnd();
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
    if (!this._failed.has(id)) {
      this._uploads.again(id);
      return;
    }
    const { frame } = this._failed.get(id);
    this._failed.delete(id);
    this._send(frame.kind, frame.body, id);
  }

  _discard(id) {
    if (!this._failed.delete(id)) this._uploads.drop(id);
    this._paint();
  }

  _after(name, ms, act, wanted = true) {
    clearTimeout(this._timers.get(name));
    this._timers.delete(name);
    if (wanted) this._timers.set(name, setTimeout(act, ms));
  }
}
