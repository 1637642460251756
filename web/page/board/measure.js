/** What is to be seen of what was counted: several stores as one, the live part from what the client holds. Nothing here asks anybody. */

import { waitingSince } from "../agent/row-order.js";

const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const STATUSES = ["available", "away", "gone"];
/** The limits of a store that set none, in s. */
export const CLOCK = { amber: 40, red: 100 };

/** Where the day begins that is looked at: midnight here, or a day ago by whole quarters. */
export function beginning(period, now) {
  if (period === "today") return new Date(now).setHours(0, 0, 0, 0);
  return Math.floor(now / QUARTER_MS) * QUARTER_MS - 24 * HOUR_MS + QUARTER_MS;
}

/** "calm", "late" or "too-late". */
export function level(ms, { amber, red }) {
  return ms >= red * 1000 ? "too-late" : ms >= amber * 1000 ? "late" : "calm";
}

/** Whether the owner owes an answer. */
export function isUnanswered(chat) {
  return chat.status === "claimed" && chat.last?.from.role === "user";
}

/** `{waiting, claimed, longest, unanswered}`: numbers, and `{chat, since}` or undefined. `told` is what the server says of each store. */
export function live(open, told) {
  const found = { waiting: 0, claimed: 0, longest: undefined, unanswered: undefined };
  const older = (one, chat, since) => (!one || since < one.since ? { chat, since } : one);
  for (const chat of open) {
    if (chat.status === "waiting") {
      found.waiting += 1;
      found.longest = older(found.longest, chat, chat.since);
      continue;
    }
    found.claimed += 1;
    if (isUnanswered(chat)) found.unanswered = older(found.unanswered, chat, unansweredSince(chat, told.get(chat.store)));
  }
  return found;
}

/** The server knows the first of several messages in a row, which need not be loaded here. */
export function unansweredSince(chat, answer) {
  const since = waitingSince(chat);
  const told = answer?.unanswered;
  return told?.user === chat.user ? Math.min(told.since, since ?? told.since) : since;
}

/** The days of several stores as one; a part of time cannot be added up, so of those the slowest store stands, by its name. */
export function together(answers) {
  if (!answers.length) return undefined;
  const sum = (of) => answers.reduce((all, one) => all + of(one.day), 0);
  const rated = sum((day) => day.rating.count);
  const answered = answers.filter(({ day }) => day.first_response.count);
  const slowest = answered.reduce((worst, one) => (!worst || one.day.first_response.p90 > worst.day.first_response.p90 ? one : worst), undefined);
  return {
    at: Math.min(...answers.map(({ at }) => at)),
    from: Math.min(...answers.map(({ day }) => day.from)),
    opened: sum((day) => day.opened),
    claimed: sum((day) => day.claimed),
    closed: sum((day) => day.closed),
    refused: sum((day) => day.refused),
    takeovers: sum((day) => day.takeovers),
    first: { count: sum((day) => day.first_response.count), p50: slowest?.day.first_response.p50, p90: slowest?.day.first_response.p90, store: slowest?.store },
    rating: { count: rated, mean: rated ? sum((day) => day.rating.count * (day.rating.mean ?? 0)) / rated : undefined },
    series: added(answers.map(({ series }) => series)),
  };
}

function added(several) {
  const points = new Map();
  for (const { at, opened, answered, waiting } of several.flat()) {
    const point = points.get(at) ?? { at, opened: 0, answered: 0, waiting: 0 };
    points.set(at, { at, opened: point.opened + opened, answered: point.answered + answered, waiting: point.waiting + waiting });
  }
  return [...points.values()].sort((one, other) => one.at - other.at);
}

/** Points of a quarter as points of an hour here: `{at, end, opened, answered, waiting}`. */
export function hours(series) {
  const found = new Map();
  for (const { at, opened, answered, waiting } of series) {
    const hour = new Date(at).setMinutes(0, 0, 0);
    const point = found.get(hour) ?? { at: hour, end: hour + HOUR_MS, opened: 0, answered: 0, waiting: 0 };
    found.set(hour, { ...point, opened: point.opened + opened, answered: point.answered + answered, waiting });
  }
  return [...found.values()];
}

/** Everybody on the roster of these stores: `{id, name, status, chats, limit}`, those who are here first. `limit` 0 is none. */
export function people(stores, told, held, open) {
  const found = new Map();
  const chats = new Map();
  for (const { owner, store } of open) if (owner && stores.includes(store)) chats.set(owner.id, (chats.get(owner.id) ?? 0) + 1);
  for (const store of stores) {
    const here = new Map((held.agents.get(store) ?? []).map((one) => [one.id, one]));
    const roster = told.get(store)?.agents ?? [];
    const limit = roster.find((one) => one.limit)?.limit ?? 0;
    const rest = [...here.values()].filter(({ id }) => !roster.some((one) => one.id === id));
    for (const { id, name } of [...roster, ...rest]) {
      const status = here.get(id)?.status ?? "gone";
      const before = found.get(id);
      // Somebody who works for several stores is where they are most.
      const best = before && STATUSES.indexOf(before.status) < STATUSES.indexOf(status) ? before.status : status;
      found.set(id, { id, name: here.get(id)?.name ?? name ?? before?.name ?? id, status: best, chats: chats.get(id) ?? 0, limit: (before?.limit ?? 0) + limit });
    }
  }
  const order = (one) => STATUSES.indexOf(one.status);
  return [...found.values()].sort((one, other) => order(one) - order(other) || one.name.localeCompare(other.name) || (one.id < other.id ? -1 : 1));
}
