/**
 * What a client holds of its chats: the one place where snapshots, events and pages of history are merged. Number and epoch win over the
 * order of arrival, so whatever comes twice, late or out of order changes nothing that is known better.
 */

/** As many chats of one store and status are in a snapshot. */
const LISTED = 1000;

/** @typedef {{role: string, id: string, name?: string}} Party */
/** @typedef {{id: string, name: string}} Owner */
/** @typedef {{type: "message", store: string, user: string, seq: number, offset?: number, from: Party, kind: string, body: any, id: string, at: number}} Message */

/** One chat. `messages` rise by `seq` and have no gap; `between` are notes and changes of status, which have no `seq`. */
export class Chat {
  constructor(store, user) {
    this.store = store;
    this.user = user;
    /** @type {string | null} */
    this.name = null;
    this.status = "waiting";
    /** @type {Owner | null} */
    this.owner = null;
    this.epoch = 0;
    this.seq = 0;
    this.unread = 0;
    /** @type {Message | null} */
    this.last = null;
    this.since = 0;
    /** Whether the user has rated its present end. */
    this.rated = false;
    this.marks = { user: { received: 0, read: 0 }, store: { read: 0 } };
    /** @type {Message[]} */
    this.messages = [];
    this.between = [];
    /** The place of a waiting user; null while there is none. @type {number | null} */
    this.position = null;
    /** Whether somebody available is there; for users. @type {boolean | null} */
    this.online = null;
    this._shownSeq = 0;
    this._fresh = [];
  }

  /** Whether messages before the first that is held are kept on the server, as far as is known. */
  get hasOlder() {
    return this.messages.length ? this.messages[0].seq > 1 && !this._isWhole : this.seq > 0 && !this._isWhole;
  }

  /** The `seq` before which a page of history goes on. */
  get before() {
    return this.messages.length ? this.messages[0].seq : undefined;
  }
}

/** All chats of one identity. `side` is "user" or "store": whose unread messages are counted. */
export class Held {
  constructor() {
    this.side = "user";
    /** @type {Map<string, Chat>} */
    this.chats = new Map();
    /** Store to the agents who are there. @type {Map<string, {id: string, name: string, status: string}[]>} */
    this.agents = new Map();
    /** Store to the newest profile that was told. @type {Map<string, {version: number}>} */
    this.profiles = new Map();
  }

  /** The chat, if anything is known of it. */
  find(store, user) {
    return this.chats.get(`${store}/${user}`);
  }

  /** A new session: its snapshot replaces the summaries. What is numbered stays: the server goes on where it ends. */
  begin(side) {
    this.side = side;
    this._stale = new Set(this.chats.keys());
    this._shown = new Map();
  }

  /** The snapshot is complete: what it did not name is not there any more. @returns {Chat[]} */
  settle() {
    const gone = [];
    for (const key of this._stale ?? []) {
      const chat = this.chats.get(key);
      const isListFull = this._shown.get(`${chat.store} ${chat.status}`) >= LISTED;
      // A full list says nothing of the others; else an agent's leaves out what is closed.
      if (isListFull) continue;
      if (this.side === "store") chat.status = "closed";
      else if (!chat.messages.length) this.chats.delete(key);
      gone.push(chat);
    }
    this._stale = undefined;
    return gone;
  }

  /** Takes an event or a part of the snapshot; the chats that changed. @returns {Chat[]} */
  take(frame) {
    switch (frame.type) {
      case "chats":
        return frame.chats.map((summary) => this._show(summary));
      case "message":
        return this._message(frame);
      case "note":
        return this._between(frame);
      case "status":
        return this._status(frame);
      case "marks":
        return this._marks(frame);
      case "queue":
        return this._mine(frame.store, (chat) => (chat.position = frame.position));
      case "presence":
        if (frame.agents) this.agents.set(frame.store, frame.agents);
        else return this._mine(frame.store, (chat) => (chat.online = frame.online));
        return [];
      case "profile":
        if (frame.version >= (this.profiles.get(frame.store)?.version ?? 0)) this.profiles.set(frame.store, frame);
        return [];
      case "reset":
        return this._reset(frame.store);
      default:
        return [];
    }
  }

  /** Takes a page of the list: what was heard of a chat before it came is newer. @returns {Chat[]} */
  list({ chats }) {
    return chats.map((summary) => {
      const { status, owner, epoch, since, rated, messages, marks } = this._chat(summary.store, summary.user);
      const chat = this._show(summary);
      if (epoch > summary.epoch) Object.assign(chat, { status, owner, epoch, since, rated });
      for (let at = messages.findLastIndex(({ seq }) => seq <= summary.seq) + 1; at < messages.length; at += 1) this._message(messages[at]);
      for (const side of ["user", "store"]) this._marks({ ...marks[side], store: chat.store, user: chat.user, side });
      return chat;
    });
  }

