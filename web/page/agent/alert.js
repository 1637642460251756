/** What calls an agent who looks elsewhere: the title, a dot on the icon, a notification, one sound from one tab. */

import { t } from "../part/locale.js";
import { inLine, nameOf, partyName } from "./summary.js";

const KEPT = "dibs.sound";
const WAKING = ["pointerdown", "keydown"];
const ICON = "page/icon.svg";
const DOTTED =
  "data:image/svg+xml," +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M5 4h22a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H15l-7 6v-6H5a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4z" fill="#2b5fd9"/><circle cx="24" cy="8" r="8" fill="#d92d20"/></svg>',
  );

export class Alert {
  constructor(desk) {
    this._desk = desk;
    this._shown = new Map();
    this.isPossible = "AudioContext" in globalThis;
    // Whoever wanted sound, here or in another tab, gets it with the next click or key: browsers allow none before that.
    this._begin = () => localStorage.getItem(KEPT) === "on" && this._start();
    for (const type of WAKING) addEventListener(type, this._begin);
    addEventListener("storage", ({ key }) => key === KEPT && desk.changed());
    desk.watch(() => this._update());
    desk.on("message", (message) => this._hear(message));
    desk.client.on("status", (event) => this._follow(event));
  }

  /** Whether this tab may make a sound, and is to. */
  get isOn() {
    return this._audio !== undefined && localStorage.getItem(KEPT) === "on";
  }

  /** After a click. */
  enable() {
    localStorage.setItem(KEPT, "on");
    if ("Notification" in globalThis && Notification.permission === "default") Notification.requestPermission();
    this._start();
  }

  /** Off is off in all tabs. */
  toggle() {
    if (!this.isOn) {
      this.enable();
      return;
    }
    localStorage.setItem(KEPT, "off");
    this._desk.changed();
  }

  /** Of all tabs of a person that were enabled the first that is still open makes the sounds. */
  _start() {
    if (this._audio || !this.isPossible) return;
    for (const type of WAKING) removeEventListener(type, this._begin);
    this._audio = new AudioContext();
    const turn = () => {
      this._isHeard = true;
      return new Promise(() => {});
    };
    if (navigator.locks) navigator.locks.request(`dibs.sound ${this._desk.person.key}`, turn);
    else turn();
    this._desk.changed();
  }

  _update() {
    const { unread, lists } = this._desk;
    document.title = unread ? `(${unread > 99 ? "99+" : unread}) ${t("console")}` : t("console");
    const wanted = unread || lists.queue.length ? DOTTED : ICON;
    const link = document.querySelector('link[rel="icon"]');
    if (link.getAttribute("href") !== wanted) link.setAttribute("href", wanted);
  }

  _hear(message) {
    const desk = this._desk;
    if (!desk.connection.isReady || message.from.role !== "user") return;
    const chat = desk.client.held.find(message.store, message.user);
    if (!desk.isMine(chat) || (chat === desk.chat && document.hasFocus())) return;
    this._call(message, partyName(message.from) || nameOf(chat), inLine(message));
  }

  _follow({ store, user, status, reason }) {
    const desk = this._desk;
    if (status !== "waiting") this._hush(`${store}/${user}`);
    if (!desk.connection.isReady || desk.status === "away" || (reason !== "new" && reason !== "reopen")) return;
    const chat = desk.client.held.find(store, user);
    this._call({ store, user }, t("newChatTitle", { name: nameOf(chat) }), chat.last ? inLine(chat.last) : "");
  }

  _call({ store, user }, title, body) {
    if (!this._isHeard || !this.isOn) return;
    this._ring();
    if (!document.hidden || !("Notification" in globalThis) || Notification.permission !== "granted") return;
    const key = `${store}/${user}`;
    const shown = new Notification(title, { body, tag: key });
    shown.onclick = () => {
      focus();
      this._desk.open(this._desk.client.held.find(store, user));
      shown.close();
    };
    this._shown.set(key, shown);
  }

  /** Whoever was claimed calls nobody any more. */
  _hush(key) {
    this._shown.get(key)?.close();
    this._shown.delete(key);
  }

  /** Two soft tones. */
  _ring() {
    const { currentTime, destination } = this._audio;
    for (const [n, hertz] of [660, 880].entries()) {
      const tone = new OscillatorNode(this._audio, { frequency: hertz });
      const volume = new GainNode(this._audio, { gain: 0 });
      const start = currentTime + n * 0.14;
      volume.gain.setTargetAtTime(0.12, start, 0.01);
      volume.gain.setTargetAtTime(0, start + 0.09, 0.06);
      tone.connect(volume).connect(destination);
      tone.start(start);
      tone.stop(start + 0.6);
    }
  }
}
