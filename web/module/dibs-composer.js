/** What a shopper has to say: the text, the product or the order of the page that is offered to be sent, the orders to choose from, and files. */

import { card } from "./dibs-thread.js";
import { newId } from "./dibs-client.js";
import { button, el, icon, link, tool } from "./dibs-draw.js";

const TYPED_MS = 3000;
const TEXT_LIMIT = 2000;
const TALLEST = 120;

/** `send(kind, body)` and `typing(on)` are told what is done here. `offers` are `[kind, body]`, and lose what was sent or dismissed. `nodes` go into the panel, in their order. */
export class Composer {
  constructor({ words, base, offers, orders, uploads, draft = "", send, typing }) {
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
      onpaste: (event) => this._paste(event),
    });
    this.text.value = draft;
    const go = tool("send", t("send"), undefined, { type: "submit", class: "tool go" });
    if (orders.length) this._pick = tool("order", t("orders"), () => this.toggleOrders(), { "aria-expanded": "false" });
    this.tray = new Tray({ words, uploads, done: () => this.text.focus() });
    const form = el("form", { onsubmit: (event) => this._submit(event) }, ...this.tray.nodes, this._pick, this.text, go);
    this.nodes = [this._orders, this._offer, this.tray.node, form];
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

  /** What was copied from a document has a picture of itself with it, and is meant as text. */
  _paste(event) {
    const { files, types } = event.clipboardData;
    if (!files.length || (types.includes("text/plain") && types.includes("text/html"))) return;
    event.preventDefault();
    this.tray.add(files);
  }

  _submit(event) {
    event.preventDefault();
    this.tray.send();
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

/** As the server takes without another setting. */
const LIMIT = 10 * 2 ** 20;
const TYPES = ".png,.jpg,.jpeg,.gif,.webp,.pdf,.txt,.csv,.zip,.docx,.xlsx,.pptx";

/** What is plainly wrong with a file, as the server would say it; only the server looks into it. */
function flawOf({ name, size }) {
  if (!TYPES.split(",").some((type) => name.toLowerCase().endsWith(type))) return "unsupported";
  return size > LIMIT ? "too_large" : undefined;
}

export class Uploads {
  /** `send(kind, body, id)` is told of each that has arrived, `changed()` of whatever is to be shown. */
  constructor({ client, store, send, changed }) {
    Object.assign(this, { client, store, send, changed });
    /** What is chosen and not yet sent. @type {File[]} */
    this.chosen = [];
    /** Addresses on the server to what this page sent there and need not fetch. */
    this.own = new Map();
    this._all = new Map();
  }

  /** Those on their way and those that failed, `{id, at, kind, body, view?, bar, state, code?}`, in their order. */
  get all() {
    return [...this._all.values()];
  }

  get isBusy() {
    return this.all.some(({ state }) => state === "sending");
  }

  /** Sends what is chosen and has no flaw. */
  begin() {
    for (const file of this.chosen.filter((one) => !flawOf(one))) {
      const id = newId();
      const isImage = file.type.startsWith("image/");
      const view = isImage && URL.createObjectURL(file);
      const body = isImage ? { alt: file.name } : { name: file.name, size: file.size };
      const bar = el("progress", { max: 1, value: 0, "aria-label": file.name });
      this._all.set(id, { id, file, view, bar, at: Date.now(), kind: isImage ? "image" : "file", body, state: "sending" });
    }
    this.chosen = this.chosen.filter(flawOf);
    this.go();
  }

  /** There is a connection: what waited for one goes, and what failed for want of one, of which no code tells. */
  goOn() {
    for (const one of this.all) if (!one.code) one.state = "sending";
    this.go();
  }

  again(id) {
    this._all.get(id).state = "sending";
    this.go();
  }

  drop(id) {
    const one = this._all.get(id);
    this._all.delete(id);
    one?.ending?.abort();
    this.changed();
  }

  stop() {
    for (const { id } of this.all) this.drop(id);
    for (const view of this.own.values()) URL.revokeObjectURL(view);
  }

  /** One after another, as they were chosen. */
  async go() {
    this.changed();
    const one = this.all.find(({ state }) => state === "sending");
    if (!one || this._isGoing || this.client.state !== "ready") return;
    this._isGoing = true;
    one.ending = new AbortController();
    const onprogress = ({ loaded, total }) => (one.bar.value = loaded / total);
    try {
      const { url, width, height } = await this.client.upload(this.store, one.file, { name: one.file.name, onprogress, signal: one.ending.signal });
      if (one.view) this.own.set(url, one.view);
      if (this._all.delete(one.id)) this.send(one.kind, { url, ...one.body, ...(one.view && { width, height }) }, one.id);
    } catch (error) {
      one.code = error.code;
      if (this.client.state === "ready" || one.code) one.state = "failed";
    }
    this._isGoing = false;
    this.go();
  }
}

/** What is chosen to be sent with the next message: each file with its type and size, or with what is wrong with it. */
export class Tray {
  /** `done()` is told when something was added or taken out. */
  constructor({ words, uploads, done }) {
    Object.assign(this, { words, uploads, done });
    const t = (key) => words.t(key);
    this.node = el("ul", { class: "tray", "aria-label": t("files"), hidden: true });
    const picker = (key, name, given) => {
      const input = el("input", { type: "file", hidden: true, onchange: () => this._picked(input), ...given });
      return [tool(name, t(key), () => input.click(), { class: `tool ${name}` }), input];
    };
    const [clip, files] = picker("attach", "clip", { multiple: true, accept: TYPES });
    const [camera, photo] = picker("camera", "camera", { accept: "image/*", capture: "environment" });
    /** Into the line where one writes. */
    this.nodes = [files, photo, clip, camera];
    this._show();
  }

  add(files) {
    this.uploads.chosen.push(...files);
    this._show();
    this.done();
  }

  /** The same file may be chosen again. */
  _picked(input) {
    this.add(input.files);
    input.value = "";
  }

  /** They go. */
  send() {
    this.uploads.begin();
    this._show();
  }

  _show() {
    const { chosen } = this.uploads;
    this.node.hidden = !chosen.length;
    const drop = (file) => {
      chosen.splice(chosen.indexOf(file), 1);
      this._show();
      this.done();
    };
    const row = (file) => {
      const flaw = flawOf(file);
      const about = flaw ? this.words.t(flaw) : `${file.name.split(".").pop().toUpperCase()} · ${this.words.size(file.size)}`;
      const told = el("span", {}, el("b", {}, file.name), el("small", { class: flaw && "bad" }, about));
      return el("li", {}, icon("file"), told, tool("close", `${this.words.t("discard")} ${file.name}`, () => drop(file)));
    };
    this.node.replaceChildren(...chosen.map(row));
  }
}

/** Lets files fall onto an element. */
export function fallsOn(node, add) {
  const isOver = (event, on) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    node.toggleAttribute("data-over", on);
  };
  node.addEventListener("dragover", (event) => isOver(event, true));
  node.addEventListener("dragleave", (event) => node.contains(event.relatedTarget) || isOver(event, false));
  node.addEventListener("drop", (event) => {
    isOver(event, false);
    add(event.dataTransfer.files);
  });
}

