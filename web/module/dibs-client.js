/**
 * The client of dibs for pages and for Node: one identity, one connection at a time, one outbox.
 *
 *     import { DibsClient } from "https://chat.example/dibs-client.js";
 *     const client = new DibsClient({ url: "wss://chat.example/ws", token: () => fetch("/chat-token").then((r) => r.text()) });
 *     client.on("message", (message) => …);
 *     client.start();
 *     const ack = await client.send("s1", { text: "在吗" });
 *
 * A command leaves the outbox with its answer and not before: after a cut it goes again with its id, in its order, and takes effect once.
 * With an `IndexedOutbox` it survives a reload as well. Every event is told once, in the order of the log; `client.held` has all of it
 * merged. What the page was told is acknowledged to the server once a second; what was not comes again at the next start.
 *
 * Needs a `WebSocket`: browsers have one, Node from 22 on; else give one, as `ws` on npm.
 */

import { Files } from "./dibs-file.js";
import { Held } from "./dibs-held.js";
import { MemoryOutbox } from "./dibs-outbox.js";
import { FIRST_PAUSE_MS, again, endOf, isFinal, longer } from "./dibs-pace.js";

export { FileRefused } from "./dibs-file.js";
export { Chat, Held } from "./dibs-held.js";
export { IndexedOutbox, MemoryOutbox } from "./dibs-outbox.js";

/** Of this module: the first number changes with what callers must change. */
export const VERSION = "1.0.0";

const OPEN_MS = 15_000;
const RECEIVED_MS = 1000;
const AGAIN_MS = 500;
const RENEW_MS = 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const ARRAY_FRAMES = 60;
const ARRAY_CHARACTERS = 15_000;
const QUERIES = new Set(["chats", "history", "search", "profile", "context", "figures"]);
const FRAME_BYTES = 65_000;
const ADDRESS_CHARACTERS = 2048;
const NUMBERED = new Set(["message", "note", "status"]);

/** The server refused a command for good. `code` is the protocol's, `error` the whole answer: errors about ownership name the owner. */
export class Refused extends Error {
  constructor(error) {
    super(`${error.code}: ${error.detail}`);
    this.name = "Refused";
    this.code = error.code;
    this.error = error;
  }
}

/** The client has ended: it was stopped (`code` undefined), or the server sent it away. Its commands stay in the outbox. */
export class Closed extends Error {
  constructor(code) {
    super(code === undefined ? "the client was stopped" : `the server closed with ${code}`);
    this.name = "Closed";
    this.code = code;
  }
}

/**
 * @typedef {object} Options
 * @property {string} url of the WebSocket, `wss://HOST/ws`
 * @property {string | (() => string | Promise<string>)} token or what makes a fresh one: asked at every connect and before one ends
 * @property {string} [visitor] the token of the visitor that this user was before: its chat becomes the user's. With the state `ready` it is of no
 *   further use, also to the page, which is to forget it
 * @property {MemoryOutbox | import("./dibs-outbox.js").IndexedOutbox} [outbox]
 * @property {typeof WebSocket} [WebSocket]
 */

/**
 * Events, for `on`: every frame of the protocol by its type (`message`, `note`, `status`, `marks`, `typing`, `presence`, `queue`, `notice`,
 * `profile`, `context`, `reset`, `error`), and `chats` (the list was shown anew), `chat` (one of `held` changed), `outbox` (a command came or went), `refused`
 * (`{id, frame, error}`: of a command from before a reload nobody else hears), `state` (`{state: "connecting" | "ready" | "waiting" | "closed", code?, again?}`; `again` in ms).
 */
export class DibsClient {
  /** @param {Options} options */
  constructor({ url, token, visitor, outbox = new MemoryOutbox(), WebSocket = globalThis.WebSocket }) {
    if (!WebSocket) throw new TypeError("there is no WebSocket here; give one as {WebSocket}");
    this.url = url;
    this.held = new Held();
    this.state = "stopped";
    /** The greeting of the session that is live. */
    this.welcome = undefined;
    this._token = token;
    this._visitor = visitor;
    this._outbox = outbox;
    this._WebSocket = WebSocket;
    this._listeners = new Map();
    /** Id to what waits for its answer, in the order in which it was given. */
    this._commands = new Map();
    this._numbers = {};
    this._received = {};
    this._generation = undefined;
    this._pauseMs = FIRST_PAUSE_MS;
    this._timers = {};
    this._files = new Files(url, async () => (typeof token === "function" ? token() : token));
    this._wake = () => this._comeNow();
    this._sleep = () => this._session && this._lost(this._session, 1006);
  }

