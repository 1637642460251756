/** What a shopper's page says of it, in the words of whoever reads it: the language by its name, the time where they are, what was before. */

import { el } from "../part/element.js";
import { language, t } from "../part/locale.js";
import { clock, dayName, full } from "../part/time.js";
import { partyName } from "./summary.js";

/** The time in a place, as "10:12, Europe/Stockholm", with the day where it is another one. Undefined where there is no such place. */
export function timeThere(zone, now) {
  if (!zone) return undefined;
  try {
    const format = (timeZone) => new Intl.DateTimeFormat(language(), { weekday: "short", hour: "2-digit", minute: "2-digit", hour12: false, timeZone }).formatToParts(now);
    const part = (parts, wanted) => parts.find(({ type }) => type === wanted)?.value;
    const [there, here] = [format(zone), format(undefined)];
    const day = part(there, "weekday") === part(here, "weekday") ? "" : `${part(there, "weekday")} `;
    const place = zone.split("/").at(-1).replaceAll("_", " ");
    return t("timeThere", { time: `${day}${part(there, "hour")}:${part(there, "minute")}`, place });
  } catch {
    return undefined;
  }
}

export function languageName(tag) {
  try {
    return new Intl.DisplayNames(language(), { type: "language" }).of(tag);
  } catch {
    return tag;
  }
}

export function host(url) {
  return new URL(url, location.href).host;
}

/** One stretch from before: when, who had it, how it was; a click goes to its beginning. */
export function earlier(desk, chat, { from, to, seq, by, rating }) {
  const [first] = seq;
  const go = () => desk.reading.goTo({ type: "message", store: chat.store, user: chat.user, seq: first });
  const score = Math.min(Math.max(Math.round(rating?.score ?? 0), 0), 5);
  return el(
    "li",
    {},
    el(
      "button",
      { class: "earlier-one", type: "button", title: `${full(from)} – ${full(to)}`, onclick: go },
      el("span", { class: "earlier-when" }, dayName(from, desk.now()), " ", clock(from)),
      el("span", { class: "hint" }, by ? partyName(by) : t("nobody")),
      score ? el("span", { class: "stars", role: "img", "aria-label": t("rated", { score }) }, "★".repeat(score), el("span", { class: "no-star" }, "★".repeat(5 - score))) : null,
      rating?.comment ? el("span", { class: "earlier-comment", dir: "auto" }, rating.comment) : null,
    ),
  );
}
