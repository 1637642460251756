/** `<dibs-console>`: the whole page of a signed-in agent, its regions, and which of them a narrow screen shows. */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { language, speak, t } from "../part/locale.js";
import { nextTheme } from "../part/theme.js";
import { action, hearKeys, keyOf } from "./action.js";
import "./banner.js";
import "./composer.js";
import "./context.js";
import "./dialog.js";
import "./header.js";
import "./list.js";
import "./notice-bar.js";
import "./palette.js";
import "./profile-dialog.js";
import "./rail.js";
import "./thread-head.js";
import "./thread.js";
import "./toast.js";

export class Console extends HTMLElement {
  begin(desk, alert) {
    this._desk = desk;
    const made = (name, ...more) => {
      const element = document.createElement(name);
      element.begin(desk, ...more);
      return element;
    };
    this._empty = el("div", { class: "empty" }, icon("chat", "icon huge"), (this._emptyText = el("p", {})), (this._emptyHint = el("p", { class: "hint" })));
    this._chat = el("div", { class: "chat" }, made("dibs-thread-head"), made("dibs-thread"), made("dibs-composer"));
    this.append(
      made("dibs-header", alert),
      made("dibs-banner"),
      made("dibs-notices"),
      el(
        "div",
        { class: "regions" },
        made("dibs-rail"),
        el("main", {}, made("dibs-list"), el("div", { class: "thread-region" }, this._empty, this._chat)),
        made("dibs-context"),
      ),
      made("dibs-toasts"),
      made("dibs-dialogs"),
      made("dibs-palette"),
      made("dibs-profile-dialog"),
    );
  }

  connectedCallback() {
    const desk = this._desk;
    this._ends = [
      desk.watch(() => this._update()),
      desk.on("language", () => speak(language() === "en" ? "zh-CN" : "en")),
      desk.on("theme", nextTheme),
      desk.on("context", () => this.toggleAttribute("data-context")),
      hearKeys(desk),
    ];
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
  }

  _update() {
    const { chat, lists } = this._desk;
    mark(this, "data-open", Boolean(chat));
    this._empty.hidden = Boolean(chat);
    this._chat.hidden = !chat;
    say(this._emptyText, lists.queue.length ? t("claimFromQueue") : t("noOneWaits"));
    say(this._emptyHint, lists.queue.length ? t("pressQ", { key: keyOf(action("claimLongest")) }) : "");
  }
}

customElements.define("dibs-console", Console);
