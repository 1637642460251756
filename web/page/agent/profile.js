/** What the stores say of themselves: their names, their clocks, their canned replies, as the client holds them. */

/** Seconds of waiting, where a store has said nothing. */
const CLOCK = { amber: 40, red: 100 };

export class Profiles {
  constructor(desk) {
    this._desk = desk;
    desk.client.on("profile", () => desk.changed());
    desk.client.on("state", ({ state }) => {
      // What was changed while nobody listened is asked for.
      if (state === "ready") for (const store of desk.stores) desk.attempt(desk.client.profile(store));
    });
  }

  of(store) {
    return this._desk.client.held.profiles.get(store);
  }

  clock(store) {
    return this.of(store)?.clock ?? CLOCK;
  }
}

/**
 * What both changed since `base`: `mine` wins where both did, and `clashes` names that, as `[field, theirs]`. Replies are compared one by one,
 * by their keys.
 */
export function merged(base, theirs, mine) {
  const isSame = (one, other) => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
  const clashes = [];
  const one = (name, was, theirs, mine) => {
    if (isSame(was, mine)) return theirs;
    if (!isSame(was, theirs) && !isSame(theirs, mine)) clashes.push([name, theirs]);
    return mine;
  };
  const found = {};
  for (const field of ["name", "face", "greeting", "clock"]) found[field] = one(field, base[field], theirs[field], mine[field]);
  const [was, their, own] = [base, theirs, mine].map(({ replies }) => new Map(replies.map(({ key, text }) => [key, text])));
  found.replies = [...new Set([...own.keys(), ...their.keys()])]
    .map((key) => ({ key, text: one(`/${key}`, was.get(key), their.get(key), own.get(key)) }))
    .filter(({ text }) => text !== undefined);
  return { merged: found, clashes };
}
