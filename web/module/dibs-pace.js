/** When a client comes back, and whether. Times in ms. */

export const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const GROWTH = 1.5;
const DRAIN_MS = 3000;

/** Whether the server does not want this client as it is. */
export function isFinal(code) {
  return code === 1003 || code === 1009 || Math.floor(code / 100) === 40;
}

/** The pause after the next failure in a row. */
export function longer(pauseMs) {
  return Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS);
}

/** How long to wait after a close with `code`; `pauseMs` is the pause of this failure. Never all at the same moment. */
export function again(code, pauseMs, random = Math.random) {
  if (code === 1001) return DRAIN_MS * random();
  if (Math.floor(code / 100) === 42) return 100 * random();
  return pauseMs * (0.5 + random());
}

/** When a token ends, in ms since the epoch; undefined where it does not say. Only read: whether it is good is for the server to say. */
export function endOf(token) {
  const { exp } = claims(token);
  return Number.isFinite(exp) ? exp * 1000 : undefined;
}

/** Whose a token is; undefined where it does not say. */
export function subjectOf(token) {
  return claims(token).sub;
}

function claims(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))) ?? {};
  } catch {
    return {};
  }
}
