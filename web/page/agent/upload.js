/** Files on their way to a shopper: each belongs to the chat it was put into, whichever is open; they go one after another, in their order. */

let made = 0;

export class Uploads {
  constructor(desk) {
    this._desk = desk;
    this._all = [];
    this._busy = new Set();
    this._stay = (event) => this._all.some(({ code }) => !code) && event.preventDefault();
    addEventListener("beforeunload", this._stay);
  }

  end() {
    removeEventListener("beforeunload", this._stay);
    for (const one of [...this._all]) this.drop(one);
  }

  /** `{name, share, code?, picture?}` of those of a chat. `share` is what has gone, 0 to 1; `code` says why it was refused. */
  of(chat) {
    return this._all.filter(({ store, user }) => store === chat.store && user === chat.user);
  }

  add({ store, user }, files) {
    for (const file of files) {
      const picture = file.type.startsWith("image/") ? URL.createObjectURL(file) : undefined;
      this._all.push({ id: (made += 1), store, user, file, name: file.name || "file", picture, share: 0, code: undefined, controller: new AbortController() });
    }
    this._desk.changed();
    this._next(store, user);
  }

  retry(one) {
    Object.assign(one, { code: undefined, share: 0, controller: new AbortController() });
    this._desk.changed();
    this._next(one.store, one.user);
  }

  drop(one) {
    one.controller.abort();
    if (one.picture) URL.revokeObjectURL(one.picture);
    this._all = this._all.filter((other) => other !== one);
    this._desk.changed();
  }

  async _next(store, user) {
    const key = `${store}/${user}`;
    if (this._busy.has(key)) return;
    this._busy.add(key);
    let one;
    while ((one = this.of({ store, user }).find(({ code }) => !code))) await this._send(one);
    this._busy.delete(key);
  }

  async _send(one) {
    const { client } = this._desk;
    const { store, user, file, name, controller } = one;
    const onprogress = ({ loaded, total }) => {
      one.share = total ? loaded / total : 0;
      this._desk.changed();
    };
    try {
      const found = await client.upload(store, file, { user, name, onprogress, signal: controller.signal });
      if (!this._all.includes(one)) return;
      this.drop(one);
      const chat = client.held.find(store, user);
      if (found.width) this._desk.post(chat, "image", { url: found.url, alt: found.name, width: found.width, height: found.height });
      else this._desk.post(chat, "file", { url: found.url, name: found.name, size: found.size });
    } catch (error) {
      if (!this._all.includes(one)) return;
      one.code = error.code ?? "unavailable";
      this._desk.changed();
    }
  }
}
