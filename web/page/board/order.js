/** The rows of the table: which of the open chats, and in which order. */

import { at, waitingSince } from "../agent/row-order.js";
import { nameOf, partyName } from "../agent/summary.js";
import { language } from "../part/locale.js";
import { isUnanswered } from "./measure.js";

export const STATES = ["open", "waiting", "claimed", "unanswered"];

/** What each column is sorted by, and whether its first click gives the greatest first. */
export const COLUMNS = {
  shopper: { of: nameOf, isDown: false },
  store: { of: ({ store }) => store, isDown: false },
  status: { of: ({ status }) => status, isDown: true },
  owner: { of: ({ owner }) => partyName(owner), isDown: false },
  wait: { of: (chat) => -(waitingSince(chat) ?? Infinity), isDown: true },
  last: { of: at, isDown: true },
  unread: { of: ({ unread }) => unread, isDown: true },
};

export function isIn(state, chat) {
  if (state === "unanswered") return isUnanswered(chat);
  return state === "open" || chat.status === state;
}

/** Those that hold the words, of this state and owner. */
export function filtered(open, { state, owner, words }) {
  const wanted = words.trim().toLowerCase();
  const has = (text) => text?.toLowerCase().includes(wanted);
  return open.filter(
    (chat) =>
      isIn(state, chat) &&
      (!owner || chat.owner?.id === owner) &&
      (!wanted || has(chat.name) || has(chat.user) || has(chat.last?.body.text) || has(chat.owner?.name) || has(chat.owner?.id)),
  );
}

/** Sorted anew; what is equal stands by its last message, then by its user. */
export function sorted(chats, { by, isDown }) {
  const { of } = COLUMNS[by];
  const { compare } = new Intl.Collator(language(), { numeric: true });
  const keyed = chats.map((chat) => [of(chat), chat]);
  const differ = typeof keyed[0]?.[0] === "string" ? compare : (one, other) => (one === other ? 0 : one - other);
  const sign = isDown ? -1 : 1;
  keyed.sort(([one, a], [other, b]) => sign * differ(one, other) || at(b) - at(a) || (a.user < b.user ? -1 : 1));
  return keyed.map(([, chat]) => chat);
}
