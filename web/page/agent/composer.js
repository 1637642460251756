/** `<dibs-composer>`: where one writes; where one may not, it says who may, and offers what can be done about it. */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { clock } from "../part/time.js";
import { action, keyOf, perform } from "./action.js";
import { Attachments } from "./attach.js";
import { Drafts } from "./draft.js";
import { Replies } from "./reply.js";
import { nameOf, partyName } from "./summary.js";

const TALLEST_PX = 180;

export class Composer extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._text = el("textarea", { rows: "1", dir: "auto", oninput: () => this._typed(), onkeydown: (event) => this._key(event), onblur: () => this._replies.close() });
    this._text.addEventListener("paste", (event) => this._attached.paste(event) && event.preventDefault());
    this._replies = new Replies(desk, this._text, () => this._typed());
    this._attached = new Attachments(desk);
    this._send = el("button", { class: "primary", type: "submit" }, icon("send"), el("span", {}));
    this._modes = ["answer", "note"].map((kind) =>
      el("button", { class: "mode", type: "button", "data-kind": kind, onclick: () => this._turn(kind === "note") }, icon(kind === "note" ? "note" : "send"), t(kind)),
    );
    this._form = el(
      "form",
      { class: "composer", onsubmit: (event) => this._submit(event) },
      this._replies.node,
      this._attached.node,
      el("div", { class: "modes" }, this._modes, this._attached.button, el("span", { class: "hint" }, t("enterSends"))),
      el("div", { class: "writing-row" }, this._text, this._send),
    );
    this._words = el("p", {});
    this._act = el("button", { class: "primary large", type: "button" }, icon("claim"), el("span", {}), el("kbd", {}));
    this._act.addEventListener("click", () => perform(desk, this._act.dataset.action));
    this._note = el("button", { class: "quiet", type: "button", title: `${t("note")} (${keyOf(action("note"))})`, onclick: () => this._turn(true) }, icon("note"), t("note"));
    this._lock = el("div", { class: "lock" }, icon("lock"), this._words, this._note, this._act);
    this.append(this._lock, this._form);
  }

  connectedCallback() {
    const desk = this._desk;
    this._ends = [
      desk.watch(() => this._update()),
      desk.on("opened", () => this._opened()),
      desk.on("compose", () => this._focus()),
      desk.on("note", () => this._turn(!desk.isNote)),
      desk.on("draft", (draft) => this._follow(draft)),
      desk.on("attach", () => this._attached.pick()),
      this._attached.hear(this.closest(".chat")),
    ];
    this._opened();
    this._update();
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
  }

  get _kind() {
    return this._desk.isNote ? "note" : "answer";
  }

  _update() {
    const desk = this._desk;
    const { chat } = desk;
    if (!chat) return;
    const isMine = desk.isMine(chat);
    const mayWrite = isMine || desk.isNote;
    this._lock.hidden = isMine || desk.isNote;
    this._attached.update(chat);
    this._form.hidden = !mayWrite;
    mark(this._form, "data-note", desk.isNote);
    for (const mode of this._modes) mark(mode, "aria-pressed", String(mode.dataset.kind === this._kind));
    const words = desk.isNote ? t("writeNote") : t("writeAnswer", { name: nameOf(chat) });
    mark(this._text, "placeholder", words);
    mark(this._text, "aria-label", words);
    say(this._send.lastChild, desk.isNote ? t("saveNote") : t("send"));
    if (!mayWrite) this._showLock(chat);
    if (mayWrite && this._isAsked) this._focus();
  }

  _showLock(chat) {
    const desk = this._desk;
    const isBusy = desk.isBusy(chat);
    const can = ["claim", "takeover"].find((id) => action(id).can(desk, chat));
    mark(this._lock, "data-status", chat.status);
    const owned = () => t("ownedSince", { name: partyName(chat.owner), at: clock(chat.since) });
    say(this._words, chat.status === "waiting" ? t("waitsForClaim") : chat.status === "closed" ? t("isClosed") : owned());
    this._act.hidden = !can;
    if (!can) return;
    const key = keyOf(action(can));
    this._act.dataset.action = can;
    this._act.disabled = isBusy;
    mark(this._act, "data-strong", can === "takeover");
    say(this._act.children[1], isBusy ? t("claimingNow") : t(can));
    say(this._act.lastChild, key);
    this._act.lastChild.hidden = !key;
  }

  _opened() {
    const { chat } = this._desk;
    this._isAsked = false;
    if (!chat) return;
    this._load();
    this._update();
    if (this._desk.isMine(chat) && matchMedia("(pointer: fine)").matches && !document.activeElement?.matches('[role="listbox"], input')) this._text.focus();
  }

  _load() {
    const { chat, drafts } = this._desk;
    this._text.value = chat ? drafts.get(chat, this._kind) : "";
    this._replies.close();
    this._grow();
  }

  /** Another tab of the same person writes in the same chat. */
  _follow({ name, text }) {
    const { chat } = this._desk;
    if (chat && name === Drafts.name(chat, this._kind) && this._text.value !== text) {
      this._text.value = text;
      this._grow();
    }
    this._desk.changed();
  }

  _turn(isNote) {
    this._desk.isNote = isNote;
    this._load();
    this._update();
    this._desk.changed();
    this._focus();
  }

  /** Now, or as soon as one may write here. */
  _focus() {
    this._isAsked = this._form.hidden;
    if (!this._form.hidden) this._text.focus();
  }

  _typed() {
    const { chat, drafts, typing, isNote } = this._desk;
    drafts.set(chat, this._kind, this._text.value);
    if (!isNote) typing.say(chat, Boolean(this._text.value));
    this._replies.look();
    this._grow();
  }

  _grow() {
    this._text.style.height = "auto";
    if (this._text.value) this._text.style.height = `${Math.min(this._text.scrollHeight, TALLEST_PX)}px`;
    this._send.disabled = !this._text.value.trim();
  }

  _key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    if (this._replies.key(event));
    else if (event.key === "Escape" && this._desk.isNote) this._turn(false);
    else if (event.key === "Enter" && !event.shiftKey && !event.altKey) this._form.requestSubmit();
    else return;
    event.preventDefault();
  }

  _submit(event) {
    event.preventDefault();
    const desk = this._desk;
    const { chat } = desk;
    const text = this._text.value.trim();
    if (!text || !chat) return;
    desk.drafts.set(chat, this._kind, "");
    this._text.value = "";
    this._grow();
    if (desk.isNote) {
      desk.note(chat, text);
      this._turn(false);
    } else {
      desk.typing.say(chat, false);
      desk.send(chat, text);
    }
    this._text.focus();
  }
}

customElements.define("dibs-composer", Composer);
