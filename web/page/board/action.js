/** All that a supervisor can do on the board, in one table: the buttons, the keys and the help are made of it. */

import { action as ofDesk } from "../agent/action.js";

const isOpen = (chat) => chat && chat.status !== "closed";

/** As in the console's table. */
export const ACTIONS = [
  ofDesk("next"),
  ofDesk("previous"),
  { id: "lookLongest", icon: "clock", code: "KeyQ", can: (board) => board.live.longest, run: (board) => board.open(board.live.longest.chat) },
  { id: "lookUnanswered", icon: "bell", code: "KeyN", can: (board) => board.live.unanswered, run: (board) => board.open(board.live.unanswered.chat) },
  { id: "assign", icon: "transfer", code: "KeyT", can: (board, chat) => isOpen(chat), run: (board, chat) => board.ask("assign", chat) },
  {
    id: "takeover",
    icon: "takeover",
    code: "KeyY",
    can: (board, chat) => isOpen(chat) && !board.isMine(chat),
    run: (board, chat) => board.takeover(chat),
  },
  { id: "requeue", icon: "queue", code: "KeyU", can: (board, chat) => chat?.status === "claimed", run: (board, chat) => board.requeue(chat) },
  { id: "resolve", icon: "resolve", code: "KeyE", can: (board, chat) => isOpen(chat), run: (board, chat) => board.ask("close", chat) },
  { id: "announce", icon: "megaphone", code: "KeyM", can: (board) => board.stores.length, run: (board) => board.ask("announce") },
  { id: "filterKey", icon: "search", code: "KeyF", can: () => true, run: (board) => board.ask("palette") },
  ofDesk("latest"),
  ofDesk("help"),
];

const BY_ID = new Map(ACTIONS.map((action) => [action.id, action]));

export function action(id) {
  return BY_ID.get(id);
}
