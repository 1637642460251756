/**
 * `<dibs-thread>`: the conversation. It is cut into pieces, and only those near what is seen are drawn, so that a chat of 50,000 messages is
 * as light as a short one. Nothing moves under the reader's eyes: what is above it may grow, the first line that is seen stays where it is.
 */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { Entries, pieceOf } from "./entry.js";
import { Finder } from "./finder.js";
import { keyOf } from "./excerpt.js";
import { lines, markOf, tick } from "./line.js";
import { inLine, nameOf } from "./summary.js";
import { Tail } from "./tail.js";

const NEAR = "1500px 0px";
const GUESS_PX = 60;
const AT_END_PX = 40;

export class Thread extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._pieces = new Map();
    this._entries = new Entries();
    this._older = el("div", { class: "older" }, el("p", {}), el("button", { class: "quiet", type: "button", onclick: () => desk.reading.older() }, t("older")));
    this._body = el("div", { class: "pieces" });
    this._tail = new Tail(desk);
    this._writing = el("p", { class: "writing" });
    this._scroller = el("div", { class: "lines", tabindex: "0", role: "region", "aria-label": t("thread") }, this._older, this._body, this._tail.node, this._writing);
    this._jump = el("button", { class: "jump", type: "button", hidden: true, onclick: () => desk.reading.latest() }, icon("down"), el("span", {}));
    this._up = el("button", { class: "jump up", type: "button", hidden: true, onclick: () => desk.reading.toUnread() }, icon("up"), el("span", {}));
    this._live = el("p", { class: "sr", "aria-live": "polite" });
    this._finder = new Finder(desk, (key) => this._show(key));
    this._scroller.addEventListener("scroll", () => this._scrolled(), { passive: true });
    this.append(this._finder.node, el("div", { class: "lines-frame" }, this._scroller, this._up, this._jump), this._live);
  }

  connectedCallback() {
    const desk = this._desk;
    const read = () => this._read();
    this._ends = [
      desk.watch(() => this._update()),
      desk.on("opened", () => this._reset()),
      desk.on("bottom", () => this._toEnd()),
      desk.on("search", () => this._finder.open()),
      desk.on("show", (key) => {
        this._update();
        this._show(key);
      }),
      desk.on("message", (message) => this._hear(message)),
      () => removeEventListener("focus", read),
    ];
    addEventListener("focus", read);
    this._near = new IntersectionObserver((seen) => this._see(seen), { root: this._scroller, rootMargin: NEAR });
    this._size = new ResizeObserver(() => this._isAtEnd && this._down());
    this._size.observe(this._scroller);
    this._reset();
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
    this._near.disconnect();
    this._size.disconnect();
  }

  _clear() {
    this._near.disconnect();
    this._pieces.clear();
    this._body.replaceChildren();
    this._stands = undefined;
  }

  _reset() {
    this._clear();
    this._followed = this._desk.chat;
    this._isAtEnd = true;
    this._seen = this._desk.chat?.seq ?? 0;
    this._finder.close();
  }

  _update() {
    const { chat, reading } = this._desk;
    if (!chat) return;
    const { shown, excerpt } = reading;
    this._follow(shown);
    this._keep(() => {
      this._showEntries(shown);
      this._showMarks(chat);
      this._tail.show(chat);
      this._tail.node.hidden = Boolean(excerpt);
      const isLoading = reading.isLoading(chat);
      say(this._older.firstChild, isLoading ? t("loading") : shown.hasOlder ? "" : shown.messages.length ? t("beginning") : "");
      this._older.lastChild.hidden = isLoading || !shown.hasOlder;
      say(this._writing, this._desk.typing.isWriting(chat) ? t("isWriting", { name: nameOf(chat) }) : "");
    });
    this._showJump(chat);
    this._showUp();
    this._read();
  }

  /** A part of the chat takes the place of its end, or the other way round; a part that grew into the end stays where it is. */
  _follow(shown) {
    if (shown === this._followed) return;
    const isGrown = this._followed?.chat === shown && shown.messages[0].seq <= this._followed.messages[0].seq;
    this._followed = shown;
    if (isGrown) return;
    this._isAtEnd = shown === this._desk.chat;
    this._clear();
  }

  /** Draws anew only what differs from before. */
  _showEntries(chat) {
    const { messages, between } = chat;
    const { divider } = this._desk.reading;
    const stands = `${chat.store}/${chat.user} ${messages[0]?.seq} ${messages.length} ${between.length} ${chat.hasOlder} ${divider?.seq} ${divider?.count}`;
    if (stands === this._stands && this._pieces.size) return;
    this._stands = stands;
    const found = this._entries.of(chat);
    for (const [key, piece] of this._pieces) {
      if (found.has(key)) continue;
      this._near.unobserve(piece.node);
      piece.node.remove();
      this._pieces.delete(key);
    }
    let above = null;
    for (const [key, entries] of found) {
      const piece = this._pieces.get(key) ?? this._piece(key, above);
      const [first, last] = [entries[0], entries.at(-1)];
      const isDivided = divider && pieceOf(divider.seq) === key;
      const signature = `${entries.length} ${first.before && keyOf(first.before)} ${keyOf(last.one)} ${isDivided && divider.count}`;
      piece.entries = entries;
      if (piece.signature !== signature) {
        piece.signature = signature;
        if (piece.isDrawn) this._draw(piece);
        else piece.node.style.height = `${entries.length * GUESS_PX}px`;
      }
      above = piece.node;
    }
    // What is at the end is drawn at once: a piece that waits to be seen would flicker.
    for (const piece of [...this._pieces.values()].slice(-2)) if (!piece.isDrawn && this._isAtEnd) this._draw(piece);
  }

  _piece(key, above) {
    const node = el("div", { class: "piece" });
    const piece = { node, entries: [], isDrawn: false };
    if (above) above.after(node);
    else this._body.prepend(node);
    node.piece = piece;
    // Kept in the order of the keys: older ones come later than newer ones.
    this._pieces.set(key, piece);
    this._pieces = new Map([...this._pieces].sort(([one], [other]) => one - other));
    this._near.observe(node);
    return piece;
  }

  _draw(piece) {
    const { chat } = this._desk;
    piece.isDrawn = true;
    piece.node.style.height = "";
    piece.node.replaceChildren(...piece.entries.flatMap((entry) => lines(this._desk, chat, entry)));
    this._markPiece(piece, chat);
  }

  _see(seen) {
    if (!this._desk.chat) return;
    this._keep(() => {
      for (const { target, isIntersecting, boundingClientRect } of seen) {
        const { piece } = target;
        if (isIntersecting && !piece.isDrawn) this._draw(piece);
        else if (!isIntersecting && piece.isDrawn) {
          // As it was when that was seen: to ask now would lay out what was drawn just before.
          target.style.height = `${boundingClientRect.height}px`;
          target.replaceChildren();
          piece.isDrawn = false;
        }
      }
    });
  }

  _showMarks(chat) {
    const { received, read } = chat.marks.user;
    const marks = `${received} ${read}`;
    if (marks === this._marks) return;
    this._marks = marks;
    for (const piece of this._pieces.values()) if (piece.isDrawn) this._markPiece(piece, chat);
  }

  _markPiece(piece, chat) {
    for (const { one } of piece.entries) {
      if (one.type !== "message" || one.from.role === "user") continue;
      const node = piece.node.querySelector(`[data-key="m${one.seq}"] .tick`);
      if (node) tick(node, ...markOf(chat, one.seq));
    }
  }

  /** Changes what is shown; the end stays at the end, else the first line that is seen where it is. */
  _keep(change) {
    if (this._isAtEnd) {
      change();
      this._down();
      return;
    }
    const top = this._scroller.getBoundingClientRect().top;
    const isSeen = (node) => node.getBoundingClientRect().bottom > top;
    const piece = firstOf(this._body.children, isSeen);
    const line = piece && [...piece.querySelectorAll("[data-key]")].find(isSeen);
    const key = line?.dataset.key;
    const was = (line ?? piece)?.getBoundingClientRect().top;
    change();
    const now = (key && this._body.querySelector(`[data-key="${key}"]`)) ?? piece;
    if (now?.isConnected) this._scroller.scrollTop += now.getBoundingClientRect().top - was;
  }

  _down() {
    this._scroller.scrollTop = this._scroller.scrollHeight;
  }

  _toEnd() {
    if (this._desk.chat) this._follow(this._desk.chat);
    this._isAtEnd = true;
    this._down();
    this._desk.changed();
  }

  _scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this._scroller;
    const { reading } = this._desk;
    const isBottom = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    const isAtEnd = isBottom && !reading.excerpt;
    if (scrollTop < clientHeight && !isAtEnd) reading.older();
    if (reading.excerpt && scrollHeight - scrollTop < 2 * clientHeight) reading.newer();
    this._showUp();
    if (isAtEnd === this._isAtEnd) return;
    this._isAtEnd = isAtEnd;
    this._desk.changed();
  }

  _showJump(chat) {
    if (this._isAtEnd) this._seen = chat.seq;
    const count = chat.seq - this._seen;
    this._jump.hidden = this._isAtEnd;
    say(this._jump.lastChild, count > 0 ? t("newMessages", { count }) : t("toLatest"));
    mark(this._jump, "data-new", count > 0);
  }

  /** While the first unread message is above what is seen, there is a way to it. */
  _showUp() {
    const { divider } = this._desk.reading;
    const line = divider && this._body.querySelector(".new");
    const { top, bottom } = this._scroller.getBoundingClientRect();
    const at = line?.getBoundingClientRect().top;
    if (divider && at >= top && at < bottom) this._seenDivider = divider;
    const piece = divider && this._pieces.get(pieceOf(divider.seq));
    const isAbove = divider && (line ? at < top : !piece || piece.node.getBoundingClientRect().top < top);
    this._up.hidden = !isAbove || this._seenDivider === divider;
    if (!this._up.hidden) say(this._up.lastChild, t("newMessages", { count: divider.count }));
  }

  /** Read is what was before somebody's eyes. */
  _read() {
    if (this._isAtEnd && document.visibilityState === "visible" && document.hasFocus()) this._desk.reading.read();
  }

  _hear(message) {
    const { chat } = this._desk;
    if (!chat || message.store !== chat.store || message.user !== chat.user || message.from.role !== "user") return;
    if (!document.hasFocus() && !this._desk.reading.divider) this._desk.reading.divide();
    say(this._live, `${nameOf(chat)}: ${inLine(message)}`);
  }

  /** Brings an entry into sight, and marks it. */
  _show(key) {
    for (const found of this._body.querySelectorAll(".found")) found.classList.remove("found");
    const piece = [...this._pieces.values()].find(({ entries }) => entries.some(({ one }) => keyOf(one) === key));
    if (!piece) return;
    this._isAtEnd = false;
    if (!piece.isDrawn) this._draw(piece);
    const line = piece.node.querySelector(`[data-key="${key}"]`);
    line.classList.add("found");
    line.scrollIntoView({ block: "center" });
  }
}

/** The first of some nodes, one below the other, from which on all are so. */
function firstOf(nodes, isSo) {
  let [first, end] = [0, nodes.length];
  while (first < end) {
    const middle = (first + end) >> 1;
    if (isSo(nodes[middle])) end = middle;
    else first = middle + 1;
  }
  return nodes[first];
}

customElements.define("dibs-thread", Thread);
