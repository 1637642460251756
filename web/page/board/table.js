/** `<dibs-table>`: the open chats, sorted and filtered, with as many rows in the page as can be seen. Arrows move, Enter opens. */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { number, t } from "../part/locale.js";
import { keyOf } from "../agent/action.js";
import { action } from "./action.js";
import { COLUMNS, STATES, isIn } from "./order.js";
import { TableRow } from "./table-row.js";

const SPARE = 6;
const GUESS_PX = 46;

export class Table extends HTMLElement {
  begin(board) {
    this._board = board;
    this._slots = [];
    this._heads = Object.keys(COLUMNS).map((by) =>
      el("span", { role: "columnheader", class: `cell-${by}`, "data-column": by }, el("button", { type: "button", onclick: () => this._sort(by) }, t(`column_${by}`), el("span", { class: "way", "aria-hidden": "true" }))),
    );
    this._states = STATES.map((state) => el("button", { type: "button", "data-state": state, onclick: () => board.choose({ state }) }, t(`state_${state}`), el("span", { class: "count" })));
    this._filter = el("input", {
      type: "search",
      placeholder: t("filter"),
      title: `${t("filterKey")} (${keyOf(action("filterKey"))})`,
      "aria-label": t("filterKey"),
      oninput: () => board.look({ filter: this._filter.value }),
      onkeydown: (event) => event.key === "ArrowDown" && (event.preventDefault(), this._focus(0)),
    });
    this._filter.value = board.filter;
    this._owner = el("button", { type: "button", class: "chip", onclick: () => board.choose({ owner: null }) }, el("span", {}), icon("close"));
    this._space = el("div", { class: "table-space", role: "rowgroup" });
    this._grid = el(
      "div",
      { class: "table", role: "grid", "aria-labelledby": "table-title", onkeydown: (event) => this._key(event) },
      el("div", { role: "rowgroup", class: "table-head" }, el("div", { role: "row", class: "table-row" }, this._heads)),
      this._space,
    );
    this._count = el("span", { class: "hint", role: "status" });
    this._clear = el("button", { type: "button", class: "quiet", onclick: () => board.clear() }, t("clearFilters"));
    this._nothing = el("div", { class: "nothing" }, el("p", {}), el("p", { class: "hint" }), this._clear);
    this.append(
      el(
        "section",
        { class: "card-box table-box", "aria-labelledby": "table-title" },
        el(
          "div",
          { class: "box-head" },
          el("h2", { id: "table-title" }, t("openChats")),
          this._count,
          el("span", { class: "spring" }),
          this._owner,
          el("div", { class: "segments", role: "group", "aria-label": t("status") }, this._states),
          el("div", { class: "table-filter" }, this._filter),
        ),
        this._grid,
        this._nothing,
      ),
    );
  }

  connectedCallback() {
    const board = this._board;
    this._scroller = this.closest(".board-main");
    this._draws = () => this._draw();
    this._scroller.addEventListener("scroll", this._draws, { passive: true });
    this._ends = [board.watch(() => this._update()), board.on("palette", () => this._filter.focus()), board.on("opened", () => this._reveal()), board.on("left", (chat) => this._back(chat))];
    this._timer = setInterval(() => this._slots.forEach((row) => row.tick()), 1000);
    this._size = new ResizeObserver(() => {
      this._rowPx = undefined;
      this._draw();
    });
    this._size.observe(this._scroller);
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
    this._scroller.removeEventListener("scroll", this._draws);
    clearInterval(this._timer);
    this._size.disconnect();
  }

  _update() {
    const board = this._board;
    const { openChats, rows, sort, state, owner, filter, stores, store, people, connection } = board;
    for (const head of this._heads) {
      const isIt = head.dataset.column === sort.by;
      mark(head, "aria-sort", isIt ? (sort.isDown ? "descending" : "ascending") : "none");
      say(head.querySelector(".way"), isIt ? (sort.isDown ? "↓" : "↑") : "");
    }
    mark(this._grid, "data-stores", stores.length > 1 && !store);
    for (const button of this._states) {
      const count = openChats.filter((chat) => isIn(button.dataset.state, chat)).length;
      mark(button, "aria-pressed", String(button.dataset.state === state));
      say(button.lastChild, number(count));
    }
    this._owner.hidden = !owner;
    if (owner) say(this._owner.firstChild, t("ownerFilter", { name: people.find(({ id }) => id === owner)?.name ?? owner }));
    if (this._filter.value !== filter) this._filter.value = filter;
    say(this._count, rows.length === openChats.length ? "" : t("someOf", { count: number(rows.length), all: number(openChats.length) }));
    this._rows = rows;
    mark(this._grid, "aria-rowcount", rows.length + 1);
    this._grid.hidden = !rows.length;
    this._nothing.hidden = Boolean(rows.length);
    if (!rows.length) this._sayNothing(openChats.length > 0, connection.isReady || stores.length > 0);
    this._draw();
  }

