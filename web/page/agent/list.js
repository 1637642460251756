/** `<dibs-list>`: Mine, Queue and All, with as many rows in the page as can be seen, however many chats there are. */

import { el, mark, say } from "../part/element.js";
import { short, t } from "../part/locale.js";
import { icon } from "../part/icon.js";
import { keyOf, action } from "./action.js";
import "./result.js";
import { Row } from "./row.js";

const ROW_PX = 68;
const SPARE = 6;
const TABS = ["mine", "queue", "all"];

export class List extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._rows = new Map();
    this._tabs = TABS.map((tab) =>
      el(
        "button",
        { role: "tab", type: "button", id: `tab-${tab}`, "aria-controls": "chats", onclick: () => desk.look({ tab }), onkeydown: (event) => this._move(event) },
        el("span", {}, t(tab)),
        el("span", { class: "count" }),
      ),
    );
    this._filter = el("input", {
      type: "search",
      class: "filter",
      placeholder: t("filter"),
      "aria-label": t("filter"),
      oninput: () => desk.look({ filter: this._filter.value }),
      onkeydown: (event) => this._filterKey(event),
    });
    this._filter.value = desk.filter;
    this._everywhere = el("button", { class: "everywhere", type: "button", hidden: true, onclick: () => this._search() }, icon("search"), el("span", {}), el("kbd", {}, "↵"));
    this._results = document.createElement("dibs-results");
    this._results.begin(desk);
    this._space = el("div", { class: "space", role: "presentation" });
    this._scroller = el(
      "div",
      { class: "rows", id: "rows", role: "listbox", tabindex: "0", "aria-label": t("chats"), onkeydown: (event) => this._key(event) },
      this._space,
    );
    this._scroller.addEventListener("scroll", () => this._draw(true), { passive: true });
    this._nothing = el("div", { class: "nothing" }, el("p", {}), el("p", { class: "hint" }));
    this.append(
      el(
        "section",
        { class: "list", "aria-label": t("chats") },
        el("div", { class: "tabs", role: "tablist", "aria-label": t("chats") }, this._tabs),
        el("div", { class: "filter-row" }, this._filter, this._everywhere),
        el("div", { class: "panel", id: "chats", role: "tabpanel" }, this._nothing, this._scroller),
        this._results,
      ),
    );
  }

  connectedCallback() {
    const filter = () => {
      this._desk.search.end();
      this._filter.focus();
      this._filter.select();
    };
    this._end = [
      this._desk.watch(() => this._update()),
      this._desk.on("opened", () => this._reveal()),
      this._desk.on("filter", filter),
      this._desk.on("list", () => {
        this._update();
        this._scroller.focus();
      }),
    ];
    this._timer = setInterval(() => this._tick(), 1000);
    this._size = new ResizeObserver(() => this._draw());
    this._size.observe(this._scroller);
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._end) end();
    clearInterval(this._timer);
    this._size.disconnect();
  }

  _update() {
    const { lists, tab, filter } = this._desk;
    for (const [n, button] of this._tabs.entries()) {
      const count = lists[TABS[n]].length;
      mark(button, "aria-selected", TABS[n] === tab ? "true" : "false");
      mark(button, "tabindex", TABS[n] === tab ? "0" : "-1");
      mark(button, "data-some", count > 0);
      say(button.lastChild, count ? short(count) : "");
    }
    mark(this.querySelector(".panel"), "aria-labelledby", `tab-${tab}`);
    if (this._filter.value !== filter) this._filter.value = filter;
    mark(this.firstChild, "data-search", this._desk.search.isOn);
    this._everywhere.hidden = !filter.trim();
    say(this._everywhere.children[1], t("searchFor", { text: filter.trim() }));
    this._shown = this._desk.rows;
    const isEmpty = !this._shown.length;
    this._nothing.hidden = !isEmpty;
    this._scroller.hidden = isEmpty;
    if (isEmpty) this._sayNothing(lists, tab, filter);
    this._draw();
  }

  _sayNothing(lists, tab, filter) {
    const [words, hint] = this._nothing.children;
    say(words, filter ? t("nothingFound") : t({ mine: "noneMine", queue: "noOneWaits", all: "noneAtAll" }[tab]));
    const canClaim = tab === "mine" && !filter && lists.queue.length;
    say(hint, canClaim ? t("pressQ", { key: keyOf(action("claimLongest")) }) : "");
  }

  /** The rows of what can be seen; those that went out of sight are used for those that came. Where it was only scrolled the others stay. */
  _draw(isScrolled = false) {
    const shown = this._shown ?? [];
    const { scrollTop, clientHeight } = this._scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_PX) - SPARE);
    const last = Math.min(shown.length, Math.ceil((scrollTop + clientHeight) / ROW_PX) + SPARE);
    const height = `${shown.length * ROW_PX}px`;
    if (this._space.style.height !== height) this._space.style.height = height;
    const wanted = shown.slice(first, last);
    const keep = new Set(wanted);
    const free = [];
    for (const [chat, row] of this._rows) {
      if (keep.has(chat)) continue;
      this._rows.delete(chat);
      free.push(row);
    }
    for (const [n, chat] of wanted.entries()) {
      let row = this._rows.get(chat);
      if (row && isScrolled) continue;
      if (!row) {
        row = free.pop() ?? new Row(this._desk, this._space);
        this._rows.set(chat, row);
      }
      row.show(chat, first + n, shown.length, (first + n) * ROW_PX);
    }
    for (const row of free) row.remove();
    mark(this._scroller, "aria-activedescendant", this._rows.get(this._desk.chat)?.id);
    this._more(last, shown.length);
  }

  _more(last, count) {
    const { roll, tab, store, stores, connection, filter } = this._desk;
    const asked = store ? [store] : stores;
    if (tab === "all" && last >= count && !filter && connection.isReady && asked.length && roll.hasMore(asked)) roll.more(asked);
  }

  _tick() {
    for (const row of this._rows.values()) row.tick();
  }

  _reveal() {
    const at = this._desk.rows.indexOf(this._desk.chat);
    if (at < 0) return;
    const { scrollTop, clientHeight } = this._scroller;
    if (at * ROW_PX < scrollTop) this._scroller.scrollTop = at * ROW_PX;
    else if ((at + 1) * ROW_PX > scrollTop + clientHeight) this._scroller.scrollTop = (at + 1) * ROW_PX - clientHeight;
  }

  _key(event) {
    const { rows, chat } = this._desk;
    const at = rows.indexOf(chat);
    const page = Math.max(1, Math.floor(this._scroller.clientHeight / ROW_PX) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (event.key === "Enter") this._desk.ask("compose");
    else if (to === undefined || event.altKey) return;
    else this._desk.open(rows[Math.min(Math.max(to, 0), rows.length - 1)]);
    event.preventDefault();
  }

  _search() {
    this._desk.search.ask(this._filter.value);
  }

  _filterKey(event) {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") this._scroller.focus();
    else if (event.key === "Enter") this._search();
    else if (event.key === "Escape" && this._filter.value) this._desk.look({ filter: "" });
    else return;
    event.preventDefault();
  }

  _move(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const at = (TABS.indexOf(this._desk.tab) + by + TABS.length) % TABS.length;
    this._desk.look({ tab: TABS[at] });
    this._tabs[at].focus();
    event.preventDefault();
  }
}

customElements.define("dibs-list", List);
