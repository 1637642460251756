/** Elements without markup: what people wrote only ever becomes text, and addresses are looked at before they are followed. */

/** `given`: attributes (null, undefined, false: none), and by names that begin with "on" listeners. Children: nodes, texts, or nothing. */
export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

/** A button with words in it. */
export const button = (words, onclick, given) => el("button", { type: "button", onclick, ...given }, words);

/** A button with a drawing, and words for whoever does not see it or asks. */
export const tool = (name, words, onclick, given) => button(icon(name), onclick, { class: "tool", title: words, "aria-label": words, ...given });

/** Changes a text only where it differs, so that nothing is painted or read out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  chat: "M4 5h16v11H10l-4.5 4v-4H4z",
  camera: "M4 7h4l2-3h4l2 3h4v13H4zM12 9.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7",
  clip: "M20 11l-8.5 8.5a5 5 0 0 1-7-7L13 4a3.5 3.5 0 0 1 5 5l-8.5 8.5a1.8 1.8 0 0 1-2.5-2.5L14.5 7.5",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  end: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  earth: "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18zM3 12h18M12 3c-5 5-5 13 0 18c5-5 5-13 0-18",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  more: "M5 12h1M11.5 12h1M18 12h1",
  order: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  sound: "M6 17V10a6 6 0 0 1 12 0v7l2 2H4zM10 21h4",
  send: "M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",
  quiet: "M6 17V10a6 6 0 0 1 12 0v7l2 2H4zM10 21h4M3 3l18 18",
  save: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
};

/** A drawing of the widget's, in the colour of the text around it. */
export function icon(name) {
  return drawing(PATHS[name]);
}

/** One path of 24 by 24. */
export function drawing(path, className = "icon") {
  const drawn = document.createElementNS(SVG, "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("class", className);
  drawn.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  drawn.append(line);
  return drawn;
}

/** An address that is safe to follow: `https:`, or a path on the server of the chat (`base`). Undefined for any other. */
export function safe(url, base) {
  if (typeof url !== "string") return undefined;
  try {
    const found = new URL(url, base);
    if (found.protocol === "https:") return found.href;
    return /^\/(?![/\\])/.test(url) && found.origin === new URL(base).origin ? found.href : undefined;
  } catch {
    return undefined;
  }
}

/** A link that leads away, and tells nobody from where. */
export function link(href, ...children) {
  return el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

const LINK = /https?:\/\/[^\s<>"'“”‘’（）()，。、；！？【】《》]+[^\s<>"'“”‘’（）()，。、；！？【】《》.,;:!?]/gu;

/** A text in pieces: `{text, url?}`. */
export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    if (!URL.canParse(match[0])) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push({ text: match[0], url: match[0] });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

/** A text with its addresses as links. */
export function linked(text) {
  return pieces(text).map((piece) => (piece.url ? link(piece.url, piece.text) : piece.text));
}

/** A face of letters: 李娜 is 娜, Maria Lopez is ML, u42 is U4. */
export function letters(name) {
  const words = name.trim().split(/[\s._~-]+/u).filter(Boolean);
  const first = words[0] ?? "?";
  if (/\p{Script=Han}/u.test(first)) return [...first].at(-1);
  return (words.length > 1 ? [...first][0] + [...words[1]][0] : [...first].slice(0, 2).join("")).toUpperCase();
}
