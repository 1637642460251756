/** The chats beyond those that a connection begins with: the rest of a long queue at once, older ones when somebody scrolls down to them. */

const SHOWN = 1000;
const PAGE = 200;

export class Roll {
  constructor(client, changed) {
    this._client = client;
    this._changed = changed;
    /** Store to where its list goes on; null where it has ended. */
    this._next = new Map();
    this._loading = undefined;
    this._shown = new Map();
    client.on("chats", ({ chats }) => {
      for (const { store, status } of chats) if (status === "waiting") this._shown.set(store, (this._shown.get(store) ?? 0) + 1);
    });
    client.on("state", ({ state }) => {
      if (state === "ready") this._completeQueues();
      else this._shown.clear();
    });
  }

  /** Whether a store has chats that were not asked for yet. */
  hasMore(stores) {
    return stores.some((store) => this._next.get(store) !== null);
  }

  get isLoading() {
    return this._loading !== undefined;
  }

  /** A further page of each of these stores, the closed ones too; whether it could be had. */
  more(stores) {
    this._loading ??= this._load(stores).finally(() => {
      this._loading = undefined;
      this._changed();
    });
    this._changed();
    return this._loading;
  }

  async _load(stores) {
    try {
      for (const store of stores.filter((one) => this._next.get(one) !== null)) {
        const found = await this._client.chats(store, { limit: PAGE, before: this._next.get(store) });
        this._take(found);
        this._next.set(store, found.more ? found.next : null);
      }
    } catch {
      // The client has ended, or the store is not ours any more: nothing is to be had.
      return false;
    }
    return true;
  }

  /** Of a chat that is held already the events told what is newer. */
  _take({ chats }) {
    const { held } = this._client;
    held.take({ type: "chats", chats: chats.filter(({ store, user }) => !held.find(store, user)?.epoch) });
    this._changed();
  }

  /** Who waits longest is not among the newest. */
  async _completeQueues() {
    const full = [...this._shown].filter(([, count]) => count >= SHOWN).map(([store]) => store);
    try {
      for (const store of full) {
        let before;
        do {
          const found = await this._client.chats(store, { status: "waiting", limit: PAGE, before });
          this._take(found);
          before = found.more ? found.next : undefined;
        } while (before);
      }
    } catch {
      // As above.
    }
  }
}
