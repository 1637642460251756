const outbox = new dibs.IndexedOutbox("again-u");
const shopper = new dibs.DibsClient({ url: ws, token: user, outbox });
const newer = shopper.send(store, { text: "3" });
const all = new Promise((done) => shopper.on("message", ({ seq }) => seq === 4 && done()));
const refused = new Promise((done) => shopper.on("refused", ({ frame, error }) => done(`${frame.store}: ${error.code}`)));
const left = await shopper.start();
await Promise.all([newer, all]);
const { messages } = shopper.held.find(store, shopper.welcome.id);
shopper.stop();
return {
  left: left.map(({ frame }) => frame.body.text),
  held: messages.map((message) => message.body.text),
  refused: await refused,
  kept: (await outbox.all()).length,
  others: (await new dibs.IndexedOutbox("somebody else").all()).length,
};
