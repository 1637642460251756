/** All that an agent can do, in one table: the buttons, the keys, the palette and the help are made of it. */

/**
 * `can(desk, chat)` says whether it can be done now; `run(desk, chat)` does it. `code` is that of the key, which a Mac's Alt does not change.
 * @type {{id: string, icon: string, code?: string, can: (desk: any, chat: any) => any, run: (desk: any, chat: any) => any}[]}
 */
export const ACTIONS = [
  { id: "next", icon: "down", code: "KeyJ", can: (desk) => desk.rows.length, run: (desk) => step(desk, 1) },
  { id: "previous", icon: "down", code: "KeyK", can: (desk) => desk.rows.length, run: (desk) => step(desk, -1) },
  { id: "unread", icon: "bell", code: "KeyN", can: (desk) => nextUnread(desk), run: (desk) => desk.open(nextUnread(desk)) },
  {
    id: "claim",
    icon: "claim",
    code: "KeyA",
    can: (desk, chat) => chat?.status === "waiting",
    run: (desk, chat) => desk.claim(chat),
  },
  {
    id: "claimLongest",
    icon: "clock",
    code: "KeyQ",
    can: (desk) => desk.lists.queue.length,
    run: (desk) => claimLongest(desk),
  },
  { id: "release", icon: "release", code: "KeyU", can: (desk, chat) => desk.isMine(chat), run: (desk, chat) => desk.release(chat) },
  {
    id: "transfer",
    icon: "transfer",
    code: "KeyT",
    can: (desk, chat) => desk.isMine(chat) || (desk.isSupervisor && isOpen(chat)),
    run: (desk, chat) => desk.ask("transfer", chat),
  },
  {
    id: "resolve",
    icon: "resolve",
    code: "KeyE",
    can: (desk, chat) => desk.isMine(chat) || (desk.isSupervisor && isOpen(chat)),
    run: (desk, chat) => desk.resolve(chat),
  },
  {
    id: "takeover",
    icon: "takeover",
    can: (desk, chat) => desk.isSupervisor && chat?.status === "claimed" && !desk.isMine(chat),
    run: (desk, chat) => desk.takeover(chat),
  },
  { id: "note", icon: "note", code: "KeyP", can: (desk, chat) => chat, run: (desk) => desk.ask("note") },
  { id: "attach", icon: "clip", code: "KeyO", can: (desk, chat) => desk.isMine(chat) && !desk.isNote, run: (desk) => desk.ask("attach") },
  { id: "searchAll", icon: "search", code: "KeyS", can: () => true, run: (desk) => desk.ask("filter") },
  { id: "search", icon: "search", code: "KeyF", can: (desk, chat) => chat, run: (desk) => desk.ask("search") },
  { id: "firstUnread", icon: "up", code: "KeyG", can: (desk, chat) => chat && desk.reading.divider, run: (desk) => desk.reading.toUnread() },
  { id: "latest", icon: "down", code: "KeyL", can: (desk, chat) => chat, run: (desk) => desk.reading.latest() },
  { id: "context", icon: "info", code: "KeyI", can: (desk, chat) => chat, run: (desk) => desk.ask("context") },
  { id: "away", icon: "clock", can: (desk) => desk.status === "available", run: (desk) => desk.availability("away") },
  { id: "available", icon: "claim", can: (desk) => desk.status === "away", run: (desk) => desk.availability("available") },
  { id: "announce", icon: "megaphone", can: (desk) => desk.isSupervisor, run: (desk) => desk.ask("announce") },
  { id: "profile", icon: "gear", can: (desk) => desk.isSupervisor && profiled(desk), run: (desk) => desk.ask("profile", profiled(desk)) },
  { id: "sound", icon: "bell", can: (desk) => desk.alert?.isPossible, run: (desk) => desk.alert.toggle() },
  { id: "language", icon: "language", can: () => true, run: (desk) => desk.ask("language") },
  { id: "theme", icon: "theme", can: () => true, run: (desk) => desk.ask("theme") },
  { id: "help", icon: "help", can: () => true, run: (desk) => desk.ask("help") },
  { id: "signOut", icon: "out", can: () => true, run: (desk) => desk.ask("signOut") },
];

const BY_ID = new Map(ACTIONS.map((action) => [action.id, action]));

export function action(id) {
  return BY_ID.get(id);
}

/** Does it if it can be done; whether it could. */
export function perform(desk, id) {
  const found = action(id);
  if (!found.can(desk, desk.chat)) return false;
  found.run(desk, desk.chat);
  return true;
}

/** How the key is written: Alt+A, and on a Mac ⌥A. */
export function keyOf({ code, id }) {
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
  if (id === "help") return "?";
  if (!code) return "";
  return isMac ? `⌥${code.slice(3)}` : `Alt+${code.slice(3)}`;
}

export function paletteKey() {
  return /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘K" : "Ctrl+K";
}

/** Hears the keys of the whole page, each of which does one of `actions`. */
export function hearKeys(desk, actions = ACTIONS) {
  const hear = (event) => {
    if (event.isComposing || document.querySelector("dialog[open]")) return;
    const { code, key, altKey, ctrlKey, metaKey } = event;
    if (key.toLowerCase() === "k" && (ctrlKey || metaKey) && !altKey) {
      event.preventDefault();
      desk.ask("palette");
      return;
    }
    if (key === "?" && !isText(event.target)) {
      event.preventDefault();
      desk.ask("help");
      return;
    }
    if (!altKey || ctrlKey || metaKey) return;
    const found = actions.find((one) => one.code === code);
    if (!found) return;
    event.preventDefault();
    if (found.can(desk, desk.chat)) found.run(desk, desk.chat);
  };
  addEventListener("keydown", hear);
  return () => removeEventListener("keydown", hear);
}

function isText(node) {
  return node.matches?.("input, textarea");
}

/** The store whose settings are meant: that of the list, of the open chat, or the first. */
function profiled(desk) {
  return [desk.store, desk.chat?.store, ...desk.stores].find((one) => one && desk.profile(one));
}

function isOpen(chat) {
  return chat && chat.status !== "closed";
}

function step(desk, by) {
  const { rows, selected } = desk;
  const at = rows.findIndex((chat) => chat.store === selected?.store && chat.user === selected?.user);
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
  desk.open(rows[next]);
}

/** The next one below that is the agent's own business, and from the top again. */
function nextUnread(desk) {
  const own = desk.lists.mine.filter((chat) => chat.unread);
  const at = own.findIndex((chat) => chat === desk.chat);
  return own[at + 1] ?? (own[0] !== desk.chat ? own[0] : undefined);
}

function claimLongest(desk) {
  const [chat] = desk.lists.queue;
  desk.open(chat);
  desk.claim(chat);
}
