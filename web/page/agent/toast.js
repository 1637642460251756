/** `<dibs-toasts>`: what just happened and is nobody's fault, said once and read aloud. */

import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { nameOf, partyName, refusal } from "./summary.js";

const SHOWN_MS = 7000;
const MOST = 4;

export class Toasts extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this.setAttribute("role", "status");
  }

  connectedCallback() {
    const desk = this._desk;
    const name = ({ store, user }) => nameOf(desk.client.held.find(store, user) ?? { user });
    const happened = (kind) => (event) =>
      this._say(t(`${kind}_${event.reason}`, { by: partyName(event.by), to: partyName(event.owner), user: name(event) }), kind === "lost");
    this._ends = [
      desk.on("refused", ({ error }) => this._refused(error)),
      desk.on("broken", () => this._say(t("brokenFile"), true)),
      desk.on("lost", happened("lost")),
      desk.on("given", happened("given")),
      desk.on("done", (text) => this._say(text, false)),
    ];
  }

  disconnectedCallback() {
    for (const end of this._ends) end();
  }

  _refused(error) {
    const name = partyName(error.owner);
    this._say(error.code === "already_claimed" && name ? t("lostRace", { name }) : refusal(error), true);
  }

  _say(text, isBad) {
    const toast = el(
      "div",
      { class: "toast", "data-bad": isBad },
      icon(isBad ? "alert" : "info"),
      el("p", {}, text),
      el("button", { class: "quiet", type: "button", "aria-label": t("close"), onclick: () => toast.remove() }, icon("close")),
    );
    this.append(toast);
    while (this.children.length > MOST) this.firstChild.remove();
    setTimeout(() => toast.remove(), SHOWN_MS);
  }
}

customElements.define("dibs-toasts", Toasts);
