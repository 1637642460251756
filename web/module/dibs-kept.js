/** What this browser keeps for the pages of a shop: who its visitor is, and how the widget is wanted. One that keeps nothing has it for as long as the page is there. */

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
