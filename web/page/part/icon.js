/** Drawings of 24 by 24, in the colour of the text around them. */

import { drawing } from "../../dibs-draw.js";

const PATHS = {
  alert: "M12 4 2.500 20h19zM12 10v4.500M12 17.300v.2",
  back: "M15 5l-7 7 7 7",
  bell: "M6 17V11a6 6 0 1 1 12 0v6l1.500 2h-15zM10 21h4",
  chat: "M5 4.500h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2v-8a2 2 0 0 1 2-2zM8 9h8M8 12.500h5",
  claim: "M5 12.500l4.500 4.500L19 7",
  clock: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 7.500V12l3 2",
  close: "M6 6l12 12M18 6L6 18",
  down: "M12 5v13M6 12.500l6 6 6-6",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  help: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM9.500 9.500a2.500 2.500 0 1 1 3.700 2.200c-.8.5-1.200 1-1.200 1.900M12 16.700v.2",
  info: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 11v5.500M12 7.500v.2",
  language: "M3 6h10M8 3.500V6M11.500 6c-1 4-4 7-8 8.500M5 9c1.500 2.500 4 4.500 7 5.500M12.500 20.500L17 10l4.500 10.500M14 17.500h6",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  megaphone: "M4 10v4h3l9 4.500v-13L7 10zM7 14v5h3v-3.500M19 10v4",
  more: "M5 12h.1M12 12h.1M19 12h.1",
  note: "M5 4h14v11l-5 5H5zM14 20v-5h5M8.500 9h7M8.500 12.500h4",
  order: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  out: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  release: "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 5 5v1",
  resolve: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM8 12.300l2.800 2.800L16 9.500",
  search: "M10.500 4a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13zM15.500 15.500L21 21",
  send: "M4 12l16-8-5 16-3.500-6.500zM11.500 13.500L20 4",
  store: "M4 9l1.500-5h13L20 9M4 9h16M5 9v11h14V9M10 20v-6h4v6",
  takeover: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2.200 2.200L15.500 10",
  theme: "M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18zM12 3v18M12 7a5 5 0 0 1 0 10",
  tick: "M5 12.500l4.500 4.500L19 7",
  ticks: "M2.500 12.500L7 17l8.500-9M10.500 15.500L12 17l9-9.500",
  up: "M12 19V6M6 11.500l6-6 6 6",
  transfer: "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
  command: "M5 8l4 4-4 4M12 17h7",
};

export function icon(name, className = "icon") {
  return drawing(PATHS[name], className);
}
