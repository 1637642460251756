/** `<dibs-board-dialogs>`: what a supervisor is asked before it is done: to whom, whether, and what everybody shall hear. */

import { keyOf } from "../agent/action.js";
import { Dialogs } from "../agent/dialog.js";
import { nameOf, partyName } from "../agent/summary.js";
import { el, say } from "../part/element.js";
import { t } from "../part/locale.js";
import { ACTIONS } from "./action.js";
import { people } from "./measure.js";

const LONGEST_NOTE = 2000;

export class BoardDialogs extends Dialogs {
  connectedCallback() {
    super.connectedCallback();
    const board = this._desk;
    this._ends.push(
      board.on("assign", (chat) => this._assign(chat)),
      board.on("close", (chat) => this._close(chat)),
    );
  }

  _assign(chat) {
    const board = this._desk;
    const { held } = board.client;
    const others = people([chat.store], board.figures.of, held, board.openChats).filter(({ id }) => id !== chat.owner?.id);
    const isFree = ({ status, chats, limit }) => status === "available" && (!limit || chats < limit);
    const first = others.find(isFree) ?? others[0];
    const choice = (one) => {
      const { id, name, status, chats, limit } = one;
      const isFull = limit > 0 && chats >= limit;
      const hint = [limit ? t("load", { chats, limit }) : t("loadFree", { count: chats }), isFull ? t("fullHint") : "", status === "gone" ? t("goneHint") : ""];
      return el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name: "to", value: id, checked: one === first, autofocus: one === first }),
        el("span", { class: "choice-words" }, el("span", {}, name), el("span", { class: "hint" }, hint.filter(Boolean).join(" · "))),
        el("span", { class: "presence", "data-status": status }, t(status)),
      );
    };
    const content = others.length
      ? [
          el("fieldset", { class: "choices" }, el("legend", { class: "sr" }, t("agents")), others.map(choice)),
          el("label", { class: "field" }, t("assignNote"), el("textarea", { name: "note", rows: "2", maxlength: LONGEST_NOTE })),
        ]
      : el("p", { class: "hint" }, t("nobodyToAssign"));
    // What was seen when it was asked: whoever got the chat meanwhile keeps it.
    const { store, user, epoch, name } = chat;
    this._open(t("assignTitle", { name: nameOf(chat) }), content, others.length ? t("assign") : "", (given) => {
      const to = others.find(({ id }) => id === given?.get("to"));
      if (to) board.assign({ store, user, epoch, name }, to, given.get("note").trim());
    });
  }

  _close(chat) {
    const { epoch } = chat;
    const words = [chat.owner ? t("closeOwned", { owner: partyName(chat.owner) }) : "", t("closeHint")];
    this._open(t("closeTitle", { name: nameOf(chat) }), el("p", {}, words.filter(Boolean).join(" ")), t("resolve"), (given) => given && this._desk.resolve(chat, epoch));
  }

  _announce() {
    const board = this._desk;
    const several = board.store ? [board.store] : board.stores;
    const who = el("p", { class: "hint", id: "announce-who" });
    const select = el("select", { name: "store", onchange: () => tell() }, el("option", { value: "" }, `${t("announceAll")} (${several.length})`), several.map((one) => el("option", { value: one }, one)));
    const chosen = () => (several.length > 1 && !select.value ? several : [several.length > 1 ? select.value : several[0]]);
    const tell = () => {
      const here = new Set(chosen().flatMap((store) => (board.client.held.agents.get(store) ?? []).map(({ id }) => id)));
      say(who, t("announceWho", { count: here.size }));
    };
    tell();
    const content = [
      several.length > 1 ? el("label", { class: "field" }, t("store"), select) : null,
      el("label", { class: "field" }, t("announcement"), el("textarea", { name: "text", rows: "3", required: true, maxlength: LONGEST_NOTE, autofocus: true, "aria-describedby": "announce-who" })),
      who,
    ];
    this._open(several.length > 1 ? t("announce") : `${t("announce")} · ${several[0] ?? ""}`, content, t("announce"), (given) => {
      const text = given?.get("text").trim();
      if (text) for (const store of chosen()) board.announce(store, text);
    });
  }

  _help() {
    const rows = [...ACTIONS.map((one) => [one.id, keyOf(one)])].filter(([, key]) => key);
    this._open(t("help"), [el("dl", { class: "keys" }, rows.map(([id, key]) => el("div", {}, el("dt", {}, t(id)), el("dd", {}, el("kbd", {}, key))))), el("p", { class: "hint" }, t("enterOpens"))]);
  }
}

customElements.define("dibs-board-dialogs", BoardDialogs);
