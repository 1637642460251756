const states = [];
const shopper = new dibs.DibsClient({ url: ws, token: user });
const [first, second] = agents.map((token) => new dibs.DibsClient({ url: ws, token }));
shopper.on("state", ({ state }) => states.push(state));
for (const one of [shopper, first, second]) one.start();
await Promise.all([shopper, first, second].map((one) => one.ready()));

const until = (client, type, fits) =>
  new Promise((done) => {
    const off = client.on(type, (told) => fits(told) && (off(), done(told)));
  });
const asked = until(first, "message", () => true);
await shopper.send(store, { text: "在吗" });
const { user: id } = await asked;
const claimed = await first.claim(store, id);
const refused = await second.claim(store, id).catch((error) => error);
const answered = until(shopper, "message", (message) => message.from.role === "agent");
await first.send(store, { text: "在的" }, { user: id });
await answered;
const chat = shopper.held.find(store, id);
const before = chat.unread;
const marked = until(shopper, "marks", (marks) => marks.side === "user" && marks.read === 2);
await shopper.read(store, 2);
await marked;
// Without `before` it would be what comes before all that is held already.
const page = await second.history(store, id, { before: undefined });
const found = {
  claimed: { status: claimed.status, owner: claimed.owner.id },
  refused: { code: refused.code, owner: refused.error.owner.id },
  shopper: chat.messages.map((message) => message.body.text),
  owner: chat.owner.id,
  unread: { before, after: chat.unread },
  history: page.messages.filter((one) => one.type === "message").map((message) => message.body.text),
};
for (const one of [shopper, first, second]) one.stop();
return { ...found, state: states };
