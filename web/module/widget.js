/**
 * The chat of a store in the page of a shop, on whatever origin that is.
 *
 *     <script type="module" src="https://chat.example/widget.js" data-store="s1" data-token="…"></script>
 *
 * or, with everything that can be said (calls before it is loaded wait in the array):
 *
 *     <script>(window.dibs ??= []).push(["boot", { store: "s1", token: () => fetch("/chat-token").then((r) => r.text()) }])</script>
 *     <script type="module" src="https://chat.example/widget.js"></script>
 *
 * Without a token the shopper is a visitor, where the server has `--visitors`. Afterwards `window.dibs` has `boot`, `identify`, `logout`, `open`, `close`, `on` and `push`.
 */

import { DibsClient, IndexedOutbox } from "./dibs-client.js";
import { Panel } from "./dibs-panel.js";
import { forget, forgetVisitor, keptVisitor, visitorToken } from "./dibs-browser.js";
import { subjectOf } from "./dibs-pace.js";

const BASE = new URL("/", import.meta.url);
const CALLS = ["boot", "identify", "logout", "open", "close", "on"];
const SENT_MS = 5000;
const EVENTS = ["unread", "message", "owner", "state"];

let present;
let given;
const listeners = new Map(EVENTS.map((event) => [event, new Set()]));

/**
 * @typedef {object} Options
 * @property {string} store
 * @property {string | (() => string | Promise<string>)} [token] without one the shopper is a visitor, where the server has `--visitors`; of the shopper, signed by the shop's back end; a function is asked whenever a fresh one is needed
 * @property {object} [product] of this page, offered to be sent: `{sku, title, price?, currency?, image?, url?}`
 * @property {object} [order] of this page, offered likewise: `{number, status?, total?, currency?, url?}`
 * @property {object[]} [orders] to choose from
 * @property {string} [title] what the store is called here
 * @property {"zh-CN" | "en"} [locale] the browser's without; whoever has chosen another in the widget keeps it
 * @property {"auto" | "light" | "dark"} [theme]
 * @property {string} [accent] a colour
 */

/** Puts the widget into the page, in the place of one that is there. @param {Options} options */
async function boot(options) {
  const { store } = options ?? {};
  if (typeof store !== "string" || !["string", "function", "undefined"].includes(typeof options.token)) {
    throw new TypeError("dibs.boot needs {store}, and takes a {token} or a function that gives one");
  }
  const token = options.token ?? (() => visitorToken(BASE, store));
  const was = present;
  given = options;
  present = undefined;
  was?.panel.remove();
  was?.client.stop();
  const turn = (present = {});
  // Whose the outbox is the token says; what one shopper could not send is never sent as another.
  const first = await (typeof token === "function" ? token() : token);
  if (present !== turn) return;
  const fresh = typeof token === "function" ? handedOut(first, token) : token;
  const outbox = new IndexedOutbox(`${BASE.origin} ${subjectOf(first) ?? ""}`);
  const url = new URL("ws", BASE);
  url.protocol = BASE.protocol === "https:" ? "wss:" : "ws:";
  // Whoever signs in goes on with the chat that it had before.
  const visitor = options.token === undefined ? undefined : keptVisitor(BASE, store);
  const client = new DibsClient({ url: url.href, token: fresh, visitor, outbox });
  client.on("state", ({ state, code }) => {
    const isOfNoUse = options.token === undefined ? state === "closed" && (code === 4001 || code === 4003) : state === "ready";
    if (isOfNoUse) forgetVisitor(BASE, store);
  });
  const panel = new Panel({ client, store, base: BASE.href, options, on: tell });
  Object.assign(turn, { client, panel });
  if (turn.isOpen) panel.open();
  await client.start();
}

/** Another shopper, or the visitor who has signed in, with its chat: everything else stays as it was given. */
async function identify(token) {
  if (present?.client) await sent(present.client);
  await boot({ ...given, token });
}

/** Nothing of this shopper is left in the browser: for a computer that others use too. */
async function logout() {
  const was = present;
  present = undefined;
  was?.panel?.remove();
  forgetVisitor(BASE);
  forget("widget");
  await was?.client?.forget();
  tell("unread", 0);
}

/** When everything was answered, or soon: what a visitor has written goes before it is somebody else. */
async function sent(client) {
  if (!client.waiting.length) return;
  await new Promise((done) => {
    const off = client.on("outbox", (waiting) => waiting.length || end());
    const timer = setTimeout(() => end(), SENT_MS);
    const end = () => {
      off();
      clearTimeout(timer);
      done();
    };
  });
}

function open() {
  if (present?.panel) present.panel.open();
  else if (present) present.isOpen = true;
}

function close() {
  if (present) present.isOpen = false;
  present?.panel?.close();
}

/** Calls the listener at every `unread` (a number), `message`, `owner` (`{id, name}` or null) or `state`; gives what ends that. */
function on(event, listener) {
  const found = listeners.get(event);
  if (!found) throw new TypeError(`dibs.on knows ${EVENTS.join(", ")}`);
  found.add(listener);
  return () => found.delete(listener);
}

function tell(event, told) {
  for (const listener of listeners.get(event)) {
    try {
      listener(told);
    } catch (error) {
      reportError(error);
    }
  }
}

/** The token that was asked for already, and then fresh ones. */
function handedOut(first, token) {
  let kept = first;
  return () => {
    const now = kept ?? token();
    kept = undefined;
    return now;
  };
}

const api = Object.fromEntries([boot, identify, logout, open, close, on].map((call) => [call.name, call]));
/** One call as an array: `["boot", {…}]`. */
api.push = ([name, ...values]) => {
  if (!CALLS.includes(name)) throw new TypeError(`dibs has ${CALLS.join(", ")}`);
  return api[name](...values);
};
const early = Array.isArray(globalThis.dibs) ? globalThis.dibs : [];
globalThis.dibs = api;
const tag = [...document.querySelectorAll("script[data-store]")].find((script) => script.src === import.meta.url);
if (tag) {
  const { store, token, locale, theme, title, accent } = tag.dataset;
  boot({ store, token, locale, theme, title, accent }).catch(reportError);
}
for (const call of early) Promise.resolve(call).then(api.push).catch(reportError);
