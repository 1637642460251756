/** What the widget has of the browser: what it keeps, the identity of a shopper without an account, where that one is, and one quiet sound. */

import { endOf } from "./dibs-pace.js";

const OURS = "dibs.";
const here = new Map();

/** What was kept under this name, if anything. */
export function kept(name) {
  try {
    return localStorage.getItem(OURS + name) ?? undefined;
  } catch {
    return here.get(name);
  }
}

export function keep(name, value) {
  here.set(name, value);
  try {
    localStorage.setItem(OURS + name, value);
  } catch {
    // It is here.
  }
}

/** Of every name that begins so nothing is left. */
export function forget(start) {
  for (const name of [...here.keys()]) if (name.startsWith(start)) here.delete(name);
  try {
    for (const name of Object.keys(localStorage)) if (name.startsWith(OURS + start)) localStorage.removeItem(name);
  } catch {
    // It was here alone.
  }
}

const RENEW_MS = 3600_000;

/** The visitor's token for a store, a fresh one where there is none. Fails where the server gives none. */
export async function visitorToken(base, store) {
  const known = keptVisitor(base, store);
  if (known && endOf(known) > Date.now() + RENEW_MS) return known;
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(new URL("visitor", base), { method: "POST", headers, body: JSON.stringify({ store }) });
  if (!answer.ok) throw new Error(`the chat gives no visitor an identity: ${answer.status}`);
  const { token } = await answer.json();
  keep(nameOf(base, store), token);
  return token;
}

/** The token of the visitor that there was last, if any. */
export const keptVisitor = (base, store) => kept(nameOf(base, store));

/** The next one is another visitor; without a store, of all stores of this server. */
export const forgetVisitor = (base, store = "") => forget(nameOf(base, store));

const nameOf = (base, store) => `visitor ${new URL(base).origin} ${store}`;

const CONTEXT_BYTES = 2000;
const TITLE = 120;
const BROWSERS = { MicroMessenger: "WeChat", Edg: "Edge", Firefox: "Firefox", Chrome: "Chrome", Safari: "Safari" };
const SYSTEMS = { iPhone: "iPhone", iPad: "iPad", Android: "Android", Windows: "Windows", Mac: "macOS", Linux: "Linux" };

/** What this page says of itself to whoever answers; `product` is the one that it shows, if any. */
export function contextOf(product) {
  const context = {
    // Behind the # may stand what is nobody's business.
    page: { url: location.href.split("#")[0], title: document.title.slice(0, TITLE) },
    referrer: document.referrer,
    device: [BROWSERS, SYSTEMS].map(named).filter(Boolean).join(" · "),
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    product,
  };
  const isLarge = () => new TextEncoder().encode(JSON.stringify(context)).length > CONTEXT_BYTES;
  for (const part of ["referrer", "product", "page"]) if (isLarge()) delete context[part];
  return context;
}

const named = (table) => Object.entries(table).find(([mark]) => navigator.userAgent.includes(mark))?.[1];

const GAP_MS = 1000;
const LOUDNESS = 0.06;

let output;

/** For an answer that comes unseen, from one tab where there are several. No file: two tones that fade. */
export function chime() {
  // Before somebody has touched the page no browser lets it sound.
  if (navigator.userActivation?.hasBeenActive === false) return;
  const once = (lock) => lock && (ring(), new Promise((done) => setTimeout(done, GAP_MS)));
  if (navigator.locks) navigator.locks.request("dibs.sound", { ifAvailable: true }, once).catch(() => {});
  else ring();
}

function ring() {
  output ??= new AudioContext();
  output.resume();
  const [tone, loudness, at] = [output.createOscillator(), output.createGain(), output.currentTime];
  tone.frequency.setValueAtTime(660, at);
  tone.frequency.setValueAtTime(880, at + 0.12);
  loudness.gain.setValueAtTime(LOUDNESS, at);
  loudness.gain.exponentialRampToValueAtTime(0.0001, at + 0.5);
  tone.connect(loudness).connect(output.destination);
  tone.start(at);
  tone.stop(at + 0.5);
}
