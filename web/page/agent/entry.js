/** The entries of a thread, in pieces that do not move when older ones come: each is drawn and thrown away as a whole. */

const PIECE = 40;

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

/** Key to its entries, `{one, before}`, in order. */
export function pieces(chat) {
  const { messages } = chat;
  const between = shownBetween(chat);
  const found = new Map();
  let before;
  let key = pieceOf(messages[0]?.seq ?? 0);
  let n = 0;
  const put = (one) => {
    let piece = found.get(key);
    if (!piece) found.set(key, (piece = []));
    piece.push({ one, before });
    before = one;
  };
  for (const message of messages) {
    while (n < between.length && isBefore(between[n], message)) put(between[n++]);
    key = pieceOf(message.seq);
    put(message);
  }
  while (n < between.length) put(between[n++]);
  return found;
}
