/** The end of a thread: what has no answer yet, and what was refused, with what can be done about it. */

import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { said, tick } from "./line.js";
import { refusal } from "./summary.js";

export class Tail {
  constructor(desk) {
    this._desk = desk;
    this.node = el("div", { class: "tail" });
  }

  show(chat) {
    const desk = this._desk;
    const stored = new Set(chat.messages.slice(-200).map(({ id }) => id));
    for (const { type, id } of chat.between.slice(-50)) if (type === "note") stored.add(id);
    const isSaid = ({ frame }) => frame.type === "send" || frame.type === "note";
    const waiting = desk.waiting(chat).filter((one) => isSaid(one) && !stored.has(one.id));
    const refused = desk.refusals.of(chat).filter(({ id }) => !stored.has(id) && !waiting.some((one) => one.id === id));
    const stands = [chat.store, chat.user, ...waiting.map(({ id }) => id), "/", ...refused.map(({ id }) => id)].join(" ");
    if (stands === this._stands) return;
    this._stands = stands;
    this.node.replaceChildren(...refused.map((one) => this._refused(chat, one)), ...waiting.map((one) => this._waiting(chat, one)));
  }

  _line(chat, { frame, at }) {
    const type = frame.type === "note" ? "note" : "message";
    return said(this._desk, chat, { type, from: { role: "agent", id: this._desk.me }, kind: frame.kind, body: frame.body, at });
  }

  _waiting(chat, one) {
    const line = this._line(chat, one);
    line.classList.add("is-waiting");
    const node = line.querySelector(".tick") ?? line.querySelector(".said-foot").appendChild(el("span", { class: "tick" }));
    tick(node, "sending", t("sending"));
    return line;
  }

  _refused(chat, one) {
    const line = this._line(chat, one);
    line.classList.add("is-refused");
    line.querySelector(".said-foot").replaceChildren(
      icon("alert"),
      el("span", {}, t("failed", { why: refusal(one) })),
      el("button", { class: "link", type: "button", onclick: () => this._desk.retry(one) }, t("retry")),
      el("button", { class: "link", type: "button", onclick: () => this._desk.refusals.drop(one.id) }, t("discard")),
    );
    return line;
  }
}
