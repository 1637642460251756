/** `<dibs-agents>`: everybody on the roster, whether they are here and how much they carry. A click shows only their chats. */

import { Watching } from "../agent/watching.js";
import { avatar } from "../part/avatar.js";
import { el, mark, say } from "../part/element.js";
import { t } from "../part/locale.js";

export class Agents extends Watching {
  begin(board) {
    this._desk = board;
    this._rows = new Map();
    this._states = el("p", { class: "hint" });
    this._list = el("ul", { class: "people" });
    this._nothing = el("p", { class: "hint nothing" }, t("noAgents"));
    this.append(
      el(
        "section",
        { class: "card-box", "aria-labelledby": "agents-title" },
        el("div", { class: "box-head" }, el("h2", { id: "agents-title" }, t("agents")), this._states),
        this._nothing,
        this._list,
      ),
    );
  }

  _update() {
    const { people, owner, day } = this._desk;
    const count = { available: 0, away: 0, gone: 0 };
    for (const { status } of people) count[status] += 1;
    say(this._states, people.length ? t("agentStates", count) : "");
    this._nothing.hidden = Boolean(people.length) || !day;
    const shown = people.map((one) => this._row(one, owner));
    for (const id of [...this._rows.keys()]) if (!people.some((one) => one.id === id)) this._rows.delete(id);
    if (shown.length === this._list.children.length && shown.every((node, n) => node === this._list.children[n])) return;
    const focused = document.activeElement;
    this._list.replaceChildren(...shown);
    if (this.contains(focused)) focused.focus();
  }

  _row({ id, name, status, chats, limit }, owner) {
    let row = this._rows.get(id);
    if (!row || row.name !== name) this._rows.set(id, (row = this._make(id, name)));
    mark(row.button, "data-status", status);
    mark(row.button, "aria-pressed", String(owner === id));
    say(row.status, t(status));
    say(row.load, limit ? `${chats} / ${limit}` : String(chats));
    say(row.words, limit ? t("load", { chats, limit }) : t("loadFree", { count: chats }));
    mark(row.button, "title", t("onlyOf", { name }));
    row.bar.style.width = limit ? `${Math.min(100, (100 * chats) / limit)}%` : "0";
    row.track.hidden = !limit;
    mark(row.track, "data-full", limit > 0 && chats >= limit);
    return row.node;
  }

  _make(id, name) {
    const row = {
      name,
      status: el("span", { class: "presence" }),
      load: el("span", { class: "load", "aria-hidden": "true" }),
      words: el("span", { class: "sr" }),
      bar: el("span", { class: "bar" }),
    };
    row.track = el("span", { class: "track", "aria-hidden": "true" }, row.bar);
    row.button = el(
      "button",
      { type: "button", class: "person", onclick: () => this._desk.choose({ owner: this._desk.owner === id ? null : id }) },
      el("span", { class: "face" }, avatar(id, name, "small"), el("span", { class: "dot" })),
      el("span", { class: "name" }, name),
      row.status,
      row.track,
      row.load,
      row.words,
    );
    row.node = el("li", {}, row.button);
    return row;
  }
}

customElements.define("dibs-agents", Agents);
