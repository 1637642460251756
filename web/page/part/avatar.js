/** A face of letters: the same one of eight colours for the same id, everywhere. */

import { el } from "./element.js";

const COLOURS = 8;

export function avatar(id, name, className = "") {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return el("span", { class: `avatar ${className}`, "data-colour": sum % COLOURS, "aria-hidden": "true" }, letters(name || id));
}

/** 李娜 is 娜, Maria Lopez is ML, u42 is U4. */
export function letters(name) {
  const words = name.trim().split(/[\s._~-]+/u).filter(Boolean);
  const first = words[0] ?? "?";
  if (/\p{Script=Han}/u.test(first)) return [...first].at(-1);
  return (words.length > 1 ? [...first][0] + [...words[1]][0] : [...first].slice(0, 2).join("")).toUpperCase();
}
