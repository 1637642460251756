/** A part of a long chat, far above what is held of it: read around one message, and let go when it has grown down to the rest. */

/** A name that two entries of a chat never share. */
export function keyOf(one) {
  if (one.type === "message") return `m${one.seq}`;
  return one.type === "note" ? `n${one.offset}` : `s${one.epoch}`;
}

export class Excerpt {
  /** `found` is a page of its history. */
  constructor(chat, found) {
    this.chat = chat;
    this.hasOlder = found.more;
    this.messages = [];
    this.between = [];
    this.take(found);
  }

  get store() {
    return this.chat.store;
  }

  get user() {
    return this.chat.user;
  }

  get name() {
    return this.chat.name;
  }

  get marks() {
    return this.chat.marks;
  }

  get all() {
    return [...this.messages, ...this.between];
  }

  has(seq) {
    return seq >= this.messages[0].seq && seq <= this.messages.at(-1).seq;
  }

  /** A page that begins or ends where this part does. */
  take({ messages, more }) {
    if (this.messages.length && messages.some(({ type, seq }) => type === "message" && seq < this.messages[0].seq)) this.hasOlder = more;
    const all = new Map([...this.all, ...messages].map((one) => [keyOf(one), one]));
    this.messages = [...all.values()].filter(({ type }) => type === "message").sort((one, other) => one.seq - other.seq);
    this.between = [...all.values()].filter(({ type }) => type !== "message").sort((one, other) => one.at - other.at);
  }
}

/** The number of a message, or of the message that a note stands behind, which is looked for by halves. Undefined if it is not kept. */
export async function seqOf(desk, chat, { type, seq, offset }) {
  if (type === "message") return seq;
  let low = 0;
  let high = chat.messages.findLast((one) => one.offset < offset)?.seq;
  if (high !== undefined) return high;
  high = chat.messages[0].seq - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const found = await desk.attempt(desk.client.history(chat.store, chat.user, { before: middle + 1, limit: 1 }), chat);
    if (!found) return undefined;
    const one = found.messages.find((message) => message.type === "message");
    if (!one || one.offset < offset) low = middle;
    else high = middle - 1;
  }
  return low || undefined;
}
