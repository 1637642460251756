/** `<dibs-tiles>`: the figures, the most urgent first. Clocks tick for the eye; read aloud they are read when asked for. */

import { nameOf, partyName } from "../agent/summary.js";
import { Watching } from "../agent/watching.js";
import { el, mark, say } from "../part/element.js";
import { icon } from "../part/icon.js";
import { number, t } from "../part/locale.js";
import { stopwatch } from "../part/time.js";

const TILES = {
  waiting: "waitingNow",
  longest: "longestWait",
  unanswered: "oldestUnanswered",
  first: "firstResponse",
  opened: "newChats",
  refused: "refusedClaims",
  takeovers: "takeovers",
  rating: "rating",
};
const NONE = "–";

export class Tiles extends Watching {
  begin(board) {
    this._desk = board;
    this._tiles = new Map(Object.entries(TILES).map(([id, word]) => [id, this._tile(id, word)]));
    this.append(el("section", { "aria-label": t("overview") }, el("ul", { class: "tiles" }, [...this._tiles.values()].map(({ node }) => node))));
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = setInterval(() => this._tick(), 1000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this._timer);
  }

  _tile(id, word) {
    const value = el("span", { class: "tile-value" });
    const hint = el("span", { class: "tile-hint" });
    const sign = el("span", { class: "tile-sign" });
    const name = el("span", { class: "tile-name" }, t(word));
    const lines = [name, el("span", { class: "tile-line" }, value, sign), hint];
    // Whoever waits can be looked at: the whole tile leads there.
    const isWay = id === "longest" || id === "unanswered";
    const face = isWay ? el("button", { type: "button", class: "tile-face", onclick: () => this._open(id) }, lines) : el("div", { class: "tile-face" }, lines);
    return { node: el("li", { class: "tile", "data-tile": id }, face), face, value, hint, sign };
  }

  _open(id) {
    const found = this._desk.live[id];
    if (found) this._desk.open(found.chat);
  }

  _update() {
    const { live, day, connection, stores } = this._desk;
    const isKnown = connection.isReady || stores.length > 0;
    this._set("waiting", isKnown ? number(live.waiting) : NONE, isKnown ? t("withAgents", { count: live.claimed }) : "");
    this._clock("longest", isKnown, t("nobodyWaits"));
    this._clock("unanswered", isKnown, t("allAnswered"));
    this._showDay(day);
    mark(this, "aria-busy", String(!day));
    this._tick();
  }

  _showDay(day) {
    if (!day) {
      for (const id of ["first", "opened", "refused", "takeovers", "rating"]) this._set(id, NONE, "");
      return;
    }
    const { first, rating } = day;
    const isAnswered = first.count > 0;
    this._set("first", isAnswered ? stopwatch(first.p50) : NONE, isAnswered ? this._ninety(first) : t("noneAnswered"));
    say(this._tiles.get("first").sign, isAnswered ? t("half") : "");
    this._set("opened", number(day.opened), t("claimedClosed", { claimed: number(day.claimed), closed: number(day.closed) }));
    this._set("refused", number(day.refused), t("refusedHint"));
    this._set("takeovers", number(day.takeovers), t("takeoversHint"));
    const mean = rating.count ? new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(rating.mean) : NONE;
    this._set("rating", mean, rating.count ? t("ratings", { count: rating.count }) : t("noRatings"));
    const { sign } = this._tiles.get("rating");
    if (rating.count && !sign.childNodes.length) sign.append(el("span", { class: "stars", "aria-hidden": "true" }, "★"));
    if (!rating.count) sign.replaceChildren();
    mark(this._tiles.get("rating").value, "title", rating.count ? t("outOfFive", { mean }) : null);
  }

  _ninety({ p90, count, store }) {
    const time = t("ninety", { time: stopwatch(p90) });
    return this._desk.shown.length > 1 ? `${time} · ${t("slowest", { store })}` : `${time} · ${t("answers", { count })}`;
  }

  _set(id, value, hint) {
    const tile = this._tiles.get(id);
    say(tile.value, value);
    say(tile.hint, hint);
  }

  _clock(id, isKnown, none) {
    const { live, client } = this._desk;
    const found = live[id];
    const { face } = this._tiles.get(id);
    face.disabled = !found;
    mark(face, "title", found && t("lookAt", { name: nameOf(found.chat) }));
    if (!found) this._set(id, NONE, isKnown ? none : "");
    else {
      const owner = found.chat.owner && (client.held.agents.get(found.chat.store)?.find((one) => one.id === found.chat.owner.id)?.name ?? partyName(found.chat.owner));
      this._set(id, stopwatch(this._desk.now() - found.since), [nameOf(found.chat), owner].filter(Boolean).join(" · "));
    }
  }

  _tick() {
    for (const id of ["longest", "unanswered"]) {
      const { node, value, sign } = this._tiles.get(id);
      const found = this._desk.live[id];
      const late = found ? this._desk.level(found) : "calm";
      if (found) say(value, stopwatch(this._desk.now() - found.since));
      if (node.dataset.level === late) continue;
      mark(node, "data-level", late);
      // Not by its colour alone.
      sign.replaceChildren(...(late === "calm" ? [] : [icon("alert"), el("span", { class: "sr" }, t(late === "late" ? "isLate" : "isTooLate"))]));
    }
  }
}

customElements.define("dibs-tiles", Tiles);