/** Files of the chat have addresses that open to its two sides alone, and only for minutes: each is signed when it is wanted, and anew when that has ended. */
export class Signed {
  /** `own` has what need not be fetched. */
  constructor({ client, own }) {
    Object.assign(this, { client, own });
  }

  /** Whether an address is one of a file of the chat. */
  has(url) {
    return url?.startsWith?.("/files/");
  }

  /** A picture; `gone()` is told if it is not there. */
  picture(url, given, gone) {
    let tries = 0;
    const load = async () => {
      const src = this.own.get(url) ?? (await this._sign(url));
      if (src && (tries += 1) < 3) picture.src = src;
      else gone(picture);
    };
    const picture = el("img", { ...given, onload: () => (tries = 0), onerror: load });
    load();
    return picture;
  }

  /** A link that is good whenever it is followed. */
  link(url, name, ...children) {
    const fresh = async () => {
      const href = await this._sign(url, name);
      if (href) made.href = href;
      return href;
    };
    const made = link(undefined, ...children);
    const follow = async (event) => {
      event.preventDefault();
      const href = await fresh();
      if (href) open(href, "_blank", "noopener,noreferrer");
    };
    made.addEventListener("click", follow);
    for (const type of ["pointerenter", "focus"]) made.addEventListener(type, fresh);
    fresh();
    return made;
  }

  async _sign(url, name) {
    return (await this.client.sign([name ? { url, name } : url]).catch(() => new Map())).get(url);
  }
}
