/** Finds words in what is loaded of a chat. */

import { el, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { keyOf } from "./excerpt.js";
import { inLine } from "./summary.js";

export class Finder {
  constructor(desk, show) {
    this._desk = desk;
    this._show = show;
    this._count = el("span", { class: "hint", role: "status" });
    this._input = el("input", { type: "search", "aria-label": t("search"), placeholder: t("search"), oninput: () => this._find(), onkeydown: (event) => this._key(event) });
    const button = (word, drawn, run) => el("button", { class: "quiet", type: "button", "aria-label": t(word), title: t(word), onclick: run }, icon(drawn));
    this.node = el(
      "div",
      { class: "finder", role: "search", hidden: true },
      icon("search"),
      this._input,
      this._count,
      button("up", "up", () => this._step(-1)),
      button("down", "down", () => this._step(1)),
      el("button", { class: "quiet", type: "button", onclick: () => desk.search.ask(this._input.value, desk.chat) }, t("wholeHistory")),
      button("close", "close", () => this.close()),
    );
  }

  open() {
    this.node.hidden = false;
    this._input.focus();
    this._input.select();
  }

  close() {
    if (this.node.hidden) return;
    this.node.hidden = true;
    this._desk.ask("compose");
  }

  _find() {
    const wanted = this._input.value.trim().toLowerCase();
    const { messages } = this._desk.reading.shown;
    this._found = wanted ? messages.filter((one) => inLine(one).toLowerCase().includes(wanted)).map(keyOf) : [];
    this._at = this._found.length - 1;
    this._tell(wanted);
  }

  _step(by) {
    const count = this._found?.length;
    if (!count) return;
    this._at = (this._at + by + count) % count;
    this._tell(true);
  }

  _tell(isAsked) {
    const count = this._found.length;
    say(this._count, count ? t("found", { at: this._at + 1, count }) : isAsked ? t("foundNone") : "");
    if (count) this._show(this._found[this._at]);
  }

  _key(event) {
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter") this._step(event.shiftKey ? 1 : -1);
    else return;
    event.preventDefault();
  }
}
