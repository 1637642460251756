const states = [];
const stranger = new dibs.DibsClient({ url: ws, token });
stranger.on("state", ({ state }) => states.push(state));
const command = stranger.send("s", { text: "hello" }).catch((error) => error.name);
const ready = stranger.ready().catch((error) => error.name);
stranger.start();
const found = { command: await command, ready: await ready };
await new Promise((done) => setTimeout(done, 1500));
return { states, code: stranger._code, ...found };
