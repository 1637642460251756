/** Light, dark, or as the system is; kept, and the same in all tabs. */

const KEPT = "dibs.theme";
const THEMES = ["auto", "light", "dark"];

export function theme() {
  const kept = localStorage.getItem(KEPT);
  return THEMES.includes(kept) ? kept : "auto";
}

export function nextTheme() {
  localStorage.setItem(KEPT, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
  show();
}

function show() {
  document.documentElement.dataset.theme = theme();
}

addEventListener("storage", ({ key }) => key === KEPT && show());
show();
