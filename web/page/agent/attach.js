/** How files get into a chat: by the picker, by dragging them onto it, by pasting; and how far they have gone. */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { bytes, t } from "../part/locale.js";
import { nameOf } from "./summary.js";

const REASONS = ["too_large", "unsupported", "quota", "rate_limited", "full", "forbidden", "unavailable", "not_found"];

export class Attachments {
  constructor(desk) {
    this._desk = desk;
    this._rows = new Map();
    this._input = el("input", { type: "file", multiple: true, hidden: true, onchange: () => this._picked() });
    this.button = el("button", { class: "mode", type: "button", title: t("attach"), "aria-label": t("attach"), onclick: () => this.pick() }, icon("clip"), el("span", { class: "label" }, t("attach")));
    this._list = el("ul", { class: "uploads", "aria-label": t("uploads") });
    this._drop = el("div", { class: "drop", hidden: true }, icon("clip", "icon huge"), el("p", {}));
    this.node = el("div", {}, this._input, this._list);
  }

  /** Hears what is dragged over `target`; gives what ends that. */
  hear(target) {
    target.append(this._drop);
    let over = 0;
    const isFile = ({ dataTransfer }) => dataTransfer?.types.includes("Files");
    const show = (isOver) => {
      this._drop.hidden = !isOver;
      const { chat } = this._desk;
      if (isOver) say(this._drop.lastChild, this._may ? t("dropHere", { name: nameOf(chat) }) : t("error_not_owner"));
    };
    const heard = {
      dragenter: (event) => {
        if (!isFile(event)) return;
        over += 1;
        show(true);
      },
      dragleave: (event) => {
        if (isFile(event) && (over -= 1) <= 0) show(false);
      },
      // A file that is dropped beside it would take the place of the page.
      dragover: (event) => isFile(event) && event.preventDefault(),
      drop: (event) => {
        if (!isFile(event)) return;
        event.preventDefault();
        over = 0;
        show(false);
        if (target.contains(event.target)) this._add(event.dataTransfer.files);
      },
    };
    const on = { dragenter: target, dragleave: target, dragover: globalThis, drop: globalThis };
    for (const [type, listener] of Object.entries(heard)) on[type].addEventListener(type, listener);
    return () => {
      for (const [type, listener] of Object.entries(heard)) on[type].removeEventListener(type, listener);
    };
  }

  pick() {
    if (this._may) this._input.click();
  }

  /** Whether what was pasted were files. */
  paste({ clipboardData }) {
    const { files } = clipboardData;
    // A table copied elsewhere comes as text and as a picture of it: it is meant as text.
    if (!files.length || clipboardData.types.includes("text/plain")) return false;
    this._add(files);
    return true;
  }

  update(chat) {
    this.button.hidden = !this._may;
    const all = this._desk.uploads.of(chat);
    for (const [one, row] of this._rows) {
      if (all.includes(one)) continue;
      row.remove();
      this._rows.delete(one);
    }
    for (const one of all) {
      if (!this._rows.has(one)) {
        const row = this._row(one);
        this._rows.set(one, row);
        this._list.append(row);
      }
      this._show(one, this._rows.get(one));
    }
  }

  get _may() {
    const { chat, isNote } = this._desk;
    return Boolean(chat && this._desk.isMine(chat) && !isNote);
  }

  _picked() {
    this._add(this._input.files);
    this._input.value = "";
  }

  _add(files) {
    if (this._may && files.length) this._desk.uploads.add(this._desk.chat, files);
  }

  _row(one) {
    const { uploads } = this._desk;
    const face = one.picture ? el("img", { src: one.picture, alt: "" }) : icon("file");
    return el(
      "li",
      { class: "upload" },
      el("span", { class: "upload-face" }, face),
      el("span", { class: "upload-words" }, el("strong", {}, one.name), el("span", { class: "hint", role: "status" })),
      el("progress", { max: "1", "aria-label": one.name }),
      el("button", { class: "link", type: "button", onclick: () => uploads.retry(one) }, t("retry")),
      el("button", { class: "quiet", type: "button", "aria-label": t("discard"), title: t("discard"), onclick: () => uploads.drop(one) }, icon("close")),
    );
  }

  _show(one, row) {
    const [, words, progress, retry] = row.children;
    const why = REASONS.includes(one.code) ? t(`upload_${one.code}`) : t("error_other", { code: one.code });
    say(words.lastChild, one.code ? why : bytes(one.file.size));
    mark(row, "data-bad", Boolean(one.code));
    progress.hidden = Boolean(one.code);
    progress.value = one.share;
    retry.hidden = !one.code;
  }
}
