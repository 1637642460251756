// Messages 1 to 30 with a change of status here and there, told live from somewhere on, read back in pages of any size, some of it twice.
let state = 12345;
const dice = (below) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return (state >>> 16) % below;
};
const message = (seq) => ({
  type: "message", store: "s", user: "u", seq, from: { role: seq % 3 ? "user" : "agent", id: "x" }, kind: "text", body: { text: `${seq}` }, id: `i${seq}`, at: seq * 10,
});
const change = (epoch) => ({
  type: "status", store: "s", user: "u", status: epoch % 2 ? "waiting" : "claimed", owner: epoch % 2 ? null : { id: "a", name: "a" }, epoch, by: null, reason: "new", at: epoch * 45,
});
const wrong = [];
for (let round = 0; round < rounds; round += 1) {
  const held = new dibs.Held();
  held.begin("store");
  const from = 1 + dice(30);
  const marks = { user: { received: 0, read: 0 }, store: { read: 0 } };
  const summary = { store: "s", user: "u", name: null, status: "waiting", owner: null, epoch: 1, seq: from - 1, unread: from - 1, last: null, since: 45, marks };
  held.take({ type: "chats", chats: [summary] });
  held.settle();
  let epoch = 1;
  for (let seq = from; seq <= 30; seq += 1) {
    held.take(message(seq));
    if (!dice(5)) held.take(message(1 + dice(seq)));
    if (!dice(6)) held.take(change((epoch += 1)));
    if (!dice(6)) held.take(change(1 + dice(epoch)));
  }
  const chat = held.find("s", "u");
  for (let tries = 0; chat.hasOlder && tries < 100; tries += 1) {
    const before = chat.before === undefined || !dice(4) ? undefined : chat.before + (dice(3) ? 0 : dice(5));
    const end = Math.min(before ?? 31, 31);
    const start = Math.max(1, end - 1 - dice(9));
    const page = Array.from({ length: end - start }, (_, n) => message(start + n));
    held.page({ store: "s", user: "u", messages: page, more: start > 1 }, before);
  }
  const seqs = chat.messages.map(({ seq }) => seq);
  if (JSON.stringify(seqs) !== JSON.stringify(Array.from({ length: 30 }, (_, n) => n + 1))) wrong.push(`${round}: from ${from}: ${seqs}`);
  if (chat.epoch !== epoch || chat.seq !== 30 || chat.last?.seq !== (from > 30 ? undefined : 30)) wrong.push(`${round}: ${JSON.stringify(chat)}`);
  const ours = Array.from({ length: 30 }, (_, n) => n + 1).filter((seq) => seq < from || seq % 3).length;
  if (chat.unread !== ours) wrong.push(`${round}: ${chat.unread} unread instead of ${ours}`);
  if (new Set(chat.between.map((one) => one.epoch)).size !== chat.between.length) wrong.push(`${round}: a change of status twice`);
}
// A snapshot that does not name a chat: it was closed, unless its list is full, which says nothing.
for (const [listed, status] of [[999, "closed"], [1000, "waiting"]]) {
  const held = new dibs.Held();
  held.begin("store");
  held.take(message(1));
  held.settle();
  held.begin("store");
  const marks = { user: { received: 0, read: 0 }, store: { read: 0 } };
  const one = (n) => ({ store: "s", user: `v${n}`, name: null, status: "waiting", owner: null, epoch: 1, seq: 1, unread: 1, last: null, since: 1, marks });
  held.take({ type: "chats", chats: Array.from({ length: listed }, (_, n) => one(n)) });
  held.settle();
  if (held.find("s", "u").status !== status) wrong.push(`${listed} listed: ${held.find("s", "u").status}`);
}
// A page of the list, of a chat of which newer things were heard while it was on its way.
{
  const held = new dibs.Held();
  held.begin("store");
  held.settle();
  held.take(message(5));
  held.take(change(3));
  held.take({ type: "marks", store: "s", user: "u", side: "store", read: 3 });
  const marks = { user: { received: 1, read: 0 }, store: { read: 2 } };
  held.list({ chats: [{ store: "s", user: "u", name: "U", status: "waiting", owner: null, epoch: 1, seq: 4, unread: 2, last: message(4), since: 1, marks }] });
  const { name, seq, epoch, status, unread, last, marks: known } = held.find("s", "u");
  const stands = [name, seq, epoch, status, unread, last.seq, known.store.read, known.user.received].join();
  if (stands !== "U,5,3,waiting,2,5,3,1") wrong.push(`a page of the list: ${stands}`);
}
return wrong.slice(0, 5);
