// A server that refuses the first send for the moment; the client is given it in the place of a socket.
const said = [];
let wire;
class Wire {
  constructor() {
    wire = this;
    setTimeout(() => this.onopen());
  }
  tell(...frames) {
    this.onmessage({ data: JSON.stringify(frames) });
  }
  send(text) {
    for (const frame of [JSON.parse(text)].flat()) {
      said.push(frame.id ?? frame.type);
      if (frame.type === "hello") {
        const welcome = { type: "welcome", role: "user", id: "u", generation: "g", heartbeat: 25 };
        setTimeout(() => this.tell(welcome, { type: "chats", chats: [] }, { type: "ready" }));
      }
    }
  }
  close() {}
}
const client = new dibs.DibsClient({ url: "ws://nowhere", token: "t", WebSocket: Wire });
client.start();
await client.ready();
const send = (store, id) => client.send(store, { text: id }, { id }).catch(() => {});
const until = async (fits) => {
  while (!fits()) await new Promise((done) => setTimeout(done, 5));
};
send("s1", "a1");
await until(() => said.includes("a1"));
wire.tell({ type: "error", id: "a1", code: "rate_limited", detail: "", temporary: true, retry_after: 0.2 });
send("s1", "a2");
send("s2", "b1");
await until(() => said.includes("a2"));
client.stop();
return said;
