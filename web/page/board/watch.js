/** `<dibs-watch>`: a chat that is read along, and what a supervisor can do about it. Nothing in here tells anybody that somebody looks. */

import { keyOf } from "../agent/action.js";
import { nameOf, partyName } from "../agent/summary.js";
import "../agent/thread.js";
import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { clock, full, stopwatch } from "../part/time.js";
import { waitingSince } from "../agent/row-order.js";
import { action } from "./action.js";
import { unansweredSince } from "./measure.js";

const SHOWN = ["assign", "takeover", "requeue", "resolve"];
const NARROW = matchMedia("(width <= 1180px)");

export class Watch extends HTMLElement {
  begin(board) {
    this._board = board;
    this._face = el("span", { class: "face" });
    this._name = el("h2", { id: "watch-title" });
    this._standing = el("span", { class: "standing" });
    this._clock = el("span", { class: "clock" });
    this._close = el("button", { class: "quiet", type: "button", "aria-label": t("closeWatch"), title: `${t("closeWatch")} (Esc)`, onclick: () => this._leave() }, icon("close"));
    this._buttons = SHOWN.map((id) => {
      const { icon: drawn, run } = action(id);
      const words = { title: `${t(id)} (${keyOf(action(id))})`, "data-action": id };
      return el("button", { class: "quiet", type: "button", ...words, onclick: () => run(board, board.chat) }, icon(drawn), t(id));
    });
    const thread = document.createElement("dibs-thread");
    thread.begin(board);
    this._words = el("p", {});
    this._desk = el("a", { class: "quiet at-desk" }, t("atDesk"));
    this._foot = el("div", { class: "lock" }, icon("eye"), this._words, this._desk);
    this.append(
      el(
        "aside",
        { class: "watch", "aria-labelledby": "watch-title" },
        el(
          "div",
          { class: "watch-head" },
          el("div", { class: "watch-who" }, this._face, el("div", { class: "whose" }, this._name, el("p", {}, this._standing, this._clock)), this._close),
          el("div", { class: "watch-buttons", role: "group", "aria-label": t("status") }, this._buttons),
        ),
        thread,
        this._foot,
      ),
    );
  }

  connectedCallback() {
    const board = this._board;
    const hear = (event) => {
      if (event.key !== "Escape" || !board.chat || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this._leave();
    };
    addEventListener("keydown", hear);
    // Where it lies over the table focus goes with it.
    const opened = () => NARROW.matches && board.chat && requestAnimationFrame(() => this._close.focus());
    this._ends = [board.watch(() => this._update()), board.on("opened", opened), () => removeEventListener("keydown", hear)];
    this._timer = setInterval(() => this._tick(), 1000);
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
    clearInterval(this._timer);
  }

  _leave() {
    const { chat } = this._board;
    this._board.open(undefined);
    this._board.ask("left", chat);
  }

  _update() {
    const board = this._board;
    const { chat, stores } = board;
    this.hidden = !chat;
    if (!chat) return;
    const key = `${chat.store}/${chat.user} ${chat.name}`;
    if (key !== this._key) {
      this._key = key;
      this._face.replaceChildren(avatar(chat.user, chat.name));
      say(this._name, nameOf(chat));
      this._desk.href = `agent#chat=${chat.store}/${chat.user}`;
    }
    const isMine = board.isMine(chat);
    const whose = chat.status === "claimed" ? (isMine ? t("ownedByMe") : partyName(chat.owner)) : t(chat.status);
    say(this._standing, stores.length > 1 ? `${whose} · ${chat.store}` : whose);
    mark(this._standing, "data-status", isMine ? "mine" : chat.status);
    mark(this._standing, "title", full(chat.since));
    for (const button of this._buttons) {
      const { can } = action(button.dataset.action);
      button.hidden = !can(board, chat);
      button.disabled = board.isBusy(chat);
    }
    say(this._words, t(isMine ? "yoursNow" : "watching"));
    mark(this._desk, "class", isMine ? "primary at-desk" : "quiet at-desk");
    this._tick();
  }

  _tick() {
    const { chat } = this._board;
    if (!chat) return;
    const isWaiting = waitingSince(chat) !== undefined;
    const since = chat.status === "claimed" ? unansweredSince(chat, this._board.figures.of.get(chat.store)) : chat.since;
    say(this._clock, isWaiting ? stopwatch(this._board.now() - since) : chat.since ? clock(chat.since) : "");
    mark(this._clock, "data-level", isWaiting ? this._board.level({ chat, since }) : null);
  }
}

customElements.define("dibs-watch", Watch);
