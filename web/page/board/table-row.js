/** One row of the table. It is used for one chat after another. */

import { lastLine, nameOf, partyName } from "../agent/summary.js";
import { at, waitingSince } from "../agent/row-order.js";
import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { short, t } from "../part/locale.js";
import { ago, stopwatch } from "../part/time.js";
import { unansweredSince } from "./measure.js";

export class TableRow {
  constructor(board, space) {
    this._board = board;
    const cell = (name, ...children) => el("span", { role: "gridcell", class: `cell-${name}` }, children);
    this._face = el("span", { class: "face" });
    this._name = el("span", { class: "name" });
    this._id = el("span", { class: "id" });
    this._store = cell("store");
    this._status = el("span", { class: "state" });
    this._ownerFace = el("span", { class: "face" });
    this._ownerName = el("span", { class: "name" });
    this._clock = el("span", { class: "clock" });
    this._last = el("span", { class: "last" });
    this._time = el("span", { class: "time" });
    this._pill = el("span", { class: "pill" });
    this.node = el(
      "div",
      { class: "table-row", role: "row", onclick: () => board.open(this._chat) },
      cell("shopper", this._face, this._name, this._id),
      this._store,
      cell("status", this._status),
      cell("owner", this._ownerFace, this._ownerName),
      cell("wait", this._clock),
      cell("last", this._last, this._time),
      cell("unread", this._pill),
    );
    space.append(this.node);
  }

  show(chat, n, top, isCursor) {
    const board = this._board;
    const key = `${chat.store}/${chat.user} ${chat.name}`;
    this._chat = chat;
    if (key !== this._key) {
      this._key = key;
      this._face.replaceChildren(avatar(chat.user, chat.name, "small"));
      say(this._name, nameOf(chat));
      say(this._id, chat.name && chat.name !== chat.user ? chat.user : "");
      say(this._store, chat.store);
    }
    const place = `translateY(${top}px)`;
    if (this.node.style.transform !== place) this.node.style.transform = place;
    mark(this.node, "aria-rowindex", n + 2);
    mark(this.node, "aria-selected", chat === board.chat ? "true" : "false");
    mark(this.node, "tabindex", isCursor ? "0" : "-1");
    mark(this.node, "data-status", chat.status);
    say(this._status, t(chat.status));
    this._showOwner(chat.owner);
    const isWriting = board.typing.isWriting(chat);
    say(this._last, isWriting ? t("isWriting", { name: nameOf(chat) }) : lastLine(chat, board.me));
    mark(this._last, "data-writing", isWriting);
    say(this._pill, chat.unread ? short(chat.unread) : "");
    mark(this._pill, "data-own", chat.status === "waiting");
    this.tick();
  }

  _showOwner(owner) {
    const key = owner ? `${owner.id} ${owner.name}` : "";
    if (key === this._owner) return;
    this._owner = key;
    this._ownerFace.replaceChildren(owner ? avatar(owner.id, owner.name, "tiny") : "");
    say(this._ownerName, owner ? partyName(owner) : t("nobody"));
    mark(this._ownerName, "data-none", !owner);
  }

  /** What time alone changes. */
  tick() {
    const board = this._board;
    const chat = this._chat;
    if (!chat) return;
    const now = board.now();
    const isWaiting = waitingSince(chat) !== undefined;
    const since = isWaiting ? (chat.status === "waiting" ? chat.since : unansweredSince(chat, board.figures.of.get(chat.store))) : undefined;
    say(this._clock, isWaiting ? stopwatch(now - since) : "");
    mark(this._clock, "data-level", isWaiting ? board.level({ chat, since }) : null);
    say(this._time, ago(at(chat), now));
  }

  remove() {
    this.node.remove();
  }
}
