const open = (token) => new dibs.DibsClient({ url: ws, token });
const [shopper, agent, boss] = [user, agents[0], supervisor].map(open);
for (const one of [shopper, agent, boss]) one.start();
await Promise.all([shopper, agent, boss].map((one) => one.ready()));

const until = (client, type, fits) =>
  new Promise((done) => {
    const off = client.on(type, (told) => fits(told) && (off(), done(told)));
  });
const nobody = await shopper.profile(store);
const shown = until(agent, "profile", (profile) => profile.version === 1);
const { version } = await boss.configure(store, nobody.version, { name: "灯", clock: { amber: 5, red: 9 }, replies: [{ key: "hi", text: "Hi" }] });
await shown;
const live = agent.held.profiles.get(store);
const stale = await boss.configure(store, 0, { name: "x" }).catch((error) => error);
const cleared = until(agent, "profile", (profile) => profile.version === 2);
await boss.configure(store, version, { name: null });
await cleared;
const large = await boss.configure(store, 2, { replies: Array.from({ length: 40 }, (_, n) => ({ key: `${n}`, text: "x".repeat(2000) })) }).catch((error) => error);
const asked = await shopper.profile(store);

const early = await shopper.tellContext(store, { device: "x" }).catch((error) => error);
const came = until(agent, "message", () => true);
await shopper.send(store, { text: "在吗" });
const { user: id } = await came;
const told = until(agent, "context", (told) => told.context.device === "Chrome · Linux");
const server = ws.replace("ws:", "http:");
await shopper.tellContext(store, {
  page: { url: new URL("/lamps?a=b#c", server).href, title: "Lamps" },
  referrer: "http://elsewhere.example/",
  device: "Chrome · Linux",
  cart: 3,
});
const heard = await told;
await shopper.tellContext(store, { page: { url: "https://shop.example/x" }, referrer: "https://a.example/" });
await shopper.end(store);
await shopper.rate(store, 4, "ok");
const found = await agent.context(store, id);
const kept = shopper.waiting.length;
for (const one of [shopper, agent, boss]) one.stop();
return {
  nobody: [nobody.version, nobody.name, "replies" in nobody],
  live: [live.version, live.name, live.clock, live.replies, "id" in live],
  stale: [stale.code, stale.error.version],
  cleared: agent.held.profiles.get(store).name,
  large: large.code,
  asked: [asked.version, asked.name],
  early: early.code,
  heard: heard.context,
  found: found.context,
  earlier: found.earlier.map(({ seq, by, rating }) => ({ seq, by, rating })),
  kept,
};
