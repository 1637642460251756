/** Canned replies: what follows a `/` looks for one, by its key or its words, without a hand leaving the keyboard. */

import { el, mark } from "../part/element.js";
import { t } from "../part/locale.js";
import { nameOf } from "./summary.js";

const ASKED = /(^|\s)\/([^\s/]*)$/u;
const MOST = 50;

/** Those that fit, the nearest first: by the beginning of the key, by the key, by the words. */
export function fitting(replies, wanted) {
  const low = wanted.toLowerCase();
  const rank = ({ key, text }) => {
    const at = key.toLowerCase().indexOf(low);
    return at === 0 ? 0 : at > 0 ? 1 : text.toLowerCase().includes(low) ? 2 : 3;
  };
  return replies
    .map((one) => ({ one, rank: rank(one) }))
    .filter((found) => found.rank < 3)
    .sort((one, other) => one.rank - other.rank)
    .slice(0, MOST)
    .map(({ one }) => one);
}

/** The words of a reply with what is known filled in: `{name}` is the shopper's, `{agent}` ours, `{store}` the shop's. */
export function filled(text, desk, chat) {
  const known = { name: nameOf(chat), agent: desk.name, store: desk.storeName(chat.store) };
  return text.replace(/\{(name|agent|store)\}/g, (_, word) => known[word]);
}

/** The menu over a text field. */
export class Replies {
  /** `changed` is called when a reply took its place in the text. */
  constructor(desk, text, changed) {
    this._desk = desk;
    this._text = text;
    this._changed = changed;
    this._found = [];
    this._list = el("ul", { class: "replies", id: "replies", role: "listbox", "aria-label": t("replies"), hidden: true });
    this._none = el("p", { class: "replies hint", hidden: true }, t("noReplies"));
    this.node = el("div", { class: "replies-frame" }, this._list, this._none);
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-controls", "replies");
  }

  get isOpen() {
    return !this._list.hidden;
  }

  /** Looks at what stands before the caret. */
  look() {
    const { chat } = this._desk;
    const before = this._text.value.slice(0, this._text.selectionStart);
    const asked = chat && ASKED.exec(before);
    const replies = (chat && this._desk.profile(chat.store)?.replies) ?? [];
    this._found = asked ? fitting(replies, asked[2]) : [];
    this._from = asked ? before.length - asked[2].length - 1 : 0;
    this._none.hidden = !(asked && this._text.value === "/" && !replies.length);
    this._list.hidden = !this._found.length;
    if (!this.isOpen) {
      mark(this._text, "aria-activedescendant", null);
      return;
    }
    this._list.replaceChildren(
      ...this._found.map(({ key, text }, n) =>
        el(
          "li",
          // The field keeps the focus.
          { role: "option", id: `reply-${n}`, onmousedown: (event) => event.preventDefault(), onclick: () => this._take(n) },
          el("strong", {}, `/${key}`),
          el("span", { dir: "auto" }, filled(text, this._desk, chat)),
        ),
      ),
    );
    this._choose(0);
  }

  close() {
    this._found = [];
    this._list.hidden = this._none.hidden = true;
    mark(this._text, "aria-activedescendant", null);
  }

  /** Whether a key was for the menu. */
  key({ key, shiftKey }) {
    if (!this.isOpen) return false;
    const count = this._found.length;
    if (key === "ArrowDown") this._choose((this._at + 1) % count);
    else if (key === "ArrowUp") this._choose((this._at + count - 1) % count);
    else if ((key === "Enter" || key === "Tab") && !shiftKey) this._take(this._at);
    else if (key === "Escape") this.close();
    else return false;
    return true;
  }

  _choose(n) {
    this._at = n;
    for (const [at, option] of [...this._list.children].entries()) mark(option, "aria-selected", String(at === n));
    mark(this._text, "aria-activedescendant", `reply-${n}`);
    this._list.children[n].scrollIntoView({ block: "nearest" });
  }

  _take(n) {
    const text = filled(this._found[n].text, this._desk, this._desk.chat);
    this._text.setRangeText(text, this._from, this._text.selectionStart, "end");
    this.close();
    this._changed();
    this._text.focus();
  }
}