  // Life.

  /** Connects, and comes back by itself until `stop`, once and for all. Gives what is left from before the reload: `{id, frame, at}`, sent again by itself. */
  async start() {
    if (this.state !== "stopped") return [];
    this.state = "connecting";
    // What was asked for in the meantime is newer.
    const kept = await this._outbox.all().catch(() => []);
    const left = kept.filter(({ id }) => !this._commands.has(id));
    const restored = left.map(({ id, frame, at }) => [
      id,
      { frame, at, session: undefined, isKept: true, kept: Promise.resolve(), done() {}, failed() {} },
    ]);
    this._commands = new Map([...restored, ...this._commands]);
    if (left.length) this._emit("outbox", this.waiting);
    globalThis.addEventListener?.("online", this._wake);
    // A socket of a browser without a network says nothing for two heartbeats.
    globalThis.addEventListener?.("offline", this._sleep);
    globalThis.document?.addEventListener("visibilitychange", this._wake);
    if (this.state === "connecting") this._connect();
    return left;
  }

  /** Ends the session. Commands without an answer fail with `Closed`; those that change something stay in the outbox. */
  stop() {
    this._acknowledge();
    this._end(undefined);
  }

  /** Stops, and forgets what is in the outbox: for a computer that others use too. */
  async forget() {
    this.stop();
    this._files.forget();
    await this._outbox.clear();
    this.held = new Held();
  }

  /** When a session is live; fails with `Closed` if there will be none. */
  async ready() {
    if (this.state === "closed") throw new Closed(this._code);
    if (this.state === "ready") return this.welcome;
    return new Promise((done, failed) => {
      const off = this.on("state", ({ state, code }) => {
        if (state !== "ready" && state !== "closed") return;
        off();
        if (state === "ready") done(this.welcome);
        else failed(new Closed(code));
      });
    });
  }

