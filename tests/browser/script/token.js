let asked = 0;
const sessions = new Set();
const shopper = new dibs.DibsClient({ url: ws, token: () => tokens[Math.min(asked++, 1)] });
shopper.on("state", ({ state }) => state === "ready" && sessions.add(shopper.welcome.session));
shopper.start();
await shopper.ready();
// The first token would have ended by then, with its leeway.
await new Promise((done) => setTimeout(done, 10_500));
const found = { asked, sessions: sessions.size, state: shopper.state };
shopper.stop();
return found;
