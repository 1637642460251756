/** `<dibs-dialogs>`: what needs an answer before it is done, and the help. */

import { avatar } from "../part/avatar.js";
import { el } from "../part/element.js";
import { t } from "../part/locale.js";
import { ACTIONS, keyOf, paletteKey } from "./action.js";

export class Dialogs extends HTMLElement {
  begin(desk) {
    this._desk = desk;
  }

  connectedCallback() {
    const desk = this._desk;
    this._ends = [
      desk.on("transfer", (chat) => this._transfer(chat)),
      desk.on("announce", () => this._announce()),
      desk.on("help", () => this._help()),
      desk.on("confirmSignOut", (answer) => this._confirm(answer)),
    ];
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
  }

  /** Shows it; `done` is called with what its form holds, or with nothing if it was left. */
  _open(title, content, yes, done) {
    const form = el(
      "form",
      { method: "dialog" },
      el("h2", { id: "dialog-title" }, title),
      content,
      el(
        "div",
        { class: "dialog-buttons" },
        el("button", { class: "quiet", value: "", formnovalidate: true }, yes ? t("cancel") : t("close")),
        yes ? el("button", { class: "primary", value: "yes" }, yes) : null,
      ),
    );
    const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      done?.(dialog.returnValue === "yes" ? new FormData(form) : undefined);
    });
    // The first button is the one that leaves: Enter in a field means the other.
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing || !yes || event.target.matches("button, textarea")) return;
      event.preventDefault();
      if (form.reportValidity()) dialog.close("yes");
    });
    this.append(dialog);
    dialog.showModal();
  }

  _transfer(chat) {
    const desk = this._desk;
    const others = (desk.client.held.agents.get(chat.store) ?? []).filter(({ id }) => id !== chat.owner?.id);
    const load = new Map();
    for (const { status, owner } of desk.client.held.chats.values()) if (status === "claimed") load.set(owner.id, (load.get(owner.id) ?? 0) + 1);
    const busy = ({ id, status }) => (status === "available" ? 0 : 1e6) + (load.get(id) ?? 0);
    others.sort((one, other) => busy(one) - busy(other));
    const choice = ({ id, name, status }, n) =>
      el(
        "label",
        { class: "choice" },
        el("input", { type: "radio", name: "to", value: id, checked: n === 0, autofocus: n === 0 }),
        avatar(id, name, "small"),
        el("span", { class: "choice-name" }, name || id),
        el("span", { class: "hint" }, t("chatCount", { count: load.get(id) ?? 0 })),
        el("span", { class: "presence", "data-status": status }, t(status)),
      );
    const content = [
      el("fieldset", {}, el("legend", { class: "sr" }, t("transferTo")), others.length ? others.map(choice) : el("p", { class: "hint" }, t("nobodyElse"))),
      el("label", { class: "field" }, t("agentId"), el("input", { name: "id", pattern: "[A-Za-z0-9._~\\-]{1,64}", required: !others.length, autocomplete: "off", spellcheck: "false" })),
      el("label", { class: "field" }, t("transferNote"), el("textarea", { name: "note", rows: "2" })),
    ];
    this._open(t("transferTo"), content, t("transfer"), (given) => {
      const to = given && (given.get("id").trim() || given.get("to"));
      if (to) desk.transfer(chat, to, given.get("note").trim());
    });
  }

  _announce() {
    const desk = this._desk;
    const stores = desk.store ? [desk.store] : desk.stores;
    const content = [
      stores.length > 1 ? el("label", { class: "field" }, t("store"), el("select", { name: "store" }, stores.map((one) => el("option", {}, one)))) : null,
      el("label", { class: "field" }, t("announcement"), el("textarea", { name: "text", rows: "3", required: true })),
    ];
    this._open(t("announce"), content, t("announce"), (given) => {
      const text = given?.get("text").trim();
      if (text) desk.announce(given.get("store") ?? stores[0], text);
    });
  }

  _help() {
    const rows = [["commands", paletteKey()], ["replies", "/"], ...ACTIONS.map((one) => [one.id, keyOf(one)])].filter(([, key]) => key);
    this._open(t("help"), [el("dl", { class: "keys" }, rows.map(([id, key]) => el("div", {}, el("dt", {}, t(id)), el("dd", {}, el("kbd", {}, key))))), el("p", { class: "hint" }, t("enterSends"))]);
  }

  _confirm(answer) {
    this._open(t("signOut"), el("p", {}, t("unsent")), t("signOut"), (given) => answer(Boolean(given)));
  }
}

customElements.define("dibs-dialogs", Dialogs);
