/** What the widget says of the store, of the queue and of the connection, in a line each. */

/** Who answers, the place in the queue, or what else a shopper wants to know first. */
export function lineOf(chat, owner, words) {
  if (owner) return words.t("served", { name: owner.name });
  if (!chat?.seq) return "";
  if (chat.status === "closed") return words.t("ended");
  if (chat.online === false) return words.t("offline");
  if (chat.position === 1) return words.t("next");
  return chat.position ? words.t("place", { count: chat.position - 1 }) : words.t("waiting");
}

/** Of the connection; empty while there is nothing to say. `state` is the client's, with `since` when that was. */
export function bannerOf({ state, code, again, since }, wasThere, words) {
  if (state === "closed") return words.t(code === 4001 ? "expired" : "gone");
  if (navigator.onLine === false) return words.t("noNetwork");
  if (state === "ready") return "";
  if (state === "waiting") return words.t("reconnecting", { seconds: Math.max(1, Math.ceil((since + again - Date.now()) / 1000)) });
  return wasThere ? words.t("connecting") : "";
}
