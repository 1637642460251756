/** `<dibs-header>`: who is at work and whether they are there; the chip that lets the page make a sound. */

import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { paletteKey, perform } from "./action.js";
import { Watching } from "./watching.js";

export class Header extends Watching {
  begin(desk, alert) {
    this._desk = desk;
    this._alert = alert;
    this._switch = el("button", { class: "switch", role: "switch", type: "button", onclick: () => this._toggle() }, el("span", { class: "knob" }));
    this._status = el("span", { class: "status-word" });
    this._switch.append(this._status);
    this._chip = el("button", { class: "chip", type: "button", onclick: () => alert.enable() }, icon("bell"), el("span", {}, t("enableSound")));
    this._who = el("span", { class: "who" });
    this.append(
      el(
        "header",
        {},
        el("h1", { class: "brand" }, t("console")),
        this._chip,
        el(
          "button",
          { class: "quiet palette-button", type: "button", onclick: () => desk.ask("palette") },
          icon("command"),
          el("span", {}, t("commands")),
          el("kbd", {}, paletteKey()),
        ),
        el("span", { class: "spring" }),
        this._switch,
        this._who,
      ),
    );
  }

  _update() {
    const { status, client, me, isSupervisor } = this._desk;
    mark(this._switch, "aria-checked", String(status === "available"));
    say(this._status, t(status));
    mark(this._switch, "aria-label", t("availability"));
    this._chip.hidden = this._alert.isOn || !this._alert.isPossible;
    const name = client.welcome ? this._desk.name : (this._name ?? me);
    if (name === this._name) return;
    this._name = name;
    const role = isSupervisor ? el("span", { class: "role" }, t("supervisor")) : null;
    this._who.replaceChildren(avatar(me, name, "small"), el("span", { class: "name" }, name), role ?? "");
  }

  _toggle() {
    perform(this._desk, this._desk.status === "available" ? "away" : "available");
  }
}

customElements.define("dibs-header", Header);
