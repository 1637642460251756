/** The identity of a shopper without an account: made by the server, kept by the browser for this shop's pages. */

import { endOf } from "./dibs-pace.js";
import { forget, keep, kept } from "./dibs-kept.js";

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
