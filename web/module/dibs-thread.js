/** The messages of one chat, as they scroll and as a text file: each element is made once, and made anew only where something about it has changed. */

import { dayNumber } from "./dibs-words.js";
import { button, el, icon, link, linked, safe, say } from "./dibs-draw.js";

const NEAR_MS = 180_000;
const NEAR_END = 60;
const NEAR_START = 80;
const PAGE = 200;
const GONE_MS = 10_000;
const WIDEST = 260;
const HIGHEST = 240;
/** What there are words for: of a file by the code, of a message by these. */
const CODES = { too_large: "tooLong", unsupported: "failed", quota: "failed" };

/** The newest stay in sight for whoever looks at them, and older ones come as they are wanted. */
export class Log {
  /** `given()` is what there is to be shown, as for `entries`, and `isTyping`; `seen()` is told when somebody has come to the end. */
  constructor({ words, client, store, given, seen }) {
    Object.assign(this, { client, store, words, seen, _given: given });
    this._known = new Map();
    this._isLoading = false;
    // Whoever looks at the end stays there, whatever takes room above it or below.
    this._isAtEnd = true;
    this._log = el("div", { class: "log", role: "log", tabindex: "0", "aria-labelledby": "title", onscroll: () => this._scrolled() });
    this._typing = el("div", { class: "typing", hidden: true }, words.t("typing"));
    this._latest = button("", () => this._goToEnd(), { class: "latest", hidden: true });
    new ResizeObserver(() => this._isAtEnd && this.toEnd()).observe(this._log);
    this.node = el("div", { class: "thread" }, this._log, this._latest);
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._log;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  toEnd() {
    this._isAtEnd = true;
    this._log.scrollTop = this._log.scrollHeight;
  }

  paint() {
    this._show();
    if (this._isAtEnd) this.toEnd();
    this._fill();
    this._showLatest();
  }

  _show() {
    const given = this._given();
    this._chat = given.chat;
    this._typing.remove();
    this._known = show(this._log, entries({ ...given, words: this.words }), this._known);
    this._typing.hidden = !given.isTyping;
    this._log.append(this._typing);
  }

  _showLatest() {
    const count = this.isAtEnd ? 0 : (this._chat?.unread ?? 0);
    this._latest.hidden = !count;
    if (count) say(this._latest, this.words.t("latest", { count }));
  }

  _goToEnd() {
    this._log.focus({ preventScroll: true });
    this.toEnd();
  }

  _scrolled() {
    this._isAtEnd = this.isAtEnd;
    this._showLatest();
    if (this._isAtEnd) this.seen();
    if (this._log.scrollTop < NEAR_START) this._loadOlder();
  }

  /** After a reload the server tells what is new; what was there before stands in the history. */
  _fill() {
    if (this._chat?.hasOlder && this._log.scrollHeight <= this._log.clientHeight) this._loadOlder();
  }

  async _loadOlder() {
    if (this._isLoading || !this._chat?.hasOlder || this.client.state !== "ready") return;
    this._isLoading = true;
    const height = this._log.scrollHeight;
    try {
      await this.client.history(this.store);
      this._show();
      if (this._isAtEnd) this.toEnd();
      else this._log.scrollTop += this._log.scrollHeight - height;
    } catch {
      // It is asked again at the next turn of the wheel.
    } finally {
      this._isLoading = false;
    }
    this._fill();
  }
}

/** Has the browser save all that the server keeps of the chat; without a connection what is held of it. */
export async function save({ client, store, chat, words }) {
  let messages = chat?.messages ?? [];
  if (client.state === "ready") {
    const all = [];
    let page;
    do {
      page = await client.command("history", { store, before: all[0]?.seq, limit: PAGE }).catch(() => undefined);
      all.unshift(...(page?.messages ?? []));
    } while (page?.more);
    if (page) messages = all;
  }
  const href = URL.createObjectURL(new Blob([transcript(messages, words)], { type: "text/plain;charset=utf-8" }));
  el("a", { href, download: `chat-${store}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(href), GONE_MS);
}

/** A line for each message. */
function transcript(messages, words) {
  const nameOf = (one) => (isMine(one) ? words.t("you") : one.from.name || words.t("store"));
  return messages.map((one) => `${words.full(one.at)}  ${nameOf(one)}: ${plain(one, words)}\n`).join("");
}

/**
 * What stands in the thread, in order: `{key, sign, make}`. The same key is the same element; another `sign` makes it anew.
 * `waiting` are sends without an answer, `failed` those that were refused (`{id, frame, code, at}`), `uploads` files on their way.
 */
function entries({ chat, waiting, failed, uploads, words, base, signed, greeting, now, on }) {
  const messages = chat?.messages ?? [];
  const held = new Set(messages.filter(isMine).map((message) => message.id));
  const unsent = [
    ...waiting.filter(({ id }) => !held.has(id)).map((command) => ({ ...command, state: "sending" })),
    ...failed.map((command) => ({ ...command, state: "failed" })),
  ];
  const mine = unsent.map(({ frame: { kind, body }, ...command }) => ({ ...command, kind, body })).concat(uploads);
  mine.sort((one, other) => one.at - other.at);
  const shown = merged(messages, (chat?.between ?? []).filter(isTold)).concat(mine.map((one) => ({ ...one, type: "message", from: { role: "user" } })));
  const found = [];
  if (!shown.length) found.push(greet(greeting || words.t("greeting")));
  let day;
  shown.forEach((one, place) => {
    if (dayNumber(one.at) !== day) {
      day = dayNumber(one.at);
      found.push(line(`d${day}`, "day", words.day(one.at, now)));
    }
    if (one.type === "status") {
      found.push(line(`s${one.epoch}`, "system", words.t(one.reason, { name: one.owner?.name ?? words.t("store") })));
      return;
    }
    const near = isNear(shown[place - 1], one);
    const foot = isNear(one, shown[place + 1]) && !one.state ? "" : footOf(one, chat, words);
    const mine = isMine(one);
    found.push({
      key: mine ? `i${one.id}` : `m${one.seq}`,
      sign: `${near} ${foot} ${one.state ?? ""} ${one.code ?? ""}`,
      make: () =>
        el(
          "div",
          { class: `message${mine ? " mine" : ""}${near ? " near" : ""}`, "data-seq": one.seq },
          !near && !mine && el("div", { class: "by" }, one.from.name || words.t("store")),
          bodyOf(one, words, base, signed),
          one.state === "sending" && one.bar,
          foot && el("div", { class: "foot" }, ...footParts(one, foot, words, on)),
        ),
    });
  });
  return found;
}

/** Puts these entries into the element, and leaves alone what has not changed. `known` is what it held before, by key; gives the new one. */
function show(log, found, known) {
  const next = new Map();
  let after = null;
  for (const { key, sign, make } of found) {
    const before = known.get(key);
    const node = before?.sign === sign ? before.node : make();
    if (before && before.node !== node) before.node.replaceWith(node);
    next.set(key, { sign, node });
    const place = after ? after.nextSibling : log.firstChild;
    if (place !== node) log.insertBefore(node, place);
    after = node;
  }
  for (const [key, { node }] of known) if (!next.has(key)) node.remove();
  return next;
}

/** A message in one line. */
export function plain({ kind, body }, words) {
  switch (kind) {
    case "text":
      return body.text;
    case "image":
      return `[${body.alt || words.t("image")}]`;
    case "file":
      return `[${body.name}]`;
    case "product":
      return `${body.title} ${words.money(body.price, body.currency)}`.trim();
    case "order":
      return `${words.t("order", { number: body.number })} ${body.status ?? ""}`.trim();
    default:
      return "";
  }
}

/** A product or an order, with its picture. */
export function card(kind, body, words, base) {
  const image = safe(body.image, base);
  const title = kind === "order" ? words.t("order", { number: body.number }) : body.title;
  const price = words.money(kind === "order" ? body.total : body.price, body.currency);
  const more = [body.status, price].filter(Boolean).join(" · ");
  const parts = [
    image && el("img", { src: image, alt: "", loading: "lazy", referrerpolicy: "no-referrer" }),
    kind === "order" && !image && icon("order"),
    el("span", {}, el("b", {}, title), more && el("small", {}, more)),
  ];
  const href = safe(body.url, base);
  const made = href ? link(href, ...parts.filter(Boolean)) : el("div", {}, ...parts);
  made.className = "card";
  return made;
}

function bodyOf({ kind, body, view }, words, base, signed) {
  const href = safe(body.url, base);
  const isOurs = signed.has(body.url);
  const around = (...parts) => (isOurs ? signed.link(body.url, body.name, ...parts) : href ? link(href, ...parts) : el("div", {}, ...parts));
  switch (kind) {
    case "text":
      return el("div", { class: "bubble", dir: "auto" }, ...linked(body.text));
    case "image": {
      const given = { alt: body.alt || words.t("image"), loading: "lazy", referrerpolicy: "no-referrer", ...fitted(body) };
      const gone = (picture) => picture.closest(".bubble").replaceWith(el("div", { class: "bubble" }, `${given.alt} · ${words.t("missing")}`));
      const src = view || href;
      const image = isOurs ? signed.picture(body.url, given, gone) : src ? el("img", { src, ...given }) : words.t("image");
      return el("div", { class: "bubble picture" }, around(image));
    }
    case "file": {
      const made = around(icon("file"), el("span", {}, el("b", {}, body.name), body.size > 0 && el("small", {}, words.size(body.size))));
      made.className = "card";
      return el("div", { class: "bubble" }, made);
    }
    default:
      return el("div", { class: "bubble" }, card(kind, body, words, base));
  }
}

function footOf(one, chat, words) {
  if (one.state === "failed" && one.code in CODES) return words.t(one.bar ? one.code : CODES[one.code]);
  if (one.state) return words.t(one.state);
  const clock = words.clock(one.at);
  if (!isMine(one)) return clock;
  return `${clock} · ${words.t(chat.marks.store.read >= one.seq ? "read" : "sent")}`;
}

function footParts(one, foot, words, on) {
  const act = (word, done) => button(words.t(word), () => done(one.id));
  if (one.state !== "failed") return [foot, one.bar && act("cancel", on.discard)];
  return [el("span", { class: "bad" }, foot), !(one.bar && one.code in CODES) && act("again", on.again), act("discard", on.discard)];
}

/** As large as it is shown, so that nothing moves when it comes. */
function fitted({ width, height }) {
  const share = Math.min(1, WIDEST / width, HIGHEST / height);
  return share > 0 ? { width: Math.round(width * share), height: Math.round(height * share) } : {};
}

function merged(messages, between) {
  const found = [];
  let place = 0;
  for (const message of messages) {
    while (place < between.length && between[place].at < message.at) found.push(between[place++]);
    found.push(message);
  }
  return found.concat(between.slice(place));
}

const greet = (text) => ({ key: "greeting", sign: text, make: () => el("div", { class: "message" }, el("div", { class: "bubble" }, text)) });
const line = (key, kind, text) => ({ key, sign: text, make: () => el("div", { class: kind }, text) });
const isMine = (message) => message.from?.role === "user";
/** That a chat began the shopper knows. */
const isTold = (one) => one.type === "status" && one.reason !== "new";

function isNear(one, other) {
  if (one?.type !== "message" || other?.type !== "message") return false;
  const sameSide = isMine(one) === isMine(other) && (isMine(one) || one.from.id === other.from.id);
  return sameSide && !one.state === !other.state && other.at - one.at < NEAR_MS && dayNumber(one.at) === dayNumber(other.at);
}
