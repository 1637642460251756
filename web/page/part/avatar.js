/** A face of letters: the same one of eight colours for the same id, everywhere. */

import { letters } from "../../dibs-draw.js";
import { el } from "./element.js";

const COLOURS = 8;

export function avatar(id, name, className = "") {
  let sum = 0;
  for (const letter of id) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return el("span", { class: `avatar ${className}`, "data-colour": sum % COLOURS, "aria-hidden": "true" }, letters(name || id));
}
