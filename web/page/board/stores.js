/** `<dibs-board-stores>`: where a supervisor has several, each in one line, so that the one in need is seen. */

import { Watching } from "../agent/watching.js";
import { el, mark, say } from "../part/element.js";
import { number, t } from "../part/locale.js";
import { stopwatch } from "../part/time.js";
import { live } from "./measure.js";

const COLUMNS = ["column_store", "waitingNow", "longestWait", "oldestUnanswered", "firstResponse", "newChats", "rating"];

export class Stores extends Watching {
  begin(board) {
    this._desk = board;
    this._body = el("tbody", {});
    this._rows = new Map();
    this.append(
      el(
        "section",
        { class: "card-box", "aria-labelledby": "stores-title" },
        el("div", { class: "box-head" }, el("h2", { id: "stores-title" }, t("storesNow"))),
        el("div", { class: "wide", tabindex: "0", role: "group", "aria-labelledby": "stores-title" }, el("table", { class: "plain" }, el("thead", {}, el("tr", {}, COLUMNS.map((word) => el("th", { scope: "col" }, t(word))))), this._body)),
      ),
    );
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = setInterval(() => !this.hidden && this._update(), 1000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this._timer);
  }

  _update() {
    const { stores, store, openChats, figures } = this._desk;
    this.hidden = Boolean(store) || stores.length < 2;
    if (this.hidden) return;
    if (this._shown !== stores.join()) {
      this._shown = stores.join();
      this._rows = new Map(stores.map((one) => [one, this._make(one)]));
      this._body.replaceChildren(...[...this._rows.values()].map(({ node }) => node));
    }
    const open = new Map(stores.map((one) => [one, []]));
    for (const chat of openChats) open.get(chat.store)?.push(chat);
    for (const [one, { cells }] of this._rows) this._show(cells, live(open.get(one), figures.of), figures.of.get(one)?.day);
  }

  _show([waiting, longest, unanswered, first, opened, rating], now, day) {
    say(waiting, number(now.waiting));
    this._clock(longest, now.longest);
    this._clock(unanswered, now.unanswered);
    say(first, day?.first_response.count ? `${stopwatch(day.first_response.p50)} / ${stopwatch(day.first_response.p90)}` : "–");
    say(opened, day ? number(day.opened) : "–");
    say(rating, day?.rating.count ? `${number(Math.round(day.rating.mean * 10) / 10)} (${day.rating.count})` : "–");
  }

  _clock(cell, found) {
    say(cell, found ? stopwatch(this._desk.now() - found.since) : "–");
    mark(cell, "data-level", found ? this._desk.level(found) : null);
  }

  _make(store) {
    const cells = COLUMNS.slice(1).map((_, n) => (n === 1 || n === 2 ? el("span", { class: "clock" }) : el("span", {})));
    const button = el("button", { type: "button", class: "link", title: t("toStore", { store }), onclick: () => this._desk.look({ store }) }, store);
    return { cells, node: el("tr", {}, el("th", { scope: "row" }, button), cells.map((cell) => el("td", {}, cell))) };
  }
}

customElements.define("dibs-board-stores", Stores);
