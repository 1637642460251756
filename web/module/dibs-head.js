/** What stands around the messages: the launcher while the panel is closed; the head of the panel, with a menu, and what it says of the store and the queue; and how it was. */

import { plain } from "./dibs-thread.js";
import { button, drawing, el, icon, letters, safe, say, tool } from "./dibs-draw.js";

const FACE = "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9 9.5v.2M15 9.5v.2";
const MOUTHS = ["M8 17c1-3.5 7-3.5 8 0", "M8.5 16c1.5-1.5 5.5-1.5 7 0", "M8.5 15.3h7", "M8.5 14.5c1.5 1.5 5.5 1.5 7 0", "M7.5 13.5c1 4.5 8 4.5 9 0z"];
const COMMENT_LIMIT = 500;

/** The button with its count, and the newest answer beside it. */
export class Launcher {
  constructor({ words, open }) {
    this._words = words;
    this._count = el("span", { class: "count", "aria-hidden": "true", hidden: true });
    this._button = button([icon("chat"), this._count], open, { class: "launcher" });
    this._by = el("b");
    this._text = el("span");
    this._preview = el(
      "div",
      { class: "preview", role: "status", hidden: true },
      button([this._by, this._text], open),
      tool("close", words.t("dismiss"), () => this._dismiss()),
    );
    this.nodes = [this._preview, this._button];
  }

  focus() {
    this._button.focus({ preventScroll: true });
  }

  /** `last` is the newest message of the chat, if any. */
  show({ unread, last, isOpen }) {
    this._button.hidden = isOpen;
    this._button.setAttribute("aria-expanded", String(isOpen));
    this._button.setAttribute("aria-label", this._words.t(unread ? "openUnread" : "open", { count: unread }));
    this._count.hidden = !unread;
    say(this._count, unread > 99 ? "99+" : String(unread));
    this._last = last?.seq;
    const isTold = !isOpen && unread > 0 && last?.from.role !== "user" && this._dismissed !== last?.seq;
    if (isTold) {
      say(this._by, last.from.name || this._words.t("store"));
      say(this._text, plain(last, this._words));
    }
    this._preview.hidden = !isTold;
  }

  _dismiss() {
    this._dismissed = this._last;
    this._preview.hidden = true;
    this.focus();
  }
}

/** The store's face and name, who answers, and a menu of what else can be done. */
export class Head {
  /** `items` are `[icon, words, act, lang?]`. */
  constructor({ words, base, items, close }) {
    this.base = base;
    this._face = el("span", { class: "face", "aria-hidden": "true" });
    this._name = el("h2", { id: "title" });
    this._line = el("div", { class: "state", role: "status" });
    this._more = tool("more", words.t("more"), () => this.toggle(), { "aria-expanded": "false" });
    this.items = items.map(([name, text, act, lang]) => {
      const chosen = () => {
        this.toggle(false);
        act();
      };
      return button([icon(name), text], chosen, { lang });
    });
    this._menu = el("div", { class: "menu", hidden: true }, ...this.items);
    this.node = el("header", { onfocusout: (event) => this._left(event) }, this._face, el("div", { class: "who" }, this._name, this._line), this._more, tool("down", words.t("close"), close), this._menu);
  }

  get isOpen() {
    return !this._menu.hidden;
  }

  /** Opens the menu, or closes it; the focus goes with it. */
  toggle(on = !this.isOpen) {
    this._menu.hidden = !on;
    this._more.setAttribute("aria-expanded", String(on));
    (on ? this.items.find((item) => !item.hidden) : this._more).focus();
  }

  /** Whoever goes on elsewhere has done with the menu. */
  _left({ relatedTarget }) {
    if (!this.isOpen || !relatedTarget || this._menu.contains(relatedTarget) || relatedTarget === this._more) return;
    this._menu.hidden = true;
    this._more.setAttribute("aria-expanded", "false");
  }

  show({ name, face, by, isOnline, line }) {
    say(this._name, name);
    say(this._line, line);
    this._face.dataset.online = String(isOnline);
    const src = safe(face, this.base);
    const shown = src ?? letters(by ?? name);
    if (shown === this._shown) return;
    this._shown = shown;
    // A picture that is not there leaves the letters.
    const picture = src && el("img", { src, alt: "", referrerpolicy: "no-referrer", onerror: () => picture.remove() });
    this._face.replaceChildren(letters(by ?? name), ...(picture ? [picture] : []));
  }
}

/** Who answers, the place in the queue, or what else a shopper wants to know first. */
export function lineOf(chat, owner, words) {
  if (owner) return words.t("served", { name: owner.name });
  if (!chat?.seq) return "";
  if (chat.status === "closed") return words.t("ended");
  if (chat.online === false) return words.t("offline");
  if (chat.position === 1) return words.t("next");
  return chat.position ? words.t("place", { count: chat.position - 1 }) : words.t("waiting");
}

/** Of the connection; empty while there is nothing to say. `state` is the client's, with `since` when that was. */
export function bannerOf({ state, code, again, since }, wasThere, words) {
  if (state === "closed") return words.t(code === 4001 ? "expired" : "gone");
  if (navigator.onLine === false) return words.t("noNetwork");
  if (state === "ready") return "";
  if (state === "waiting") return words.t("reconnecting", { seconds: Math.max(1, Math.ceil((since + again - Date.now()) / 1000)) });
  return wasThere ? words.t("connecting") : "";
}

/** How was it? Five faces and a text, once after each end of a chat. */
export class Rating {
  /** `rate(score, comment)` is told; it gives a promise. */
  constructor({ words, rate }) {
    const t = (key) => words.t(key);
    this._rate = rate;
    this._score = 0;
    const face = (mouth, at) => {
      const words = t(`score${at + 1}`);
      return button(drawing(FACE + mouth), () => this._choose(at + 1), { class: "smile", title: words, "aria-label": words });
    };
    this._faces = MOUTHS.map(face);
    this._comment = el("textarea", { rows: "2", maxlength: COMMENT_LIMIT, placeholder: t("comment"), "aria-label": t("comment") });
    this._send = button(t("rate"), () => this._submit(), { class: "strong" });
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
    // A button that is disabled would lose the focus.
    if (this._isSending) return;
    this._isSending = true;
    try {
      await this._rate(this._score, this._comment.value.trim() || undefined);
    } finally {
      this._isSending = false;
    }
  }
}
