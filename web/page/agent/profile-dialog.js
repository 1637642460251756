/** `<dibs-profile-dialog>`: where a supervisor says what the store is called and how it looks, when its clocks turn, and what its canned replies are. */

import { Refused } from "../../dibs-client.js";
import { el, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { merged } from "./profile.js";
import { refusal } from "./summary.js";

const FIELDS = ["name", "face", "greeting", "clock", "replies"];

export class ProfileDialog extends HTMLElement {
  begin(desk) {
    this._desk = desk;
  }

  connectedCallback() {
    this._off = this._desk.on("profile", (store) => this._open(store));
  }

  disconnectedCallback() {
    this._off();
  }

  _open(store) {
    this._store = store;
    this._base = this._desk.profile(store);
    const field = (name, made) => el("label", { class: "field" }, t(name), made);
    this._name = el("input", { maxlength: "100", autocomplete: "off", placeholder: store });
    this._face = el("input", { maxlength: "2048", autocomplete: "off", spellcheck: "false", pattern: "https://.+|/.*", placeholder: "https://", title: t("storeFaceHint") });
    this._greeting = el("textarea", { rows: "2", maxlength: "500", placeholder: t("storeGreetingHint") });
    const seconds = () => el("input", { type: "number", min: "1", max: "86400", required: true, inputmode: "numeric" });
    [this._amber, this._red] = [seconds(), seconds()];
    this._replies = el("ul", { class: "reply-rows" });
    this._problem = el("p", { class: "problem", role: "alert", hidden: true });
    this._save = el("button", { class: "primary", type: "submit" }, t("save"));
    const form = el(
      "form",
      { onsubmit: (event) => this._submit(event) },
      el("h2", { id: "profile-title" }, t("storeSettings", { store })),
      field("storeName", this._name),
      field("storeFace", this._face),
      field("storeGreeting", this._greeting),
      el("div", { class: "pair" }, field("clockAmber", this._amber), field("clockRed", this._red)),
      el("h3", {}, t("replies")),
      el("p", { class: "hint" }, t("repliesHint", { name: "{name}", agent: "{agent}", store: "{store}" })),
      this._replies,
      el("button", { class: "quiet add", type: "button", onclick: () => this._row({ key: "", text: "" }).querySelector("input").focus() }, icon("plus"), t("addReply")),
      this._problem,
      el("div", { class: "dialog-buttons" }, el("button", { class: "quiet", type: "button", onclick: () => this._dialog.close() }, t("cancel")), this._save),
    );
    this._dialog = el("dialog", { class: "wide", "aria-labelledby": "profile-title" }, form);
    this._dialog.addEventListener("close", () => this._dialog.remove());
    this._fill(this._base);
    this.append(this._dialog);
    this._dialog.showModal();
  }

  _fill({ name, face, greeting, clock, replies }) {
    this._name.value = name ?? "";
    this._face.value = face ?? "";
    this._greeting.value = greeting ?? "";
    this._amber.value = clock.amber;
    this._red.value = clock.red;
    this._replies.replaceChildren();
    replies.forEach((reply) => this._row(reply));
  }

  _row({ key, text }) {
    const row = el(
      "li",
      {},
      el("input", { class: "reply-key", value: key, required: true, maxlength: "32", pattern: "[^\\s\\/]+", "aria-label": t("replyKey"), placeholder: t("replyKey"), title: t("replyKeyHint"), autocomplete: "off", spellcheck: "false" }),
      el("textarea", { rows: "2", required: true, maxlength: "2000", "aria-label": t("replyText"), placeholder: t("replyText") }),
      el("button", { class: "quiet", type: "button", "aria-label": t("remove"), title: t("remove"), onclick: () => row.remove() }, icon("close")),
    );
    row.querySelector("textarea").value = text;
    this._replies.append(row);
    return row;
  }

  /** What stands in the fields. */
  _given() {
    const text = ({ value }) => value.trim() || null;
    return {
      name: text(this._name),
      face: text(this._face),
      greeting: text(this._greeting),
      clock: { amber: Number(this._amber.value), red: Number(this._red.value) },
      replies: [...this._replies.children].map((row) => ({ key: row.querySelector("input").value, text: row.querySelector("textarea").value.trim() })),
    };
  }

  _tell(words) {
    this._problem.hidden = !words;
    say(this._problem, words);
    if (words) this._problem.scrollIntoView({ block: "nearest" });
  }

  async _submit(event) {
    event.preventDefault();
    const given = this._given();
    const keys = given.replies.map(({ key }) => key);
    const twice = keys.find((key, n) => keys.indexOf(key) !== n);
    if (twice) return this._tell(t("replyTwice", { key: twice }));
    if (given.clock.amber > given.clock.red) return this._tell(t("clockOrder"));
    const changes = Object.fromEntries(FIELDS.filter((name) => JSON.stringify(given[name]) !== JSON.stringify(this._base[name])).map((name) => [name, given[name]]));
    if (!Object.keys(changes).length) return this._dialog.close();
    this._save.disabled = true;
    try {
      await this._desk.client.configure(this._store, this._base.version, changes);
      this._dialog.close();
    } catch (error) {
      if (!(error instanceof Refused)) this._tell(t("notSaved"));
      else if (error.code === "stale_profile") await this._merge(given);
      else this._tell(refusal(error));
    }
    this._save.disabled = false;
  }

  /** Somebody else was first: what they changed comes in, what was changed here stays, and it is shown before it is saved. */
  async _merge(given) {
    const theirs = await this._desk.attempt(this._desk.client.profile(this._store));
    if (!theirs) return;
    const { merged: both, clashes } = merged(this._base, theirs, given);
    this._base = theirs;
    this._fill(both);
    const words = ([name, value]) => `${name.startsWith("/") ? name : t(LABELS[name])}: ${value === null || value === undefined ? "–" : (value.amber ? `${value.amber} / ${value.red}` : value)}`;
    this._tell([t("staleProfile", { name: theirs.by?.name || theirs.by?.id || "" }), ...(clashes.length ? [t("clashes"), ...clashes.map(words)] : [])].join("\n"));
  }
}

const LABELS = { name: "storeName", face: "storeFace", greeting: "storeGreeting", clock: "clocks" };

customElements.define("dibs-profile-dialog", ProfileDialog);
