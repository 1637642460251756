/** The drawing of a chart: bars and a line over the hours of a day. Numbers in, an SVG out. */

import { clock } from "../part/time.js";

const SVG = "http://www.w3.org/2000/svg";
const QUARTER_MS = 900_000;
const HOUR_MS = 3_600_000;
const LEAST_HOURS = 4;
const LABEL_PX = 58;
const LINES = 4;
const HEIGHT = 208;
const SIDE = { top: 10, right: 12, bottom: 26, left: 34 };

function svg(tag, given, text) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

/** From where to where the axis goes: whole hours, and not too few of them. */
export function span(from, now) {
  const end = Math.max(now, from + LEAST_HOURS * HOUR_MS);
  return { from, to: from + Math.ceil((end - from) / HOUR_MS) * HOUR_MS };
}

/** Steps that people count in. */
function steps(most) {
  const top = Math.max(most, 4);
  let size = 1;
  for (let n = 0; top / size > LINES; n += 1) size = [1, 2, 5][n % 3] * 10 ** Math.floor(n / 3);
  const count = Math.ceil(top / size);
  return Array.from({ length: count + 1 }, (_, n) => n * size);
}

/** Whole hours here, so many apart that their names have room. */
function times({ from, to }, width) {
  const room = Math.max(1, Math.floor(width / LABEL_PX));
  const every = [1, 2, 3, 4, 6, 12].find((hours) => (to - from) / HOUR_MS / hours <= room) ?? 12;
  const found = [];
  const first = new Date(from).setMinutes(0, 0, 0);
  for (let at = first < from ? first + HOUR_MS : first; at <= to; at += HOUR_MS) if (new Date(at).getHours() % every === 0) found.push(at);
  return found;
}

/** `{node, indexAt, xOf}`: the drawing, which point is at an x, and where the middle of a point is. */
export function plot(series, { from, to }, width, now) {
  const wide = Math.max(1, width - SIDE.left - SIDE.right);
  const high = HEIGHT - SIDE.top - SIDE.bottom;
  const lines = steps(Math.max(0, ...series.map(({ waiting, answered }) => Math.max(waiting, answered))));
  const x = (at) => SIDE.left + (wide * (at - from)) / (to - from);
  const y = (value) => SIDE.top + high * (1 - value / lines.at(-1));
  const node = svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, class: "plot", "aria-hidden": "true" });
  // On whole pixels lines are crisp.
  const crisp = (value) => Math.round(value) + 0.5;
  for (const value of lines) {
    node.append(
      svg("line", { class: value ? "grid" : "base", x1: SIDE.left, x2: width - SIDE.right, y1: crisp(y(value)), y2: crisp(y(value)) }),
      svg("text", { class: "axis", x: SIDE.left - 7, y: y(value), "text-anchor": "end", "dominant-baseline": "central" }, String(value)),
    );
  }
  for (const at of times({ from, to }, wide)) {
    node.append(
      svg("line", { class: "base", x1: crisp(x(at)), x2: crisp(x(at)), y1: crisp(y(0)), y2: crisp(y(0)) + 4 }),
      svg("text", { class: "axis", x: x(at), y: HEIGHT - 7, "text-anchor": x(at) > width - 26 ? "end" : "middle" }, clock(at)),
    );
  }
  const band = svg("rect", { class: "band", y: SIDE.top, height: high, width: x(from + QUARTER_MS) - x(from), visibility: "hidden" });
  node.append(band);
  const ends = series.map(({ at, waiting }) => [x(Math.min(at + QUARTER_MS, Math.max(now, at))), y(waiting)]);
  const way = [[x(series[0]?.at ?? from), ends[0]?.[1]], ...ends].map(([one, other]) => `${one.toFixed(1)} ${other?.toFixed(1)}`).join("L");
  // What lies behind is drawn first.
  if (ends.length) node.append(svg("path", { class: "waiting-area", d: `M${SIDE.left} ${y(0)}L${way}L${ends.at(-1)[0].toFixed(1)} ${y(0)}Z` }));
  const inner = x(from + QUARTER_MS) - x(from);
  const gap = inner > 4 ? Math.max(1, inner * 0.2) : 0;
  for (const { at, answered } of series) {
    if (answered) node.append(svg("rect", { class: "answered", x: x(at) + gap / 2, y: y(answered), width: Math.max(1, inner - gap), height: y(0) - y(answered), rx: Math.min(2, inner / 4) }));
  }
  if (ends.length) {
    node.append(svg("path", { class: "waiting-line", d: `M${way}` }), svg("circle", { class: "waiting-end", cx: ends.at(-1)[0], cy: ends.at(-1)[1], r: 3.5 }));
  }
  return {
    node,
    indexAt: (at) => series.findIndex((one) => at >= x(one.at) && at < x(one.at + QUARTER_MS)),
    show(n) {
      band.setAttribute("visibility", n < 0 ? "hidden" : "visible");
      if (n >= 0) band.setAttribute("x", x(series[n].at));
    },
  };
}
