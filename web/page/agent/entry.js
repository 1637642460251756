/** The entries of a thread, in pieces that do not move when older ones come: each is drawn and thrown away as a whole. */

const PIECE = 20;

/** Which piece a message is in. */
export function pieceOf(seq) {
  return Math.floor(seq / PIECE);
}

/** Whether one stands before another in the log. */
function isBefore(one, other) {
  return one.offset !== undefined && other.offset !== undefined ? one.offset < other.offset : one.at <= other.at;
}

/** What is between the messages, as far as the messages around it are held. */
function shownBetween({ messages, between: all, hasOlder }) {
  // That a chat is new its beginning says, and the first message comes before the event.
  const between = all.filter(({ reason }) => reason !== "new");
  if (!messages.length) return hasOlder ? [] : between;
  return hasOlder ? between.filter((one) => !isBefore(one, messages[0])) : between;
}

/** The entries of what a thread shows. To whatever has only become longer at its end what came is added; else they are found anew. */
export class Entries {
  /** Key of a piece to its entries, `{one, before}`, in order. */
  of(chat) {
    const { messages, between, hasOlder } = chat;
    const { first, last, beside } = this._stands ?? {};
    const isLonger = this._chat === chat && first && first === messages[0] && last === messages[this._count - 1];
    if (!isLonger || beside !== `${between.length} ${hasOlder}`) this._begin(chat);
    for (; this._count < messages.length; this._count += 1) {
      const message = messages[this._count];
      while (this._n < this._shown.length && isBefore(this._shown[this._n], message)) this._put(this._shown[this._n++]);
      this._key = pieceOf(message.seq);
      this._put(message);
    }
    while (this._n < this._shown.length) this._put(this._shown[this._n++]);
    this._stands = { first: messages[0], last: messages.at(-1), beside: `${between.length} ${hasOlder}` };
    return this._found;
  }

  _begin(chat) {
    this._chat = chat;
    this._shown = shownBetween(chat);
    this._found = new Map();
    this._before = undefined;
    this._key = pieceOf(chat.messages[0]?.seq ?? 0);
    this._n = this._count = 0;
  }

  _put(one) {
    let piece = this._found.get(this._key);
    if (!piece) this._found.set(this._key, (piece = []));
    piece.push({ one, before: this._before });
    this._before = one;
  }
}
