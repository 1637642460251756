/** The identity of a shopper without an account: made by the server, kept by the browser for this shop's pages. */

import { endOf } from "./dibs-pace.js";

const KEPT = "dibs.visitor";
const RENEW_MS = 3600_000;

/** The visitor's token for a store, a fresh one where there is none. Fails where the server gives none. */
export async function visitorToken(base, store) {
  const kept = keptVisitor(base, store);
  if (kept && endOf(kept) > Date.now() + RENEW_MS) return kept;
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(new URL("visitor", base), { method: "POST", headers, body: JSON.stringify({ store }) });
  if (!answer.ok) throw new Error(`the chat gives no visitor an identity: ${answer.status}`);
  const { token } = await answer.json();
  try {
    localStorage.setItem(keyOf(base, store), token);
  } catch {
    // A browser that keeps nothing has a visitor for as long as the page is there.
  }
  return token;
}

/** The token of the visitor that there was last, if any. */
export function keptVisitor(base, store) {
  try {
    return localStorage.getItem(keyOf(base, store)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** The next one is another visitor. */
export function forgetVisitor(base, store) {
  drop((name) => name === keyOf(base, store));
}

/** Of all stores of this server. */
export function forgetVisitors(base) {
  drop((name) => name.startsWith(keyOf(base, "")));
}

function drop(isMeant) {
  try {
    for (const name of Object.keys(localStorage).filter(isMeant)) localStorage.removeItem(name);
  } catch {
    // It keeps nothing.
  }
}

const keyOf = (base, store) => `${KEPT} ${new URL(base).origin} ${store}`;
