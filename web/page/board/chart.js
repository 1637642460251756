/** `<dibs-chart>`: who waited and who was answered over the day; the same figures as a table, for whoever does not look at drawings. */

import { Watching } from "../agent/watching.js";
import { el, mark, say } from "../part/element.js";
import { number, t } from "../part/locale.js";
import { clock } from "../part/time.js";
import { hours } from "./measure.js";
import { plot, span } from "./plot.js";

const QUARTER_MS = 900_000;

export class Chart extends Watching {
  begin(board) {
    this._desk = board;
    this._at = -1;
    this._area = el("div", { class: "plot-area", role: "group", tabindex: "0", onkeydown: (event) => this._key(event), onblur: () => this._point(-1) });
    this._area.addEventListener("pointermove", (event) => this._point(this._drawn?.indexAt(event.clientX - this._area.getBoundingClientRect().left) ?? -1));
    this._area.addEventListener("pointerleave", () => this._point(-1));
    this._quarter = el("p", { class: "quarter", "aria-live": "polite" });
    this._nothing = el("p", { class: "hint plot-nothing" });
    this._body = el("tbody", {});
    this._table = el(
      "div",
      { class: "plot-table sr" },
      el(
        "table",
        { class: "plain" },
        el("caption", { class: "sr" }, t("chart")),
        el("thead", {}, el("tr", {}, ["chartTime", "chartWaitingEnd", "chartAnswered", "chartOpened"].map((word) => el("th", { scope: "col" }, t(word))))),
        this._body,
      ),
    );
    this._turn = el("button", { class: "quiet", type: "button", "aria-pressed": "false", onclick: () => this._show(this._table.classList.contains("sr")) }, t("chartTable"));
    const key = (name) => el("li", {}, el("span", { class: `key key-${name}` }), t(name === "waiting" ? "chartWaiting" : "chartAnswered"));
    this.append(
      el(
        "section",
        { class: "card-box", "aria-labelledby": "chart-title" },
        el("div", { class: "box-head" }, el("h2", { id: "chart-title" }, t("chart")), el("ul", { class: "keys-of-plot" }, key("waiting"), key("answered")), this._turn),
        el("div", { class: "plot-frame" }, this._area, this._nothing),
        this._table,
        this._quarter,
      ),
    );
  }

  connectedCallback() {
    this._size = new ResizeObserver(() => this._draw());
    this._size.observe(this._area);
    super.connectedCallback();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._size.disconnect();
  }

  _update() {
    this._draw();
  }

  _draw() {
    const { day } = this._desk;
    const width = Math.floor(this._area.clientWidth);
    if (!width) return;
    const series = day?.series ?? [];
    const { from, to } = span(day?.from ?? this._desk.from, this._desk.now());
    const stands = `${width} ${from} ${to} ${series.map(({ opened, answered, waiting }) => `${opened},${answered},${waiting}`).join(" ")}`;
    const isNothing = series.every(({ opened, answered, waiting }) => !opened && !answered && !waiting);
    this._nothing.hidden = !isNothing;
    say(this._nothing, day ? t("chartNothing") : t("figuresLoading"));
    if (stands === this._stands) return;
    this._stands = stands;
    this._series = series;
    this._drawn = plot(series, { from, to }, width, this._desk.now());
    this._area.replaceChildren(this._drawn.node);
    mark(this._area, "aria-label", t("chartHint", { from: clock(from), to: clock(Math.min(to, this._desk.now())) }));
    this._point(Math.min(this._at, series.length - 1));
    this._body.replaceChildren(
      ...hours(series).map(({ at, end, waiting, answered, opened }) =>
        el("tr", {}, el("th", { scope: "row" }, `${clock(at)}–${clock(end)}`), [waiting, answered, opened].map((value) => el("td", {}, number(value)))),
      ),
    );
  }

  /** Which quarter is looked at; -1 is none. */
  _point(n) {
    this._at = n;
    this._drawn?.show(n);
    const one = this._series?.[n];
    say(this._quarter, one ? t("chartQuarter", { from: clock(one.at), to: clock(one.at + QUARTER_MS), waiting: number(one.waiting), answered: number(one.answered), opened: number(one.opened) }) : "");
  }

  _key(event) {
    const last = (this._series?.length ?? 0) - 1;
    const to = { ArrowLeft: this._at < 0 ? last : this._at - 1, ArrowRight: this._at < 0 ? last : this._at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this._point(Math.min(Math.max(to, 0), last));
  }

  _show(isTable) {
    this._table.classList.toggle("sr", !isTable);
    this._area.parentElement.hidden = isTable;
    mark(this._table, "tabindex", isTable ? "0" : null);
    mark(this._turn, "aria-pressed", String(isTable));
    this._draw();
  }
}

customElements.define("dibs-chart", Chart);
