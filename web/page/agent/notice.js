/** Announcements to one person: in sight until they are dismissed, over reloads and in all tabs at once. */

const KEPT_MS = 24 * 3600 * 1000;
const MOST = 20;

export class Notices {
  constructor(desk) {
    this._key = `dibs.notice ${desk.person.key}`;
    this._desk = desk;
    desk.client.on("notice", ({ store, body, at }) => this._add({ store, text: body.text, at }));
    this._hear = ({ key }) => key === this._key && desk.changed();
    addEventListener("storage", this._hear);
  }

  end() {
    removeEventListener("storage", this._hear);
  }

  /** `{store, text, at}`, oldest first. */
  get shown() {
    return this._all().filter(({ isDismissed }) => !isDismissed);
  }

  dismiss({ store, at }) {
    this._keep(this._all().map((one) => (one.store === store && one.at === at ? { ...one, isDismissed: true } : one)));
  }

  clear() {
    this._keep([]);
  }

  /** Another tab may have heard it, and even dismissed it, before. */
  _add(notice) {
    const all = this._all().filter(({ at }) => at > notice.at - KEPT_MS);
    if (!all.some(({ store, at }) => store === notice.store && at === notice.at)) this._keep([...all, notice].slice(-MOST));
  }

  _all() {
    try {
      return JSON.parse(localStorage.getItem(this._key) ?? "[]");
    } catch {
      return [];
    }
  }

  _keep(all) {
    if (all.length) localStorage.setItem(this._key, JSON.stringify(all));
    else localStorage.removeItem(this._key);
    this._desk.changed();
  }
}
