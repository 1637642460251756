/** Who is writing: shoppers, until they have said nothing of it for a while; and we, told to them while we write. */

const SHOWN_MS = 6000;
const REPEAT_MS = 3000;

export class Typing {
  constructor(client, changed) {
    this._client = client;
    this._writing = new Map();
    this._said = undefined;
    const stop = (key) => {
      clearTimeout(this._writing.get(key));
      if (this._writing.delete(key)) changed();
    };
    client.on("typing", ({ store, user, side, on }) => {
      if (side !== "user") return;
      const key = `${store}/${user}`;
      stop(key);
      if (!on) return;
      this._writing.set(
        key,
        setTimeout(() => stop(key), SHOWN_MS),
      );
      changed();
    });
    client.on("message", ({ store, user, from }) => from.role === "user" && stop(`${store}/${user}`));
  }

  isWriting(chat) {
    return this._writing.has(`${chat.store}/${chat.user}`);
  }

  /** We write in this chat now, or have stopped. */
  say(chat, on) {
    const now = Date.now();
    if (on && this._said?.chat === chat && now - this._said.at < REPEAT_MS) return;
    if (!on && !this._said) return;
    this._said = on ? { chat, at: now } : undefined;
    this._client.typing(chat.store, on, chat.user);
  }
}
