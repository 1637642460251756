/** Where the shoppers of the open chats said that they are, and what was before: asked for at each opening, kept up by what is told live. */

const KEPT = 50;

export class Where {
  constructor(desk) {
    this._desk = desk;
    this._known = new Map();
    desk.client.on("context", ({ store, user, context, at }) => {
      const known = this._known.get(`${store}/${user}`);
      if (!known || at < (known.at ?? 0)) return;
      Object.assign(known, { context, at });
      desk.changed();
    });
    desk.client.on("state", ({ state }) => state === "ready" && this.ask());
    // The end of a chat, and its rating, are a part of what was before.
    const again = ({ store, user, reason, body }) => {
      const { chat } = desk;
      if (chat?.store === store && chat.user === user && (reason === "resolve" || body?.rating)) this.ask();
    };
    desk.client.on("status", again);
    desk.client.on("note", again);
  }

  /** `{context, at, earlier}` of a chat, or undefined while nothing is known. */
  of(chat) {
    return this._known.get(`${chat.store}/${chat.user}`);
  }

  async ask() {
    const desk = this._desk;
    const { chat } = desk;
    if (!chat) return;
    const found = await desk.attempt(desk.client.context(chat.store, chat.user), chat);
    if (!found) return;
    const key = `${chat.store}/${chat.user}`;
    const known = this._known.get(key);
    const { context, at, earlier } = found;
    this._known.delete(key);
    this._known.set(key, known && (known.at ?? 0) > (at ?? 0) ? { ...known, earlier } : { context, at, earlier });
    if (this._known.size > KEPT) this._known.delete(this._known.keys().next().value);
    desk.changed();
  }
}