  /** Calls `listener` at every event of this type; gives what ends that. */
  on(type, listener) {
    const listeners = this._listeners.get(type) ?? new Set();
    this._listeners.set(type, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  // Commands. Each gives the server's answer, or fails with `Refused` or `Closed`.

  /** Adds a message; agents name the `user`. The id may be the caller's own, so that it can show the message before its answer. */
  send(store, body, { kind = "text", user, id } = {}) {
    return this.command("send", { store, kind, body, user }, id);
  }

  note(store, user, text) {
    return this.command("note", { store, user, body: { text } });
  }

  claim(store, user) {
    return this.command("claim", { store, user });
  }

  release(store, user) {
    return this.command("release", { store, user });
  }

  transfer(store, user, to, note) {
    return this.command("transfer", { store, user, to, note });
  }

  takeover(store, user) {
    return this.command("takeover", { store, user });
  }

  resolve(store, user) {
    return this.command("resolve", { store, user });
  }

  requeue(store, user) {
    return this.command("requeue", { store, user });
  }

  end(store) {
    return this.command("end", { store });
  }

  rate(store, score, comment) {
    return this.command("rate", { store, score, comment });
  }

  read(store, seq, user) {
    return this.command("read", { store, seq, user });
  }

  availability(status) {
    return this.command("availability", { status });
  }

  announce(store, text) {
    return this.command("announce", { store, body: { text } });
  }

  /** A page of the list: `{status, before, limit}`; it is merged into `held` as well. */
  async chats(store, page = {}) {
    const found = await this.command("chats", { store, ...page });
    for (const chat of this.held.list(found)) this._emit("chat", chat);
    return found;
  }

  /** The page of a chat before what is held of it; it is merged into `held` as well. `{events, limit}` as in the protocol. */
  async history(store, user, page = {}) {
    const before = "before" in page ? page.before : this.held.find(store, user ?? this.welcome?.id)?.before;
    const found = await this.command("history", { store, user, ...page, before });
    for (const chat of this.held.page(found, before)) this._emit("chat", chat);
    return found;
  }

  /** Finds words in what was said: `{user, before, limit}` as in the protocol. Where there is more, go on with `before: found.next`. */
  search(store, text, page = {}) {
    return this.command("search", { store, text, ...page });
  }

  /** What the store says of itself; it is kept in `held.profiles`, where agents' clients keep it up. */
  async profile(store) {
    const { id, ...profile } = await this.command("profile", { store });
    this._take(profile);
    return this.held.profiles.get(store);
  }

  /** Changes the profile that has this `version`; null clears a field. For supervisors. */
  configure(store, version, changes) {
    return this.command("configure", { store, version, ...changes });
  }

  /**
   * Says where the user is: `{page: {url, title}, referrer, device, locale, timezone, product}`. It is of no use later, so it survives no reload.
   * An address that is neither `https:` nor on the server itself is left out: it would be refused.
   */
  tellContext(store, { page, referrer, ...context }) {
    const told = { ...context, referrer: this._address(referrer), page: page && { ...page, url: this._address(page.url) } };
    return this.command("context", { store, context: told });
  }

  /** Where a user said last that it is, and the earlier stretches of its chat. For agents. */
  context(store, user) {
    return this.command("context", { store, user });
  }

  _address(url) {
    if (!url) return undefined;
    try {
      const { protocol, host, href, pathname, search, hash } = new URL(url, globalThis.location?.href);
      const found = protocol === "https:" ? href : host === new URL(this.url).host ? pathname + search + hash : "";
      return found && found.length <= ADDRESS_CHARACTERS ? found : undefined;
    } catch {
      return undefined;
    }
  }

  /** How a store stands and what its last day was: `{from}` in ms; for supervisors. */
  figures(store, page = {}) {
    return this.command("figures", { store, ...page });
  }

  /** Somebody is writing, or stopped; lost while there is no session. */
  typing(store, on, user) {
    if (this.state === "ready") this._write([without({ type: "typing", store, user, on })]);
  }

  /** Any command of the protocol. */
  command(type, fields, id = newId()) {
    if (this.state === "closed") return Promise.reject(new Closed(this._code));
    if (this._commands.has(id)) return Promise.reject(new TypeError("a command with this id has no answer yet"));
    const frame = without({ type, id, ...fields });
    return new Promise((done, failed) => {
      // It would end the session.
      if (new Blob([JSON.stringify(frame)]).size > FRAME_BYTES) throw new Refused({ code: "too_large", detail: "above 64 KiB" });
      const command = { frame, at: Date.now(), session: undefined, isKept: false, kept: undefined, done, failed };
      this._commands.set(id, command);
      // Queries, and where a user was, are worth nothing after a reload. What cannot be kept is sent all the same: a browser may have no room for us.
      command.kept = QUERIES.has(type) ? Promise.resolve() : this._outbox.put({ id, frame, at: command.at }).catch(() => {});
      this._emit("outbox", this.waiting);
      command.kept.then(() => {
        command.isKept = true;
        this._flush();
      });
    });
  }

  /** What has no answer yet, in order: `{id, frame, at}`. */
  get waiting() {
    return [...this._commands].map(([id, { frame, at }]) => ({ id, frame, at }));
  }

  // The connection.

  async _connect() {
    this._say("connecting");
    const session = (this._session = Symbol("session"));
    this._timers.open = setTimeout(() => this._lost(session, 1006), OPEN_MS);
    let token;
    try {
      token = await (typeof this._token === "function" ? this._token() : this._token);
    } catch {
      this._lost(session, 1006);
      return;
    }
    if (session !== this._session) return;
    const socket = (this._socket = new this._WebSocket(this.url, "dibs.v1"));
    socket.onopen = () => {
      const place = Object.keys(this._numbers).length ? { resume: this._numbers, generation: this._generation } : {};
      socket.send(JSON.stringify({ type: "hello", token, visitor: this._visitor, ...place }));
    };
    socket.onmessage = ({ data }) => {
      for (const frame of [JSON.parse(data)].flat()) if (session === this._session) this._hear(frame);
      if (session === this._session) this._listen(session);
    };
    socket.onerror = () => {};
    socket.onclose = ({ code }) => this._lost(session, code);
    this._renewBefore(token, session);
  }

  /** Whoever hears nothing for two heartbeats is alone. */
  _listen(session) {
    clearTimeout(this._timers.silence);
    if (this.welcome) this._timers.silence = setTimeout(() => this._lost(session, 1006), 2000 * this.welcome.heartbeat);
  }

  _lost(session, code) {
    if (session !== this._session) return;
    const wasReady = this.state === "ready";
    this._drop();
    this._pauseMs = wasReady ? FIRST_PAUSE_MS : longer(this._pauseMs);
    // An ended token is no reason to stop for whoever can make a fresh one.
    if (isFinal(code) && !(code === 4001 && wasReady && typeof this._token === "function")) {
      this._end(code);
      return;
    }
    const againMs = again(code, this._pauseMs);
    this._say("waiting", { code, again: againMs });
    this._timers.again = setTimeout(() => this._connect(), againMs);
  }

  /** The network is back, or somebody looks again: no reason to wait. */
  _comeNow() {
    if (this.state !== "waiting" || globalThis.document?.visibilityState === "hidden") return;
    clearTimeout(this._timers.again);
    this._connect();
  }

  /** Lets go of the socket, without a word about it. */
  _drop() {
    const socket = this._socket;
    this._session = this._socket = this.welcome = undefined;
    Object.values(this._timers).forEach(clearTimeout);
    this._timers = {};
    for (const command of this._commands.values()) command.isLater = false;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      try {
        socket.close();
      } catch {
        // It never was open.
      }
    }
  }

  _end(code) {
    if (this.state === "closed") return;
    this._drop();
    this._code = code;
    globalThis.removeEventListener?.("online", this._wake);
    globalThis.removeEventListener?.("offline", this._sleep);
    globalThis.document?.removeEventListener("visibilitychange", this._wake);
    const commands = [...this._commands.values()];
    this._say("closed", { code });
    for (const command of commands) command.failed(new Closed(code));
  }

  async _renewBefore(token, session) {
    const end = endOf(token);
    if (end === undefined || typeof this._token !== "function") return;
    const waitMs = Math.min(Math.max(end - Date.now() - RENEW_MS, (end - Date.now()) / 2, 1000), LONGEST_TIMER_MS);
    await new Promise((done) => (this._timers.renew = setTimeout(done, waitMs)));
    try {
      const fresh = await this._token();
      if (session !== this._session) return;
      if (this.state === "ready") this._write([{ type: "token", token: fresh }]);
      this._renewBefore(fresh, session);
    } catch {
      // The session ends with its token, and the next connect asks again.
    }
  }

  // Saying.

  /** Sends what waits and was not sent in this session. A send waits for an earlier one to its chat that is to be sent again. */
  _flush() {
    if (this.state !== "ready") return;
    const ready = [];
    const behind = new Set();
    for (const command of this._commands.values()) {
      const { frame } = command;
      const chat = frame.type === "send" ? `${frame.store}/${frame.user}` : undefined;
      if (command.session === this._session) continue;
      if (command.isLater || !command.isKept || (chat && behind.has(chat))) {
        if (chat) behind.add(chat);
        continue;
      }
      command.session = this._session;
      ready.push(frame);
    }
    this._write(ready);
  }

  _write(frames) {
    let part = [];
    let size = 0;
    const out = () => part.length && this._socket?.send(part.length === 1 ? part[0] : `[${part.join()}]`);
    for (const text of frames.map((frame) => JSON.stringify(frame))) {
      if (part.length === ARRAY_FRAMES || size + text.length > ARRAY_CHARACTERS) {
        out();
        part = [];
        size = 0;
      }
      part.push(text);
      size += text.length;
    }
    out();
  }

  // Hearing.

  _hear(frame) {
    switch (frame.type) {
      case "ping":
      case "pong":
        return;
      case "welcome":
        this.welcome = frame;
        if (this._generation !== frame.generation) this.held.profiles.clear();
        this._generation = frame.generation;
        this._stands = {};
        this.held.begin(frame.role === "user" ? "user" : "store");
        return;
      case "ready":
        this._live();
        return;
      case "ack":
      case "history":
      case "found":
      case "figures":
        this._answered(frame);
        return;
      case "profile":
      case "context":
        if (frame.id !== undefined) {
          this._answered(frame);
          return;
        }
        break;
      case "error":
        if (frame.id === undefined) this._emit("error", frame);
        else this._answered(frame);
        return;
      case "chats":
        if (frame.id !== undefined) {
          this._answered(frame);
          return;
        }
        Object.assign(this._stands, frame.offsets);
        break;
      case "reset":
        delete this._numbers[frame.store];
        delete this._received[frame.store];
        break;
    }
    if (NUMBERED.has(frame.type)) {
      const number = this.held.side === "user" ? frame.seq : frame.offset;
      if (number !== undefined) {
        if (number <= (this._numbers[frame.store] ?? 0)) return;
        this._numbers[frame.store] = number;
      }
    }
    this._take(frame);
  }

  _take(frame) {
    const changed = this.held.take(frame);
    this._emit(frame.type, frame);
    for (const chat of changed) this._emit("chat", chat);
  }

  _live() {
    // What the snapshot stands at is held with it: the next session need not tell it again.
    for (const [store, offset] of Object.entries(this._stands)) this._numbers[store] = Math.max(this._numbers[store] ?? 0, offset);
    for (const chat of this.held.settle()) this._emit("chat", chat);
    clearTimeout(this._timers.open);
    this._timers.received = setInterval(() => this._acknowledge(), RECEIVED_MS);
    this._visitor = undefined;
    this._say("ready");
    this._flush();
  }

  _answered(frame) {
    const command = this._commands.get(frame.id);
    if (!command) return;
    if (frame.type === "error" && frame.temporary) {
      command.session = undefined;
      command.isLater = true;
      const waitMs = frame.retry_after !== undefined ? frame.retry_after * 1000 : AGAIN_MS;
      this._timers.later ??= setTimeout(() => this._sendLater(), waitMs * (1 + Math.random() / 4));
      return;
    }
    this._commands.delete(frame.id);
    if (!QUERIES.has(command.frame.type)) command.kept.then(() => this._outbox.drop(frame.id)).catch(() => {});
    if (frame.type === "error") {
      command.failed(new Refused(frame));
      this._emit("refused", { id: frame.id, frame: command.frame, error: frame });
    } else command.done(frame);
    this._emit("outbox", this.waiting);
  }

  _sendLater() {
    this._timers.later = undefined;
    for (const command of this._commands.values()) command.isLater = false;
    this._flush();
  }

  /** What the listeners were told is safely held, as far as a page can hold anything. */
  _acknowledge() {
    if (this.state !== "ready") return;
    const key = this.held.side === "user" ? "seq" : "offset";
    const moved = Object.entries(this._numbers).filter(([store, number]) => number > (this._received[store] ?? 0));
    this._write(moved.map(([store, number]) => ({ type: "received", store, [key]: number })));
    Object.assign(this._received, Object.fromEntries(moved));
  }

  _say(state, more = {}) {
    this.state = state;
    this._emit("state", { state, ...more });
  }

  /** A listener that fails fails alone, and not silently. */
  _emit(type, told) {
    for (const listener of [...(this._listeners.get(type) ?? [])]) {
      try {
        listener(told);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Sends a file of a chat, agents name the `user`: `{url, name, type, size, width?, height?}`, of which a body is made. Fails with `FileRefused`. */
  upload(store, blob, given) {
    return this._files.upload(store, blob, given);
  }

  /** A Map from lasting addresses, given as they are or as `{url, name}` of a download, to such as can be shown for some minutes; what is not ours or not there is missing. */
  sign(urls) {
    return this._files.sign(urls);
  }
}

/** What is undefined is left out; null is as good, but for `configure`. */
function without(frame) {
  return Object.fromEntries(Object.entries(frame).filter(([, value]) => value !== undefined));
}

/** `crypto.randomUUID` is for secure pages only; a shop under test may be none. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
