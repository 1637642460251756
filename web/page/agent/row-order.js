/** The lists of the console, all from what the client holds: their lengths are the counts, so no badge can disagree with its list. */

const byLast = (one, other) => at(other) - at(one) || compare(one, other);
const bySince = (one, other) => one.since - other.since || compare(one, other);

/** When something was last said in a chat. */
export function at(chat) {
  return chat.last?.at ?? chat.since;
}

function compare(one, other) {
  return one.user < other.user ? -1 : Number(one.user > other.user) || (one.store < other.store ? -1 : 1);
}

/** Keeps its orders between updates: what is nearly sorted is sorted in no time. */
export class RowOrder {
  constructor() {
    this._byLast = [];
    this._bySince = [];
    this._known = new Set();
  }

  /** `{mine, queue, all}` of a store, or of all. */
  update(held, me, store) {
    this._follow(held);
    const isHere = (chat) => chat.epoch > 0 && (!store || chat.store === store);
    const all = this._byLast.sort(byLast).filter(isHere);
    return {
      all,
      mine: all.filter((chat) => chat.status === "claimed" && chat.owner?.id === me),
      queue: this._bySince.sort(bySince).filter((chat) => chat.status === "waiting" && isHere(chat)),
    };
  }

  _follow(held) {
    const isHeld = (chat) => held.find(chat.store, chat.user) === chat;
    if (this._held !== held || this._known.size > held.chats.size) {
      this._held = held;
      this._known = new Set([...this._known].filter(isHeld));
      this._byLast = this._byLast.filter(isHeld);
      this._bySince = this._bySince.filter(isHeld);
    }
    if (this._known.size === held.chats.size) return;
    for (const chat of held.chats.values()) {
      if (this._known.has(chat)) continue;
      this._known.add(chat);
      this._byLast.push(chat);
      this._bySince.push(chat);
    }
  }
}

/** Since when somebody has waited for an answer, or undefined. Of several messages in a row the first counts, as far as they are loaded. */
export function waitingSince(chat) {
  if (chat.status === "waiting") return chat.since;
  if (chat.status !== "claimed" || chat.last?.from.role !== "user") return undefined;
  const { messages } = chat;
  let since = chat.last.at;
  for (let n = messages.length - 1; n >= 0 && messages[n].from.role === "user"; n -= 1) since = messages[n].at;
  return Math.max(since, 0);
}
