/** `<dibs-context>`: what is known of the chat and its shopper beside what was said. Each part is drawn anew only when it has changed. */

import { safe } from "../part/address.js";
import { avatar } from "../part/avatar.js";
import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { number, t } from "../part/locale.js";
import { full } from "../part/time.js";
import { card } from "./card.js";
import { earlier, host, languageName, timeThere } from "./shopper.js";
import { nameOf, standing } from "./summary.js";
import { Watching } from "./watching.js";

const CARDS = 6;
const CLOCK_MS = 20_000;
const PARTS = ["portrait", "page", "facts", "offered", "earlier", "cards", "colleagues"];

export class Context extends Watching {
  begin(desk) {
    this._desk = desk;
    this._parts = new Map(PARTS.map((name) => [name, { node: el("div", { class: "part", "data-part": name }), stands: "" }]));
    this.append(
      el(
        "aside",
        { class: "context", "aria-label": t("contextRegion"), tabindex: "0" },
        el("button", { class: "quiet context-close", type: "button", "aria-label": t("close"), onclick: () => desk.ask("context") }, icon("close")),
        el("div", { class: "context-body" }, [...this._parts.values()].map(({ node }) => node)),
      ),
    );
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = setInterval(() => this._update(), CLOCK_MS);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this._timer);
  }

  _update() {
    const desk = this._desk;
    const { chat } = desk;
    this.hidden = !chat;
    if (!chat) return;
    const { store, user, name, status, owner, since, seq, marks } = chat;
    const where = desk.where.of(chat);
    const told = where?.context ?? {};
    const key = `${store}/${user}`;
    const colleagues = (desk.client.held.agents.get(store) ?? []).filter(({ id }) => id !== desk.me);
    const cards = cardsOf(chat);
    this._show("portrait", [key, name], () => portrait(chat));
    this._show("page", [key, told.page, told.referrer], () => page(told));
    const there = timeThere(told.timezone, desk.now());
    this._show("facts", [key, status, owner, since, seq, marks.user, there, told.device, told.locale, desk.storeName(store)], () => [
      el(
        "dl",
        { class: "facts" },
        there && fact("localTime", there),
        told.locale && fact("shopperLanguage", languageName(String(told.locale))),
        told.device && fact("device", String(told.device)),
        fact("status", standing(desk, chat)),
        fact("since", since ? full(since) : "–"),
        fact("store", desk.storeName(store)),
        fact("messages", number(seq)),
        fact("lastRead", t("lastReadValue", { read: number(marks.user.read), all: number(seq) })),
      ),
    ]);
    this._show("offered", [key, told.product], () => (told.product?.title ? section("looksAt", card({ kind: "product", body: told.product })) : []));
    this._show("earlier", [key, where?.earlier, Math.floor(desk.now() / 86_400_000)], () =>
      where?.earlier?.length ? section("earlier", el("ul", { class: "earlier" }, where.earlier.map((one) => earlier(desk, chat, one)))) : [],
    );
    this._show("cards", [key, cards.map((one) => one.seq)], () => (cards.length ? section("shown", cards.map(card)) : []));
    this._show("colleagues", colleagues, () =>
      section("colleagues", colleagues.length ? el("ul", { class: "colleagues" }, colleagues.map(colleague)) : el("p", { class: "hint" }, t("nobodyElse"))),
    );
  }

  _show(name, depends, made) {
    const part = this._parts.get(name);
    const stands = JSON.stringify(depends);
    if (part.stands === stands) return;
    part.stands = stands;
    part.node.replaceChildren(...[made()].flat());
    part.node.hidden = !part.node.childNodes.length;
  }
}

function fact(name, value) {
  return [el("dt", {}, t(name)), el("dd", { dir: "auto" }, value)];
}

function section(name, ...content) {
  return el("section", {}, el("h3", {}, t(name)), ...content);
}

function portrait(chat) {
  return el("div", { class: "portrait" }, avatar(chat.user, chat.name, "large"), el("p", { class: "portrait-name" }, nameOf(chat)), el("p", { class: "hint" }, chat.user));
}

/** The page that is looked at, and from where its reader came. */
function page({ page: at, referrer }) {
  const url = safe(at?.url);
  const title = at?.title || at?.url;
  if (!title) return [];
  const words = [icon("page"), el("span", {}, String(title))];
  const from = safe(referrer);
  return section(
    "onPage",
    url ? el("a", { class: "page-link", href: url, target: "_blank", rel: "noopener noreferrer", title: url }, words) : el("p", { class: "page-link" }, words),
    from ? el("p", { class: "hint" }, t("cameFrom"), " ", el("a", { href: from, target: "_blank", rel: "noopener noreferrer", title: from }, host(from))) : null,
  );
}

/** The last few products and orders, each once. */
function cardsOf({ messages }) {
  const found = new Map();
  for (let n = messages.length - 1; n >= 0 && n >= messages.length - 500 && found.size < CARDS; n -= 1) {
    const { kind, body } = messages[n];
    const key = kind === "product" ? `p ${body.sku}` : kind === "order" ? `o ${body.number}` : undefined;
    if (key && !found.has(key)) found.set(key, messages[n]);
  }
  return [...found.values()];
}

function colleague({ id, name, status }) {
  return el("li", {}, avatar(id, name, "small"), el("span", {}, name || id), el("span", { class: "presence", "data-status": status }, t(status)));
}

customElements.define("dibs-context", Context);
