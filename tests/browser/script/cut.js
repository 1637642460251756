const [shopper, agent] = [user, agents[0]].map((token, n) => new dibs.DibsClient({ url: urls[n], token }));
const told = { shopper: [], agent: [] };
for (const [name, client] of Object.entries({ shopper, agent })) {
  client.on("message", (message) => told[name].push(message.body.text));
  // The network is back as soon as it was gone.
  client.on("state", ({ state }) => state === "waiting" && setTimeout(() => window.dispatchEvent(new Event("online"))));
}
agent.start();
await agent.ready();
shopper.start();

const texts = (chat) => chat.messages.map((message) => message.body.text);
let answers;
agent.on("message", ({ user: id, from, body }) => {
  if (from.role !== "user") return;
  // Whoever owns it already is told so: a claim of one's own chat again is no other.
  answers = Promise.all([answers, agent.claim(store, id), agent.send(store, { text: `re ${body.text}` }, { user: id })]);
});
for (let n = 0; n < count; n += 1) {
  const heard = new Promise((done) => {
    const off = shopper.on("message", ({ body }) => body.text === `re ${n}` && (off(), done()));
  });
  await shopper.send(store, { text: `${n}` });
  await heard;
}
await answers;
const id = shopper.welcome?.id ?? (await shopper.ready()).id;
await shopper.read(store, 2 * count);
await agent.read(store, 2 * count, id);
await new Promise((done) => setTimeout(done, 2500));

// What is held after all that is what somebody who comes fresh is shown.
const fresh = [user, agents[0]].map((token) => new dibs.DibsClient({ url: ws, token }));
const differences = [];
for (const [n, one] of fresh.entries()) {
  one.start();
  await one.ready();
  const [mine, kept] = [[shopper, agent][n], one].map((client) => client.held.find(store, id));
  for (const name of ["name", "status", "owner", "epoch", "seq", "unread", "last", "since", "marks"]) {
    const [have, want] = [mine[name], kept[name]].map((value) => JSON.stringify(value, value && Object.keys(value).sort()));
    if (have !== want) differences.push(`${n} ${name}: ${have} instead of ${want}`);
  }
}
for (const one of [shopper, agent, ...fresh]) one.stop();
return {
  ...told,
  held: { shopper: texts(shopper.held.find(store, id)), agent: texts(agent.held.find(store, id)) },
  differences,
  waiting: [shopper.waiting.length, agent.waiting.length],
};
