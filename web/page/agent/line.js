/** What stands in a thread: messages, notes, what happened, days. */

import { pieces, safe } from "../part/address.js";
import { avatar } from "../part/avatar.js";
import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { bytes, t } from "../part/locale.js";
import { clock, day, dayName, full } from "../part/time.js";
import { card } from "./card.js";
import { keyOf } from "./excerpt.js";
import { follow, isKept, signed } from "./signed.js";
import { nameOf, partyName } from "./summary.js";

const TOGETHER_MS = 120_000;

/** The elements of one entry; `before` is the one above it. */
export function lines(desk, chat, { one, before }) {
  const made = [];
  if (!before || day(before.at) !== day(one.at)) made.push(el("h3", { class: "day" }, el("span", {}, dayName(one.at, desk.now()))));
  if (one.type === "message" && desk.reading.divider?.seq === one.seq)
    made.push(el("p", { class: "new" }, el("span", {}, t("newMessages", { count: desk.reading.divider.count }))));
  made.push(one.type === "status" ? happening(chat, one) : said(desk, chat, one, before));
  made.at(-1).dataset.key = keyOf(one);
  return made;
}

function happening(chat, { by, owner, reason, at }) {
  const who = by?.role === "user" ? nameOf(chat) : partyName(by);
  return el("p", { class: "happening", title: full(at) }, el("span", {}, t(`event_${reason}`, { by: who, to: partyName(owner) })), el("time", {}, clock(at)));
}

/** A message or a note, also one that has no answer yet. */
export function said(desk, chat, one, before) {
  const isNote = one.type === "note";
  const isUser = one.from.role === "user";
  const isOwn = !isUser && one.from.id === desk.me;
  const isTogether =
    before?.type === one.type && before.from.id === one.from.id && before.from.role === one.from.role && one.at - before.at < TOGETHER_MS && day(before.at) === day(one.at);
  const name = isUser ? nameOf(chat) : partyName(one.from);
  const side = isUser ? "user" : "store";
  return el(
    "article",
    { class: `said ${side}${isTogether ? " together" : ""}${isNote ? " note" : ""}`, "aria-label": isNote ? t("noteBy", { name }) : name },
    isTogether ? el("span", { class: "avatar-space" }) : avatar(one.from.id, name, "small"),
    el(
      "div",
      { class: "said-body" },
      isTogether || (isOwn && !isNote) ? null : el("p", { class: "said-name" }, isNote ? t("noteBy", { name }) : name),
      content(desk, isNote ? { kind: "text", body: one.body } : one),
      el("p", { class: "said-foot" }, el("time", { title: full(one.at) }, clock(one.at)), isUser || isNote ? null : el("span", { class: "tick" })),
    ),
  );
}

function content(desk, { kind, body }) {
  if (kind === "image") return image(desk, body);
  if (kind === "file") return file(desk, body);
  if (kind === "product" || kind === "order") return card({ kind, body });
  const parts = pieces(String(body.text ?? "")).map(({ text, url }) =>
    url ? el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text,
  );
  return el("p", { class: "bubble", dir: "auto" }, parts);
}

const PICTURE_PX = { width: 260, height: 300 };

function image(desk, { url, alt, width, height }) {
  const found = safe(url);
  const missing = () => el("p", { class: "bubble missing" }, icon("alert"), t("brokenImage"));
  if (!found) return missing();
  const picture = el("img", { alt: alt ?? "", loading: "lazy", referrerpolicy: "no-referrer" });
  // Room is kept for it, so that nothing moves when it comes.
  if (width > 0 && height > 0) {
    const share = Math.min(1, PICTURE_PX.width / width, PICTURE_PX.height / height);
    picture.width = Math.round(width * share);
    picture.height = Math.round(height * share);
  }
  const link = el("a", { class: "picture", href: found, target: "_blank", rel: "noopener noreferrer", "aria-label": alt || t("openImage") }, picture);
  const fail = () => link.replaceWith(missing());
  if (isKept(url)) {
    follow(desk, link, url);
    show(desk, picture, url, fail);
  } else {
    picture.addEventListener("error", fail);
    picture.src = found;
  }
  return link;
}

/** Shows a kept picture; its address may have ended before the picture was scrolled into sight. */
async function show(desk, picture, url, fail, isSecond = false) {
  const found = await signed(desk, url);
  if (!found) {
    fail();
    return;
  }
  picture.onerror = () => (isSecond ? fail() : show(desk, picture, url, fail, true));
  picture.src = found;
}

function file(desk, { url, name, size }) {
  const found = safe(url);
  const words = [
    el("span", { class: "card-face" }, icon("file")),
    el("span", { class: "card-words" }, el("strong", {}, String(name)), Number.isFinite(size) ? el("span", { class: "card-sub" }, bytes(size)) : null),
  ];
  if (!found) return el("div", { class: "card" }, words);
  const link = el("a", { class: "card", href: found, target: "_blank", rel: "noopener noreferrer" }, words);
  if (isKept(url)) follow(desk, link, url, String(name));
  return link;
}

/** How far a message of ours has come: `[state, words]`. */
export function markOf(chat, seq) {
  const { received, read } = chat.marks.user;
  if (seq <= read) return ["read", t("wasRead")];
  return seq <= received ? ["delivered", t("delivered")] : ["stored", t("stored")];
}

const DRAWN = { sending: "clock", stored: "tick", delivered: "ticks" };

/** Draws the mark of a message of ours, if it is another than before. */
export function tick(node, state, words) {
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  if (state === "read") node.replaceChildren(words);
  else node.replaceChildren(icon(DRAWN[state]), el("span", { class: "sr" }, words));
  node.title = words;
}
