/** A chat in few words: its name, its last line, how long somebody waits. */

import { t } from "../part/locale.js";
import { waitingSince } from "./row-order.js";

export function nameOf(chat) {
  return chat.name || chat.user;
}

export function partyName(party) {
  return party?.name || party?.id || "";
}

/** A message in one line. */
export function inLine({ kind, body }) {
  if (kind === "text") return body.text;
  if (kind === "image") return body.alt ? `${t("image")} ${body.alt}` : t("image");
  return t(kind, body);
}

export function lastLine(chat, me) {
  const { last } = chat;
  if (!last) return "";
  if (last.from.role === "user") return inLine(last);
  return (last.from.id === me ? t("me") : `${partyName(last.from)}: `) + inLine(last);
}

/** How a chat stands, in a word or two. */
export function standing(desk, chat) {
  if (chat.status !== "claimed") return t(chat.status);
  return desk.isMine(chat) ? t("ownedByMe") : t("ownedBy", { name: partyName(chat.owner) });
}

/** `{ms, level}` of whoever waits for an answer; level is "calm", "late" from `amber` seconds on, or "too-late" from `red` on. */
export function wait(chat, now, { amber, red }) {
  const since = waitingSince(chat);
  if (since === undefined) return undefined;
  const ms = Math.max(0, now - since);
  return { ms, level: ms >= red * 1000 ? "too-late" : ms >= amber * 1000 ? "late" : "calm" };
}

/** Why a command was refused. */
export function refusal({ code }) {
  const key = `error_${code}`;
  const known = ["not_owner", "not_claimed", "stale_claim", "closed", "at_capacity", "no_such_agent", "too_large", "forbidden"];
  return known.includes(code) ? t(key) : t("error_other", { code });
}
