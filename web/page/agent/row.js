/** One row of the list. It is used for one chat after another. */

import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { short, t } from "../part/locale.js";
import { ago, stopwatch } from "../part/time.js";
import { at } from "./row-order.js";
import { lastLine, nameOf, partyName, standing } from "./summary.js";

let made = 0;

export class Row {
  constructor(desk, space) {
    this._desk = desk;
    this.id = `row-${(made += 1)}`;
    this._face = el("span", { class: "face" });
    this._name = el("span", { class: "name" });
    this._time = el("span", { class: "time" });
    this._last = el("span", { class: "last" });
    this._draft = el("span", { class: "draft" }, t("hasDraft"));
    this._owner = el("span", { class: "owner" });
    this._clock = el("span", { class: "clock" });
    this._standing = el("span", { class: "sr" });
    this._pill = el("span", { class: "pill", "aria-hidden": "true" });
    this._unread = el("span", { class: "sr" });
    this._node = el(
      "div",
      { class: "row", role: "option", id: this.id, onclick: () => desk.open(this._chat) },
      this._face,
      el("span", { class: "line-1" }, this._name, this._standing, this._clock, this._time),
      el("span", { class: "line-2" }, this._draft, this._last, this._owner, this._pill, this._unread),
    );
    space.append(this._node);
  }

  show(chat, n, count, top) {
    const desk = this._desk;
    if (chat !== this._chat || chat.name !== this._shownName) {
      this._chat = chat;
      this._shownName = chat.name;
      this._face.replaceChildren(avatar(chat.user, chat.name));
      say(this._name, nameOf(chat));
    }
    const place = `translateY(${top}px)`;
    if (this._node.style.transform !== place) this._node.style.transform = place;
    mark(this._node, "aria-selected", chat === desk.chat ? "true" : "false");
    mark(this._node, "aria-posinset", n + 1);
    mark(this._node, "aria-setsize", count);
    mark(this._node, "data-status", desk.isMine(chat) ? "mine" : chat.status);
    const isWriting = desk.typing.isWriting(chat);
    say(this._last, isWriting ? t("isWriting", { name: nameOf(chat) }) : lastLine(chat, desk.me));
    mark(this._last, "data-writing", isWriting);
    const isOwn = desk.isMine(chat);
    this._draft.hidden = chat === desk.chat || !desk.drafts.get(chat, "answer");
    this._showOwner(chat, isOwn);
    say(this._standing, standing(desk, chat));
    say(this._pill, chat.unread ? short(chat.unread) : "");
    say(this._unread, chat.unread ? t("unreadCount", { count: chat.unread }) : "");
    mark(this._pill, "data-own", isOwn || chat.status === "waiting");
    this.tick();
  }

  _showOwner(chat, isOwn) {
    const owner = chat.status === "claimed" && !isOwn ? chat.owner : null;
    if (this._shownOwner === owner?.id) return;
    this._shownOwner = owner?.id;
    this._owner.replaceChildren(owner ? avatar(owner.id, owner.name, "tiny") : "");
    mark(this._owner, "title", owner && partyName(owner));
  }

  /** What time alone changes. */
  tick() {
    const chat = this._chat;
    const now = this._desk.now();
    const waits = this._desk.wait(chat);
    say(this._clock, waits ? stopwatch(waits.ms) : "");
    mark(this._clock, "data-level", waits?.level);
    say(this._time, waits ? "" : ago(at(chat), now));
  }

  remove() {
    this._node.remove();
  }
}
