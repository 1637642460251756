/** What is half written and what was refused, of one person: kept over reloads, the same in all tabs. */

/** Drafts of answers and of notes, one of each for a chat. */
export class Drafts {
  constructor(person, changed) {
    this._head = `dibs.draft ${person} `;
    addEventListener("storage", ({ key, newValue }) => {
      if (key?.startsWith(this._head)) changed(key.slice(this._head.length), newValue ?? "");
    });
  }

  get(chat, kind) {
    return localStorage.getItem(this._head + Drafts.name(chat, kind)) ?? "";
  }

  set(chat, kind, text) {
    const key = this._head + Drafts.name(chat, kind);
    if (text) localStorage.setItem(key, text);
    else localStorage.removeItem(key);
  }

  clear() {
    for (const key of Object.keys(localStorage)) if (key.startsWith(this._head)) localStorage.removeItem(key);
  }

  static name(chat, kind) {
    return `${kind} ${chat.store}/${chat.user}`;
  }
}

/** Messages that the server refused: they stay in sight until they are sent again or thrown away. */
export class Refusals {
  constructor(person, changed) {
    this._key = `dibs.refused ${person}`;
    this._changed = changed;
    this._read();
    addEventListener("storage", ({ key }) => {
      if (key !== this._key) return;
      this._read();
      changed();
    });
  }

  /** `{id, frame, at, code}` of a chat, in the order in which they were written. */
  of(chat) {
    return this._all.filter(({ frame }) => frame.store === chat.store && frame.user === chat.user);
  }

  add(one) {
    this._all = [...this._all.filter(({ id }) => id !== one.id), one];
    this._write();
  }

  drop(id) {
    this._all = this._all.filter((one) => one.id !== id);
    this._write();
  }

  clear() {
    this._all = [];
    this._write();
  }

  _read() {
    try {
      this._all = JSON.parse(localStorage.getItem(this._key) ?? "[]");
    } catch {
      this._all = [];
    }
  }

  _write() {
    if (this._all.length) localStorage.setItem(this._key, JSON.stringify(this._all));
    else localStorage.removeItem(this._key);
    this._changed();
  }
}
