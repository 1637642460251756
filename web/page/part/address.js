/** Which addresses that people sent are followed: `https:` ones, and paths on this server. The server lets no others pass; we look again. */

export function safe(url) {
  if (typeof url !== "string") return undefined;
  try {
    const found = new URL(url, location.origin);
    if (found.protocol === "https:") return found.href;
    return /^\/(?![/\\])/.test(url) && found.origin === location.origin ? found.href : undefined;
  } catch {
    return undefined;
  }
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
