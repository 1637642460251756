/** The token of this tab: it comes by the address or by the form, and stays until the tab is closed. */

import { endOf } from "../../dibs-pace.js";

const KEPT = "dibs.token";

/** What `#token=…` of the address says is taken out of it at once: nobody copies it, no history keeps it. */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (token) {
    keepToken(token);
    given.delete("token");
    const rest = given.toString();
    history.replaceState(null, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  }
  return sessionStorage.getItem(KEPT);
}

export function keepToken(token) {
  sessionStorage.setItem(KEPT, token.trim());
}

export function dropToken() {
  sessionStorage.removeItem(KEPT);
}

/** What a token says of itself: `{id, role, end}`, or undefined if it is none. Whether it is good is for the server to say. */
export function read(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const { sub, role } = JSON.parse(atob(part));
    return typeof sub === "string" ? { id: sub, role, end: endOf(token) } : undefined;
  } catch {
    return undefined;
  }
}

/** Which chat the address names, as `{store, user}`. */
export function chatInAddress() {
  const [store, user] = (new URLSearchParams(location.hash.slice(1)).get("chat") ?? "").split("/");
  return store && user ? { store, user } : undefined;
}

export function showChatInAddress(chat) {
  history.replaceState(null, "", location.pathname + location.search + (chat ? `#chat=${chat.store}/${chat.user}` : ""));
}
