/** `<dibs-results>`: what was found, in the place of the list; one step goes to where it was said. */

import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { number, t } from "../part/locale.js";
import { ago } from "../part/time.js";
import { fitting, pattern } from "./search.js";
import { nameOf, partyName } from "./summary.js";
import { Watching } from "./watching.js";

/** How much is shown before what fits. */
const BEFORE = 24;

export class Results extends Watching {
  begin(desk) {
    this._desk = desk;
    this._title = el("h2", {});
    this._count = el("p", { class: "hint", role: "status" });
    this._at = 0;
    this._list = el("ul", { class: "results", role: "listbox", tabindex: "0", "aria-label": t("results"), onkeydown: (event) => this._key(event) });
    this._more = el("button", { class: "quiet", type: "button", onclick: () => desk.search.more() }, t("searchFurther"));
    this._state = el("p", {});
    this._foot = el("div", { class: "results-foot" }, this._state, this._more);
    this.append(
      el(
        "div",
        { class: "results-head" },
        el("button", { class: "quiet", type: "button", "aria-label": t("backToChats"), title: t("backToChats"), onclick: () => this._leave() }, icon("back")),
        el("div", {}, this._title, this._count),
      ),
      el("div", { class: "results-body" }, this._list, this._foot),
    );
  }

  connectedCallback() {
    super.connectedCallback();
    this._off = this._desk.on("results", () => {
      this._update();
      this._choose(0);
      this._list.focus();
    });
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._off();
  }

  _update() {
    const { search } = this._desk;
    this.hidden = !search.isOn;
    if (!search.isOn) {
      this._drawn = undefined;
      return;
    }
    const chat = search.chat && (this._desk.client.held.find(search.chat.store, search.chat.user) ?? search.chat);
    say(this._title, chat ? t("searchedIn", { text: search.text, name: nameOf(chat) }) : t("searched", { text: search.text }));
    say(this._count, t("resultCount", { count: search.found.length, shown: number(search.found.length) }));
    say(this._state, search.isLoading ? t("searching") : search.hasMore ? "" : search.found.length ? t("searchedAll") : t("foundNowhere"));
    this._more.hidden = search.isLoading || !search.hasMore;
    if (this._drawn !== search.found) {
      this._drawn = search.found;
      const wanted = pattern(search.text);
      this._list.replaceChildren(...search.found.map((one, n) => this._row(one, n, wanted)));
      this._choose(this._chosen(search));
    }
  }

  _row(one, n, wanted) {
    const chat = this._desk.client.held.find(one.store, one.user) ?? { user: one.user, name: one.from.role === "user" && one.from.name };
    const isUser = one.from.role === "user";
    const who = isUser ? "" : `${one.from.id === this._desk.me ? t("me") : `${partyName(one.from)}: `}`;
    return el(
      "li",
      { class: "result", role: "option", id: `result-${n}`, "data-note": one.type === "note", onclick: () => this._go(n) },
      avatar(one.user, nameOf(chat), "small"),
      el("span", { class: "line-1" }, el("span", { class: "name" }, nameOf(chat)), el("span", { class: "time" }, ago(one.at, this._desk.now()))),
      el("span", { class: "snippet" }, one.type === "note" ? icon("note") : null, who, ...snippet(fitting(one.body, wanted) ?? "", wanted)),
    );
  }

  /** What was chosen stays chosen when others come before it. */
  _chosen({ found }) {
    const at = found.indexOf(this._one);
    return Math.max(at, 0);
  }

  _choose(n) {
    this._at = n;
    this._one = this._desk.search.found[n];
    for (const [at, option] of [...this._list.children].entries()) mark(option, "aria-selected", String(at === n));
    mark(this._list, "aria-activedescendant", this._list.children[n]?.id);
    this._list.children[n]?.scrollIntoView({ block: "nearest" });
  }

  _go(n) {
    this._choose(n);
    const one = this._desk.search.found[n];
    if (one) this._desk.reading.goTo(one);
  }

  _leave() {
    this._desk.search.end();
    this._desk.look({ filter: "" });
    this._desk.ask("list");
  }

  _key(event) {
    const { length } = this._desk.search.found;
    const to = { ArrowDown: this._at + 1, ArrowUp: this._at - 1, Home: 0, End: length - 1 }[event.key];
    if (event.key === "Escape") this._leave();
    else if (event.key === "Enter") this._go(this._at);
    else if (to === undefined || event.altKey || !length) return;
    else this._choose(Math.min(Math.max(to, 0), length - 1));
    event.preventDefault();
  }
}

/** Some words around what fits, which is marked. */
function snippet(text, wanted) {
  const { index, 0: fit } = wanted.exec(text) ?? { index: 0, 0: "" };
  const from = index > BEFORE ? index - BEFORE : 0;
  return [(from ? "…" : "") + text.slice(from, index), el("mark", {}, fit), text.slice(index + fit.length, index + fit.length + 120)];
}

customElements.define("dibs-results", Results);
