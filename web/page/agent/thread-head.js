/** `<dibs-thread-head>`: whose chat this is, how it stands, and what can be done with it. */

import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { clock, stopwatch } from "../part/time.js";
import { action, keyOf, perform } from "./action.js";
import { nameOf, standing } from "./summary.js";

const SHOWN = ["takeover", "transfer", "release", "resolve", "search", "context"];

export class ThreadHead extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._face = el("span", { class: "face" });
    this._name = el("h2", {});
    this._standing = el("span", { class: "standing" });
    this._clock = el("span", { class: "clock" });
    this._store = el("span", { class: "store-name" });
    this._buttons = SHOWN.map((id) => {
      const key = keyOf(action(id));
      const title = key ? `${t(id)} (${key})` : t(id);
      const words = id === "search" || id === "context" ? { "aria-label": t(id) } : {};
      const button = el("button", { class: "quiet", type: "button", title, "data-action": id, ...words, onclick: () => perform(desk, id) }, icon(action(id).icon));
      if (!words["aria-label"]) button.append(el("span", { class: "label" }, t(id)));
      return button;
    });
    this.append(
      el(
        "div",
        { class: "thread-head" },
        el("button", { class: "quiet back", type: "button", "aria-label": t("chats"), onclick: () => desk.open(undefined) }, icon("back")),
        this._face,
        el("div", { class: "whose" }, this._name, el("p", {}, this._standing, this._clock, this._store)),
        el("div", { class: "buttons" }, this._buttons),
      ),
    );
  }

  connectedCallback() {
    this._end = this._desk.watch(() => this._update());
    this._timer = setInterval(() => this._tick(), 1000);
    this._update();
  }

  disconnectedCallback() {
    this._end();
    clearInterval(this._timer);
  }

  _update() {
    const desk = this._desk;
    const { chat } = desk;
    if (!chat) return;
    const key = `${chat.store}/${chat.user} ${chat.name}`;
    if (key !== this._key) {
      this._key = key;
      this._face.replaceChildren(avatar(chat.user, chat.name));
      say(this._name, nameOf(chat));
    }
    say(this._standing, standing(desk, chat));
    mark(this._standing, "data-status", desk.isMine(chat) ? "mine" : chat.status);
    say(this._store, desk.stores.length > 1 ? desk.storeName(chat.store) : "");
    for (const button of this._buttons) {
      const { id, can } = action(button.dataset.action);
      button.hidden = !can(desk, chat) || (id === "transfer" && chat.status === "waiting");
      button.disabled = ["release", "resolve", "takeover"].includes(id) && desk.isBusy(chat);
    }
    this._tick();
  }

  _tick() {
    const { chat } = this._desk;
    if (!chat) return;
    const waits = this._desk.wait(chat);
    say(this._clock, waits ? stopwatch(waits.ms) : chat.since ? clock(chat.since) : "");
    mark(this._clock, "data-level", waits?.level);
  }
}

customElements.define("dibs-thread-head", ThreadHead);