  _sayNothing(isFiltered, isKnown) {
    const [words, hint] = this._nothing.children;
    say(words, isFiltered ? t("nothingFound") : isKnown ? t("noOpenChats") : t("loading"));
    say(hint, isFiltered || !isKnown ? "" : t("noOpenChatsHint"));
    this._clear.hidden = !isFiltered;
  }

  /** The rows that can be seen. Slots stay where they are in the page, so that focus stays too; it follows its chat. */
  _draw() {
    const rows = this._rows ?? [];
    if (!rows.length) {
      for (const slot of this._slots.splice(0)) slot.remove();
      return;
    }
    const hadFocus = this._slots.some(({ node }) => node === document.activeElement);
    const rowPx = this._measure();
    const top = this._space.getBoundingClientRect().top - this._scroller.getBoundingClientRect().top;
    const first = Math.max(0, Math.min(rows.length, Math.floor(-top / rowPx)) - SPARE);
    const last = Math.min(rows.length, Math.max(first, Math.ceil((this._scroller.clientHeight - top) / rowPx)) + SPARE);
    const height = `${rows.length * rowPx}px`;
    if (this._space.style.height !== height) this._space.style.height = height;
    while (this._slots.length < last - first) this._slots.push(new TableRow(this._board, this._space));
    while (this._slots.length > Math.max(1, last - first)) this._slots.pop().remove();
    const cursor = this._cursor();
    for (const [n, slot] of this._slots.entries()) if (rows[first + n]) slot.show(rows[first + n], first + n, (first + n) * rowPx, first + n === cursor);
    this._first = first;
    if (hadFocus) this._slots[cursor - first]?.node.focus({ preventScroll: true });
  }

  _measure() {
    if (!this._slots.length) this._slots.push(new TableRow(this._board, this._space));
    this._rowPx ??= this._slots[0].node.offsetHeight || undefined;
    return this._rowPx ?? GUESS_PX;
  }

  /** The row that the keyboard is at: that of its chat, or where that was. */
  _cursor() {
    const rows = this._rows;
    const at = rows.indexOf(this._here);
    this._place = at >= 0 ? at : Math.min(this._place ?? 0, rows.length - 1);
    this._here = rows[this._place];
    return this._place;
  }

  _focus(n) {
    // What was typed a moment ago counts, whether a frame was drawn since or not.
    this._update();
    const rows = this._rows;
    if (!rows.length) return;
    this._here = rows[Math.min(Math.max(n, 0), rows.length - 1)];
    this._show(this._here);
    this._slots[this._place - this._first]?.node.focus({ preventScroll: true });
  }

  /** Scrolls no further than needed. */
  _show(chat) {
    const at = this._rows.indexOf(chat);
    if (at < 0) return;
    const rowPx = this._measure();
    const head = this._grid.firstChild.offsetHeight;
    const box = this._scroller.getBoundingClientRect();
    const top = this._space.getBoundingClientRect().top + at * rowPx - box.top;
    if (top < head) this._scroller.scrollTop += top - head;
    else if (top + rowPx > box.height) this._scroller.scrollTop += top + rowPx - box.height;
    this._draw();
  }

  /** Beside an open chat there is less room: the row stays where it was seen, and comes into sight if it was not. */
  _reveal() {
    const { chat } = this._board;
    if (!chat || !this._rows?.includes(chat)) return;
    this._here = chat;
    this._show(chat);
    const top = () => this._space.getBoundingClientRect().top;
    const was = top();
    // Once the frame is drawn that shows it.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        this._scroller.scrollTop += top() - was;
        if (this._board.chat === chat) this._show(chat);
      }),
    );
  }

  /** Back to the row of the chat that was looked at. */
  _back(chat) {
    if (this._rows?.includes(chat)) this._focus(this._rows.indexOf(chat));
  }

  _sort(by) {
    const { sort } = this._board;
    this._board.choose({ sort: { by, isDown: sort.by === by ? !sort.isDown : COLUMNS[by].isDown } });
  }

  _key(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !event.target.matches(".table-space [role=row]")) return;
    const at = this._cursor();
    const page = Math.max(1, Math.floor(this._scroller.clientHeight / this._measure()) - 2);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this._rows.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (event.key === "Enter" || event.key === " ") this._board.open(this._here);
    else if (to === undefined) return;
    else this._focus(to);
    event.preventDefault();
  }
}

customElements.define("dibs-table", Table);
