/** `<dibs-rail>`: the stores, when there are several, and what is about the page rather than a chat. */

import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { short, t } from "../part/locale.js";
import { letters } from "../../dibs-draw.js";
import { action, perform } from "./action.js";
import { Watching } from "./watching.js";

const TOOLS = ["announce", "profile", "language", "theme", "help", "signOut"];

const ONLY_SUPERVISORS = new Set(["announce", "profile"]);

export class Rail extends Watching {
  begin(desk) {
    this._desk = desk;
    this._stores = el("ul", { class: "stores", "aria-label": t("stores") });
    const tools = TOOLS.filter((id) => desk.isSupervisor || !ONLY_SUPERVISORS.has(id)).map((id) =>
      el(
        "button",
        { class: "rail-button", type: "button", "aria-label": t(id), title: t(id), onclick: () => perform(desk, id) },
        icon(action(id).icon),
      ),
    );
    const { across } = desk;
    const way = across && el("a", { class: "rail-button", href: across.href, "aria-label": t(across.id), title: t(across.id) }, icon(across.icon));
    this.append(el("nav", { "aria-label": t("rail") }, this._stores, el("span", { class: "spring" }), way ?? "", ...tools));
  }

  _update() {
    const { stores, store, client } = this._desk;
    const shown = stores.length > 1 ? [undefined, ...stores] : [];
    if (this._shown !== shown.join()) {
      this._shown = shown.join();
      this._stores.replaceChildren(...shown.map((one) => this._store(one)));
      this._stores.hidden = !shown.length;
    }
    if (!shown.length) return;
    const waiting = new Map();
    for (const chat of client.held.chats.values())
      if (chat.epoch && chat.status === "waiting") waiting.set(chat.store, (waiting.get(chat.store) ?? 0) + 1);
    const all = [...waiting.values()].reduce((sum, count) => sum + count, 0);
    for (const [n, item] of [...this._stores.children].entries()) {
      const count = shown[n] === undefined ? all : (waiting.get(shown[n]) ?? 0);
      const [button] = item.children;
      mark(button, "aria-pressed", String(shown[n] === store));
      const name = shown[n] === undefined ? t("allStores") : this._desk.storeName(shown[n]);
      const [, pill, words] = button.children;
      mark(button, "title", name);
      say(pill, count ? short(count) : "");
      say(words, `${name}, ${t("waitingCount", { count })}`);
    }
  }

  _store(one) {
    const face = one === undefined ? icon("store") : el("span", { "aria-hidden": "true" }, letters(one));
    const look = () => this._desk.look({ store: one });
    return el(
      "li",
      {},
      el("button", { class: "rail-button store", type: "button", title: one ?? t("allStores"), onclick: look }, face, el("span", { class: "pill", "aria-hidden": "true" }), el("span", { class: "sr" })),
    );
  }
}

customElements.define("dibs-rail", Rail);
