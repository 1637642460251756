/** How was it? Five faces and a text, once after each end of a chat. */

import { drawing, el } from "./dibs-draw.js";

const FACE = "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9 9.500v.2M15 9.500v.2";
const MOUTHS = ["M8 17c1-3.500 7-3.500 8 0", "M8.500 16c1.500-1.500 5.500-1.500 7 0", "M8.500 15.300h7", "M8.500 14.500c1.500 1.500 5.500 1.500 7 0", "M7.500 13.500c1 4.500 8 4.500 9 0z"];
const COMMENT_LIMIT = 500;

export class Rating {
  /** `rate(score, comment)` is told; it gives a promise. */
  constructor({ words, rate }) {
    const t = (key) => words.t(key);
    this._rate = rate;
    this._score = 0;
    const face = (mouth, at) => {
      const given = { type: "button", class: "smile", "aria-pressed": "false", "aria-label": t(`score${at + 1}`), title: t(`score${at + 1}`) };
      return el("button", { ...given, onclick: () => this._choose(at + 1) }, drawing(FACE + mouth));
    };
    this._faces = MOUTHS.map(face);
    this._comment = el("textarea", { rows: "2", maxlength: COMMENT_LIMIT, placeholder: t("comment"), "aria-label": t("comment") });
    this._send = el("button", { type: "button", class: "strong", onclick: () => this._submit() }, t("rate"));
    this._more = el("div", { class: "more", hidden: true }, this._comment, this._send);
    this.node = el("div", { class: "rating", role: "group", "aria-label": t("howWasIt"), hidden: true }, el("b", {}, t("howWasIt")), el("div", {}, ...this._faces), this._more);
  }

  /** Whether there is something to be rated. */
  show(isDue) {
    if (!isDue) this._choose(0);
    this.node.hidden = !isDue;
  }

  _choose(score) {
    this._score = score;
    this._faces.forEach((node, at) => node.setAttribute("aria-pressed", String(at + 1 === score)));
    this._more.hidden = !score;
    if (!score) this._comment.value = "";
  }

  async _submit() {
    this._send.disabled = true;
    try {
      await this._rate(this._score, this._comment.value.trim() || undefined);
    } finally {
      this._send.disabled = false;
    }
  }
}
