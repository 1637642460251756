/** `<dibs-board>`: the whole page of a signed-in supervisor, and which of its regions a narrow screen shows. */

import "../agent/banner.js";
import { hearKeys } from "../agent/action.js";
import "../agent/notice-bar.js";
import "../agent/rail.js";
import "../agent/toast.js";
import { el, mark, say } from "../part/element.js";
import { language, speak, t } from "../part/locale.js";
import { nextTheme } from "../part/theme.js";
import { ACTIONS } from "./action.js";
import "./agents.js";
import "./chart.js";
import "./dialog.js";
import "./header.js";
import "./stores.js";
import "./table.js";
import "./tiles.js";
import "./watch.js";

export class BoardPage extends HTMLElement {
  begin(board) {
    this._board = board;
    const made = (name) => {
      const element = document.createElement(name);
      element.begin(board);
      return element;
    };
    this._main = el(
      "main",
      { class: "board-main", id: "board", tabindex: "-1" },
      made("dibs-tiles"),
      el("div", { class: "board-pair" }, made("dibs-chart"), made("dibs-agents")),
      made("dibs-board-stores"),
      made("dibs-table"),
    );
    this._trouble = el("p", { class: "problem", role: "alert" });
    this.append(
      made("dibs-board-header"),
      made("dibs-banner"),
      made("dibs-notices"),
      el("div", { class: "board-regions" }, made("dibs-rail"), el("div", { class: "board-frame" }, this._trouble, this._main), made("dibs-watch")),
      made("dibs-toasts"),
      made("dibs-board-dialogs"),
    );
  }

  connectedCallback() {
    const board = this._board;
    this._ends = [
      board.watch(() => this._update()),
      board.on("language", () => speak(language() === "en" ? "zh-CN" : "en")),
      board.on("theme", nextTheme),
      hearKeys(board, ACTIONS),
    ];
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
  }

  _update() {
    const { chat, live, figures, connection } = this._board;
    mark(this, "data-open", Boolean(chat));
    // What is no longer live is to be seen, and seen to be old.
    mark(this, "data-old", !connection.isReady);
    this._trouble.hidden = !figures.refused;
    say(this._trouble, figures.refused ? t("figuresRefused", { code: figures.refused }) : "");
    document.title = live.waiting ? `(${live.waiting}) ${t("board")}` : t("board");
  }
}

customElements.define("dibs-board", BoardPage);
