/**
 * Where commands wait until they are answered, in the order in which they were given. A box has `all()`, `put(command)`, `drop(id)` and
 * `clear()`, each of which gives a promise; a command is `{id, frame, at}`.
 */

/** Forgets everything with the page. */
export class MemoryOutbox {
  constructor() {
    this._commands = new Map();
  }

  async all() {
    return [...this._commands.values()];
  }

  async put(command) {
    this._commands.set(command.id, command);
  }

  async drop(id) {
    this._commands.delete(id);
  }

  async clear() {
    this._commands.clear();
  }
}

const DATABASE = "dibs";
const TABLE = "outbox";

/** Survives a reload and the end of the browser. `name` tells identities apart: one person's commands are never sent as another's. */
export class IndexedOutbox {
  constructor(name) {
    this.name = name;
    this._number = 0;
    this._opened = undefined;
  }

  async all() {
    const found = await this._do("readonly", (table) => table.index("name").getAll(this.name));
    return found.sort((one, other) => one.number - other.number).map(({ id, frame, at }) => ({ id, frame, at }));
  }

  async put({ id, frame, at }) {
    // Rising within a page and, by the clock, over pages.
    const number = (this._number = Math.max(this._number + 1, Date.now() * 1000));
    await this._do("readwrite", (table) => table.put({ key: `${this.name} ${id}`, name: this.name, number, id, frame, at }));
  }

  async drop(id) {
    await this._do("readwrite", (table) => table.delete(`${this.name} ${id}`));
  }

  /** A shared computer forgets. */
  async clear() {
    for (const { id } of await this.all()) await this.drop(id);
  }

  _open() {
    this._opened ??= new Promise((done, failed) => {
      const asked = indexedDB.open(DATABASE, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE, { keyPath: "key" }).createIndex("name", "name");
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    });
    return this._opened;
  }

  async _do(mode, work) {
    const base = await this._open();
    return new Promise((done, failed) => {
      const transaction = base.transaction(TABLE, mode, { durability: "strict" });
      const asked = work(transaction.objectStore(TABLE));
      transaction.oncomplete = () => done(asked.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  }
}
