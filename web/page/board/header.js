/** `<dibs-board-header>`: which store, of when the figures are, and which part of time they count. */

import { Watching } from "../agent/watching.js";
import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { exact } from "../part/time.js";

const PERIODS = ["today", "24"];

export class BoardHeader extends Watching {
  begin(board) {
    this._desk = board;
    this._store = el("span", { class: "board-store" });
    this._when = el("p", { class: "hint when" });
    this._periods = PERIODS.map((period) =>
      el("button", { type: "button", "data-period": period, onclick: () => board.choose({ period }) }, t(`day_${period}`)),
    );
    this._who = el("span", { class: "who" });
    this.append(
      el(
        "header",
        {},
        el("h1", { class: "brand" }, t("board")),
        this._store,
        el("span", { class: "spring" }),
        this._when,
        el("div", { class: "segments", role: "group", "aria-label": t("period") }, this._periods),
        el("button", { class: "quiet announce", type: "button", "aria-label": t("announce"), onclick: () => board.ask("announce") }, icon("megaphone"), el("span", {}, t("announce"))),
        this._who,
      ),
    );
  }

  _update() {
    const { day, period, stores, store, client, me } = this._desk;
    say(this._store, stores.length > 1 ? (store ?? t("allStores")) : (stores[0] ?? ""));
    say(this._when, day ? t("figuresOf", { at: exact(day.at) }) : t("figuresLoading"));
    for (const button of this._periods) mark(button, "aria-pressed", String(button.dataset.period === period));
    const name = client.welcome?.name ?? this._name ?? me;
    if (name === this._name) return;
    this._name = name;
    this._who.replaceChildren(avatar(me, name, "small"), el("span", { class: "name" }, name));
  }
}

customElements.define("dibs-board-header", BoardHeader);
