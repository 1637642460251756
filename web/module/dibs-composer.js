/** Where a shopper writes: the text, the product of the page that is offered to be sent, and the orders to choose from. */

import { card, plain } from "./dibs-thread.js";
import { el, icon } from "./dibs-draw.js";

const TYPED_MS = 3000;
const TEXT_LIMIT = 2000;
const TALLEST = 120;

/** `send(kind, body)` and `typing(on)` are told what is done here. `nodes` go into the panel, in their order. */
export class Composer {
  constructor({ words, base, options, send, typing }) {
    Object.assign(this, { words, base, options, send, typing });
    this._typedAt = 0;
    this._product = options.product;
    const t = (key) => words.t(key);
    this._offer = el("div", { class: "offer", hidden: true });
    this._orders = el("div", { class: "list", hidden: true });
    this.text = el("textarea", {
      rows: "1",
      placeholder: t("write"),
      "aria-label": t("write"),
      maxlength: TEXT_LIMIT,
      enterkeyhint: "send",
      oninput: () => this._typed(this.text.value.trim() !== ""),
      onkeydown: (event) => this._key(event),
    });
    const go = el("button", { class: "tool go", title: t("send"), "aria-label": t("send") }, icon("send"));
    if (options.orders?.length) {
      const given = { type: "button", class: "tool", title: t("orders"), "aria-label": t("orders"), "aria-expanded": "false" };
      this._pick = el("button", { ...given, onclick: () => this.toggleOrders() }, icon("order"));
    }
    this.nodes = [this._orders, this._offer, el("form", { onsubmit: (event) => this._submit(event) }, this._pick, this.text, go)];
    this._fillOffer();
    this._fillOrders();
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
    const product = this._product;
    this._offer.hidden = !product;
    if (!product) return;
    const send = el("button", { type: "button", class: "strong", onclick: () => this._sendProduct() }, this.words.t("sendProduct"));
    const drop = el("button", { type: "button", class: "tool", "aria-label": this.words.t("dismiss"), onclick: () => this._dropProduct() }, icon("close"));
    this._offer.replaceChildren(card("product", product, this.words, this.base), send, drop);
  }

  _sendProduct() {
    this.send("product", this._product);
    this._dropProduct();
    this.text.focus();
  }

  _dropProduct() {
    this._product = undefined;
    this._fillOffer();
  }

  _fillOrders() {
    const pick = (order) => {
      this.send("order", order);
      this.toggleOrders();
    };
    const row = (order) => el("button", { type: "button", onclick: () => pick(order) }, plain({ kind: "order", body: order }, this.words));
    this._orders.replaceChildren(...(this.options.orders ?? []).map(row));
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
