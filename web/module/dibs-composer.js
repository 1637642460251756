/** What a shopper has to say: the text, the product or the order of the page that is offered to be sent, the orders to choose from; and at the end how it was. */

import { card } from "./dibs-thread.js";
import { button, drawing, el, tool } from "./dibs-draw.js";

const TYPED_MS = 3000;
const TEXT_LIMIT = 2000;
const TALLEST = 120;
const FACE = "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9 9.500v.2M15 9.500v.2";
const MOUTHS = ["M8 17c1-3.5 7-3.5 8 0", "M8.5 16c1.5-1.5 5.5-1.5 7 0", "M8.5 15.300h7", "M8.5 14.500c1.5 1.5 5.5 1.5 7 0", "M7.5 13.500c1 4.5 8 4.5 9 0z"];
const COMMENT_LIMIT = 500;

/** `send(kind, body)` and `typing(on)` are told what is done here. `offers` are `[kind, body]`, and lose what was sent or dismissed. `nodes` go into the panel, in their order. */
export class Composer {
  constructor({ words, base, offers, orders, draft = "", send, typing }) {
    Object.assign(this, { words, base, offers, send, typing });
    this._typedAt = 0;
    const t = (key) => words.t(key);
    this._offer = el("div", { class: "offer", hidden: true });
    this._orders = el("div", { class: "list", hidden: true }, ...orders.map((order) => this._row(order)));
    this.text = el("textarea", {
      rows: "1",
      placeholder: t("write"),
      "aria-label": t("write"),
      maxlength: TEXT_LIMIT,
      enterkeyhint: "send",
      oninput: () => this._typed(this.text.value.trim() !== ""),
      onkeydown: (event) => this._key(event),
    });
    this.text.value = draft;
    const go = tool("send", t("send"), undefined, { type: "submit", class: "tool go" });
    if (orders.length) this._pick = tool("order", t("orders"), () => this.toggleOrders(), { "aria-expanded": "false" });
    const form = el("form", { onsubmit: (event) => this._submit(event) }, this._pick, this.text, go);
    this.nodes = [this._orders, this._offer, form];
    this._fillOffer();
  }

  get hasOrdersOpen() {
    return !this._orders.hidden;
  }

  toggleOrders() {
    this._orders.hidden = !this._orders.hidden;
    this._pick.setAttribute("aria-expanded", String(this.hasOrdersOpen));
    (this.hasOrdersOpen ? this._orders.firstChild : this.text).focus();
  }

  _fillOffer() {
    const [offered] = this.offers;
    this._offer.hidden = !offered;
    if (!offered) return;
    const done = () => {
      this.offers.shift();
      this._fillOffer();
      this.text.focus();
    };
    const sent = () => {
      this.send(...offered);
      done();
    };
    const send = button(this.words.t("sendProduct"), sent, { class: "strong" });
    this._offer.replaceChildren(card(...offered, this.words, this.base), send, tool("close", this.words.t("dismiss"), done));
  }

  _row(order) {
    const pick = () => {
      this.send("order", order);
      this.toggleOrders();
    };
    // A link has no place in a button.
    return button(card("order", { ...order, url: undefined }, this.words, this.base), pick);
  }

  _key(event) {
    // Enter that ends the choice of a character sends nothing.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this._submit(event);
  }

  _submit(event) {
    event.preventDefault();
    const text = this.text.value.trim();
    if (!text) return;
    this.text.value = "";
    this._typed(false);
    this.send("text", { text });
  }

  _typed(isWriting) {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, TALLEST)}px`;
    if (!isWriting) {
      if (this._typedAt) this.typing(false);
      this._typedAt = 0;
    } else if (Date.now() - this._typedAt > TYPED_MS) {
      this._typedAt = Date.now();
      this.typing(true);
    }
  }
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
