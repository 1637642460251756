/** The language of the page: the browser's, or the one that was chosen and kept. */

import { EN } from "./word-en.js";
import { ZH } from "./word-zh.js";

const KEPT = "dibs.language";
const TABLES = { en: EN, "zh-CN": ZH };
const listeners = new Set();

function first() {
  const kept = localStorage.getItem(KEPT);
  if (kept in TABLES) return kept;
  const wanted = navigator.languages?.[0] ?? navigator.language ?? "en";
  return wanted.toLowerCase().startsWith("zh") ? "zh-CN" : "en";
}

let current = first();
let plurals = new Intl.PluralRules(current);
let numbers = new Intl.NumberFormat(current);
document.documentElement.lang = current;

export function language() {
  return current;
}

/** Kept for the next time, and told to the other tabs by the browser. */
export function speak(chosen) {
  localStorage.setItem(KEPT, chosen);
  changed();
}

export function onLanguage(listener) {
  listeners.add(listener);
}

function changed() {
  current = first();
  plurals = new Intl.PluralRules(current);
  numbers = new Intl.NumberFormat(current);
  document.documentElement.lang = current;
  for (const listener of listeners) listener();
}

addEventListener("storage", ({ key }) => key === KEPT && changed());

/** Adds the words that only one page has, and those that it says otherwise. */
export function learn(words) {
  for (const [name, more] of Object.entries(words)) Object.assign(TABLES[name], more);
}

/** The words of `key`, with `{name}` filled in. Where they depend on a number, that is `given.count`. */
export function t(key, given = {}) {
  const found = TABLES[current][key];
  const text = typeof found === "string" ? found : (found[plurals.select(given.count)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, name) => given[name]);
}

/** How a number is written, at most 99. */
export function short(count) {
  return count > 99 ? "99+" : String(count);
}

export function number(value) {
  return numbers.format(value);
}

/** A price as people of this language write it, whatever the shop has sent. */
export function money(amount, currency) {
  const value = typeof amount === "string" ? Number(amount) : amount;
  if (!currency || !Number.isFinite(value)) return [amount, currency].filter((part) => part !== undefined && part !== null).join(" ");
  try {
    return new Intl.NumberFormat(current, { style: "currency", currency }).format(value);
  } catch {
    return `${amount} ${currency}`;
  }
}

export function bytes(size) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(size, 1)) / 10));
  const digits = { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: 1 };
  return new Intl.NumberFormat(current, digits).format(size / 1024 ** step);
}
