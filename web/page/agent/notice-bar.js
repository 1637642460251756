/** `<dibs-notices>`: announcements under the header. They go when somebody says so, not by themselves. */

import { el } from "../part/element.js";
import { icon } from "../part/icon.js";
import { t } from "../part/locale.js";
import { clock } from "../part/time.js";
import { Watching } from "./watching.js";

export class NoticeBar extends Watching {
  begin(desk) {
    this._desk = desk;
    this._list = el("ul", { class: "notices", "aria-label": t("notices") });
    this.setAttribute("role", "status");
    this.append(this._list);
  }

  _update() {
    const { notices, stores } = this._desk;
    const { shown } = notices;
    const stands = JSON.stringify([shown, stores.length > 1]);
    if (stands === this._stands) return;
    this._stands = stands;
    this._list.replaceChildren(
      ...shown.map((one) =>
        el(
          "li",
          { class: "notice" },
          icon("megaphone"),
          el("p", { dir: "auto" }, one.text),
          el("span", { class: "hint" }, stores.length > 1 && one.store ? `${one.store} · ${clock(one.at)}` : clock(one.at)),
          el("button", { class: "quiet", type: "button", "aria-label": t("dismiss"), title: t("dismiss"), onclick: () => notices.dismiss(one) }, icon("close")),
        ),
      ),
    );
  }
}

customElements.define("dibs-notices", NoticeBar);
