/** `<dibs-context>`: what is known of the chat beside what was said in it. */

import { avatar } from "../part/avatar.js";
import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { number, t } from "../part/locale.js";
import { full } from "../part/time.js";
import { card } from "./card.js";
import { nameOf, standing } from "./summary.js";
import { Watching } from "./watching.js";

const CARDS = 6;

export class Context extends Watching {
  begin(desk) {
    this._desk = desk;
    this._body = el("div", { class: "context-body" });
    this.append(
      el(
        "aside",
        { class: "context", "aria-label": t("contextRegion"), tabindex: "0" },
        el("button", { class: "quiet context-close", type: "button", "aria-label": t("close"), onclick: () => desk.ask("context") }, icon("close")),
        this._body,
      ),
    );
  }

  _update() {
    const desk = this._desk;
    const { chat } = desk;
    this.hidden = !chat;
    if (!chat) return;
    const colleagues = (desk.client.held.agents.get(chat.store) ?? []).filter(({ id }) => id !== desk.me);
    const cards = cardsOf(chat);
    const stands = JSON.stringify([chat.store, chat.user, chat.name, chat.status, chat.owner, chat.since, chat.seq, chat.marks.user, colleagues, cards.map(({ seq }) => seq)]);
    if (stands === this._stands) return;
    this._stands = stands;
    const fact = (name, value) => [el("dt", {}, t(name)), el("dd", {}, value)];
    this._body.replaceChildren(
      el("div", { class: "portrait" }, avatar(chat.user, chat.name, "large"), el("p", { class: "portrait-name" }, nameOf(chat)), el("p", { class: "hint" }, chat.user)),
      el(
        "dl",
        { class: "facts" },
        fact("status", standing(desk, chat)),
        fact("since", chat.since ? full(chat.since) : "–"),
        fact("store", chat.store),
        fact("messages", number(chat.seq)),
        fact("lastRead", t("lastReadValue", { read: number(chat.marks.user.read), all: number(chat.seq) })),
      ),
      cards.length ? el("section", {}, el("h3", {}, t("shown")), cards.map(card)) : "",
      el("section", {}, el("h3", {}, t("colleagues")), colleagues.length ? el("ul", { class: "colleagues" }, colleagues.map(colleague)) : el("p", { class: "hint" }, t("nobodyElse"))),
    );
  }
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
