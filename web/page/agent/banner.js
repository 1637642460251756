/** `<dibs-banner>`: how the connection is, under the header, in nobody's way. */

import { el, mark, say } from "../part/element.js";
import { t } from "../part/locale.js";

export class Banner extends HTMLElement {
  begin(desk) {
    this._desk = desk;
    this._text = el("p", {});
    this._count = el("span", { class: "count", "aria-hidden": "true" });
    this.setAttribute("role", "status");
    this.append(el("div", { class: "banner" }, this._text, this._count));
  }

  connectedCallback() {
    this._end = this._desk.watch(() => this._update());
    this._timer = setInterval(() => this._update(), 250);
    this._update();
  }

  disconnectedCallback() {
    this._end();
    clearInterval(this._timer);
  }

  _update() {
    const { told, isReady } = this._desk.connection;
    const isFirst = !told && !isReady;
    mark(this, "data-state", told?.state ?? (isFirst ? "first" : null));
    if (isFirst) say(this._text, t("connecting"));
    else if (!told) say(this._text, "");
    else if (told.state === "back") say(this._text, t("back", { count: told.caughtUp }));
    else say(this._text, t("reconnecting"));
    const seconds = told?.at === undefined ? 0 : Math.ceil((told.at - Date.now()) / 1000);
    // Seconds are for the eye: read aloud each would be a nuisance.
    say(this._count, told?.state === "lost" && seconds > 0 ? t("seconds", { count: seconds }) : "");
  }
}

customElements.define("dibs-banner", Banner);
