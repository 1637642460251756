// A support chat as one would write it on Socket.IO with Redis: a room for each store and each user, history in a stream, then the ack.
//
//   PORT=8001 REDIS_URL=unix:///path/s node server.js
import { createServer } from "node:http";
import { createClient } from "redis";
import { Server } from "socket.io";

const url = process.env.REDIS_URL;
const redis = createClient(url.startsWith("unix://") ? { socket: { path: url.slice("unix://".length) } } : { url });
await redis.connect();

const http = createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });

io.on("connection", (socket) => {
  const { role, id, store } = socket.handshake.auth;
  socket.join(role === "agent" ? `store:${store}` : `user:${id}`);

  socket.on("message", async ({ to, text }, done) => {
    const user = role === "agent" ? to : id;
    const message = { store, user, from: id, text, at: Date.now() };
    message.id = await redis.xAdd(`chat:${store}:${user}`, "*", { message: JSON.stringify(message) });
    io.to(role === "agent" ? `user:${user}` : `store:${store}`).emit("message", message);
    done(message.id);
  });

  socket.emit("ready");
});

http.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => process.exit(0));
