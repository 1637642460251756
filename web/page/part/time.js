/** Times as people say them. All in ms since the epoch, by the server's clock. */

import { language, t } from "./locale.js";

const formats = new Map();

function format(options) {
  const key = `${language()} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language(), options));
  return formats.get(key);
}

/** 10:12 */
export function clock(at) {
  return format({ hour: "2-digit", minute: "2-digit", hour12: false }).format(at);
}

/** 10:12:03 */
export function exact(at) {
  return format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }).format(at);
}

export function full(at) {
  return format({ dateStyle: "long", timeStyle: "short" }).format(at);
}

/** Days since a day long ago, in the place of whoever looks. */
export function day(at) {
  const date = new Date(at);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/** 今天, 昨天, 10月3日, and with the year where it is another one. */
export function dayName(at, now) {
  const ago = day(now) - day(at);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format({ month: "long", day: "numeric", ...(sameYear ? {} : { year: "numeric" }) }).format(at);
}

/** Of a row: now, 3 min, 10:12, yesterday, 10/3. */
export function ago(at, now) {
  const minutes = Math.floor((now - at) / 60_000);
  if (minutes < 1) return t("now");
  if (minutes < 60) return t("minutes", { count: minutes });
  const days = day(now) - day(at);
  if (days === 0) return clock(at);
  if (days === 1) return t("yesterday");
  return format({ month: "numeric", day: "numeric" }).format(at);
}

/** 0:41, 12:03, 3:05:00 */
export function stopwatch(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value) => String(value).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
