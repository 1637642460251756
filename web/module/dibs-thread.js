/** The messages of one chat as elements: each made once, and made anew only where something about it has changed. */

import { dayNumber } from "./dibs-words.js";
import { el, icon, link, linked, safe } from "./dibs-draw.js";

const NEAR_MS = 180_000;

/**
 * What stands in the thread, in order: `{key, sign, make}`. The same key is the same element; another `sign` makes it anew.
 * `waiting` are sends without an answer, `failed` those that were refused (`{id, frame, code, at}`).
 */
export function entries({ chat, waiting, failed, words, base, now, on }) {
  const messages = chat?.messages ?? [];
  const held = new Set(messages.filter(isMine).map((message) => message.id));
  const unsent = [
    ...waiting.filter(({ id }) => !held.has(id)).map((command) => ({ ...command, state: "sending" })),
    ...failed.map((command) => ({ ...command, state: "failed" })),
  ];
  const shown = merged(messages, (chat?.between ?? []).filter(isTold)).concat(
    unsent.map(({ id, frame, at, state, code }) => ({ type: "message", id, at, kind: frame.kind, body: frame.body, from: { role: "user" }, state, code })),
  );
  const found = [];
  if (!shown.length) found.push(greeting(words));
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
          bodyOf(one, words, base),
          foot && el("div", { class: "foot" }, ...footParts(one, foot, words, on)),
        ),
    });
  });
  return found;
}

/** Puts these entries into the element, and leaves alone what has not changed. `known` is what it held before, by key; gives the new one. */
export function show(log, found, known) {
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

/** The chat as a text, a line for each message. `messages` in order. */
export function transcript(messages, words) {
  const lines = messages.map((one) => {
    const name = isMine(one) ? words.t("you") : one.from.name || words.t("store");
    return `${words.full(one.at)}  ${name}: ${plain(one, words)}`;
  });
  return `${lines.join("\n")}\n`;
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

function bodyOf({ kind, body }, words, base) {
  const href = safe(body.url, base);
  switch (kind) {
    case "text":
      return el("div", { class: "bubble", dir: "auto" }, ...linked(body.text));
    case "image": {
      const sizes = { width: body.width, height: body.height };
      const image = href && el("img", { src: href, alt: body.alt || words.t("image"), loading: "lazy", referrerpolicy: "no-referrer", ...sizes });
      return el("div", { class: "bubble picture" }, image ? link(href, image) : words.t("image"));
    }
    case "file": {
      const parts = [icon("file"), el("span", {}, el("b", {}, body.name))];
      const made = href ? link(href, ...parts) : el("div", {}, ...parts);
      made.className = "card";
      return el("div", { class: "bubble" }, made);
    }
    default:
      return el("div", { class: "bubble" }, card(kind, body, words, base));
  }
}

function footOf(one, chat, words) {
  if (one.state) return words.t(one.code === "too_large" ? "tooLong" : one.state);
  const clock = words.clock(one.at);
  if (!isMine(one)) return clock;
  return `${clock} · ${words.t(chat.marks.store.read >= one.seq ? "read" : "sent")}`;
}

function footParts(one, foot, words, on) {
  if (one.state !== "failed") return [foot];
  const button = (word, act) => el("button", { type: "button", onclick: () => act(one.id) }, words.t(word));
  return [el("span", { class: "bad" }, foot), button("again", on.again), button("discard", on.discard)];
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

const greeting = (words) => ({
  key: "greeting",
  sign: "",
  make: () => el("div", { class: "message" }, el("div", { class: "bubble" }, words.t("greeting"))),
});
const line = (key, kind, text) => ({ key, sign: text, make: () => el("div", { class: kind }, text) });
const isMine = (message) => message.from?.role === "user";
/** That a chat began the shopper knows. */
const isTold = (one) => one.type === "status" && one.reason !== "new";

function isNear(one, other) {
  if (one?.type !== "message" || other?.type !== "message") return false;
  const sameSide = isMine(one) === isMine(other) && (isMine(one) || one.from.id === other.from.id);
  return sameSide && !one.state === !other.state && other.at - one.at < NEAR_MS && dayNumber(one.at) === dayNumber(other.at);
}
