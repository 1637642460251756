/** `<dibs-palette>`: every command and every chat, by a few letters of its name. */

import { el, mark } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { ACTIONS, keyOf, perform } from "./action.js";
import { nameOf, standing } from "./summary.js";

const MOST = 12;

export class Palette extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._input = el("input", {
      type: "text",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "palette-list",
      "aria-autocomplete": "list",
      "aria-label": t("paletteHint"),
      placeholder: t("paletteHint"),
      autocomplete: "off",
      spellcheck: "false",
      oninput: () => this._find(),
      onkeydown: (event) => this._key(event),
    });
    this._list = el("ul", { id: "palette-list", role: "listbox", "aria-label": t("commands") });
    this._dialog = el("dialog", { class: "palette", "aria-label": t("commands"), onclick: (event) => event.target === this._dialog && this._dialog.close() }, this._input, this._list);
    this.append(this._dialog);
  }

  connectedCallback() {
    this._end = this._desk.on("palette", () => this._open());
  }

  disconnectedCallback() {
    this._end();
  }

  _open() {
    if (this._dialog.open) return;
    this._input.value = "";
    this._dialog.showModal();
    this._find();
  }

  _find() {
    const desk = this._desk;
    const wanted = this._input.value.trim().toLowerCase();
    const fits = (...words) => words.some((word) => word.toLowerCase().includes(wanted));
    const commands = ACTIONS.filter((one) => one.can(desk, desk.chat) && fits(t(one.id), one.id)).map((one) => ({
      drawn: one.icon,
      name: t(one.id),
      more: el("kbd", {}, keyOf(one)),
      run: () => perform(desk, one.id),
    }));
    const chats = [];
    for (const chat of desk.lists.all) {
      if (!wanted || chats.length === MOST) break;
      if (fits(nameOf(chat), chat.user)) chats.push({ drawn: "bell", name: nameOf(chat), more: standing(desk, chat), run: () => desk.open(chat) });
    }
    this._found = [...chats, ...commands].slice(0, wanted ? MOST : undefined);
    this._list.replaceChildren(
      ...this._found.map(({ drawn, name, more }, n) =>
        el("li", { role: "option", id: `palette-${n}`, onclick: () => this._do(n) }, icon(drawn), el("span", { class: "name" }, name), el("span", { class: "more" }, more)),
      ),
    );
    this._choose(0);
  }

  _choose(n) {
    this._at = n;
    for (const [at, option] of [...this._list.children].entries()) mark(option, "aria-selected", String(at === n));
    mark(this._input, "aria-activedescendant", this._found.length ? `palette-${n}` : null);
    this._list.children[n]?.scrollIntoView({ block: "nearest" });
  }

  _do(n) {
    const found = this._found[n];
    this._dialog.close();
    found?.run();
  }

  _key(event) {
    if (event.isComposing) return;
    const count = this._found.length;
    if (event.key === "Enter") this._do(this._at);
    else if (event.key === "ArrowDown" && count) this._choose((this._at + 1) % count);
    else if (event.key === "ArrowUp" && count) this._choose((this._at + count - 1) % count);
    else return;
    event.preventDefault();
  }
}

customElements.define("dibs-palette", Palette);