  /** Takes a page of history: `before` is what was asked for. @returns {Chat[]} */
  page(frame, before) {
    const chat = this._chat(frame.store, frame.user);
    const held = new Set(chat.messages.map((message) => message.seq));
    const older = frame.messages.filter((one) => one.type === "message" && !held.has(one.seq));
    const joins = !chat.messages.length || before === undefined || before >= chat.messages[0].seq;
    if (older.length && joins) {
      chat.messages = [...older, ...chat.messages].sort((one, other) => one.seq - other.seq);
      this._cutAtGap(chat);
    }
    for (const one of frame.messages) if (one.type !== "message") this._keepBetween(chat, one);
    if (!frame.more && joins) chat._isWhole = true;
    return [chat];
  }

  _chat(store, user) {
    const key = `${store}/${user}`;
    let chat = this.chats.get(key);
    if (!chat) this.chats.set(key, (chat = new Chat(store, user)));
    return chat;
  }

  /** What is told to a user of a store is told of its one chat there. */
  _mine(store, change) {
    const found = [...this.chats.values()].filter((chat) => chat.store === store);
    found.forEach(change);
    return found;
  }

  _show(summary) {
    const chat = this._chat(summary.store, summary.user);
    this._stale?.delete(`${chat.store}/${chat.user}`);
    const list = `${chat.store} ${summary.status}`;
    this._shown?.set(list, (this._shown.get(list) ?? 0) + 1);
    const { name, status, owner, epoch, seq, unread, last, since, marks } = summary;
    Object.assign(chat, { name, status, owner, epoch, seq, unread, last, since, marks: structuredClone(marks) });
    chat.rated = summary.rated === true;
    if (status !== "waiting") chat.position = null;
    chat._shownSeq = seq;
    chat._fresh = [];
    return chat;
  }

  _message(message) {
    const chat = this._chat(message.store, message.user);
    const end = chat.messages.at(-1)?.seq ?? 0;
    if (message.seq > end) {
      chat.messages.push(message);
      this._cutAtGap(chat);
    }
    if (message.seq <= chat.seq) return [chat]; // the snapshot stands behind it
    const byUser = message.from.role === "user";
    chat.seq = message.seq;
    chat.last = message;
    if (byUser && message.from.name) chat.name = message.from.name;
    if (byUser === (this.side === "store")) {
      chat.unread += 1;
      chat._fresh.push(message.seq);
    }
    return [chat];
  }

  /** What lies before a hole is dropped: it comes again, as history. */
  _cutAtGap(chat) {
    const { messages } = chat;
    for (let at = messages.length - 1; at > 0; at -= 1) {
      if (messages[at].seq !== messages[at - 1].seq + 1) {
        messages.splice(0, at);
        chat._isWhole = false;
        return;
      }
    }
  }

  _between(frame) {
    const chat = this._chat(frame.store, frame.user);
    this._keepBetween(chat, frame);
    return [chat];
  }

  _keepBetween(chat, frame) {
    const key = (one) => (one.type === "status" ? `s${one.epoch}` : `n${one.offset}`);
    if (!chat.between.some((one) => key(one) === key(frame))) {
      chat.between.push(frame);
      chat.between.sort((one, other) => one.at - other.at || (one.epoch ?? 0) - (other.epoch ?? 0));
    }
  }

  _status(frame) {
    const chat = this._chat(frame.store, frame.user);
    this._keepBetween(chat, frame);
    if (frame.epoch > chat.epoch) {
      const { status, owner, epoch, at } = frame;
      Object.assign(chat, { status, owner, epoch, since: at, rated: false });
      if (status !== "waiting") chat.position = null;
    }
    return [chat];
  }

  _marks(frame) {
    const chat = this._chat(frame.store, frame.user);
    const marks = chat.marks[frame.side];
    marks.read = Math.max(marks.read, frame.read);
    if (frame.side === "user") marks.received = Math.max(marks.received, frame.received ?? 0);
    if (frame.side === this.side) {
      chat._fresh = chat._fresh.filter((seq) => seq > frame.read);
      // Which of the snapshot's messages were unread it does not say: no more than lie between the mark and its end.
      chat.unread = Math.min(chat.unread, Math.max(0, chat._shownSeq - frame.read) + chat._fresh.length);
    }
    return [chat];
  }

  _reset(store) {
    return this._mine(store, (chat) => {
      chat.messages = [];
      chat.between = [];
      chat._isWhole = false;
    });
  }
}
