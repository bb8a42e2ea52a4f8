// One scale for the whole page: the area of a circle and its colour say how large a value is.

import { html, nice, number, svg } from "/format.js";

/** The largest circle, in pixels. */
const RADIUS_MAX = 22;
const RADIUS_MIN = 2.5;

/** Colours `q0` to `q5` stand in the style sheet, one palette for light and one for dark. */
const CLASSES = 6;

export class Scale {
  /** For values from `least`, which is 0 unless some are below it, to `most`. */
  constructor(least, most) {
    this.least = least;
    this.top = most > least ? most : least + 1;
    this.bounds = [];
    if (least < 0) {
      // Even steps: below nothing there is no "ten times as much".
      const step = (this.top - least) / CLASSES;
      for (let i = 1; i < CLASSES; i++) this.bounds.push(Number((least + i * step).toPrecision(2)));
      return;
    }
    // The bounds between colours: some of 1, 2, 5, 10, ... below the maximum.
    for (let bound = this.top; this.bounds.length < CLASSES - 1; ) {
      bound = nice(bound / 2.6);
      this.bounds.unshift(bound);
    }
  }

  radius(value) {
    const part = Math.max(value - this.least, 0) / (this.top - this.least);
    return Math.max(RADIUS_MIN, RADIUS_MAX * Math.sqrt(part));
  }

  colour(value) {
    return Number.isFinite(value) ? `q${this.bounds.filter((bound) => value >= bound).length}` : "none";
  }

  /** Circles with their colours and what they stand for. */
  legend(unit) {
    const steps = this.bounds.map((bound, i) => ({ from: bound, to: this.bounds[i + 1] ?? this.top }));
    steps.unshift({ from: this.least, to: this.bounds[0] });
    const size = 2 * RADIUS_MAX;
    const items = steps.map(({ from, to }, i) => {
      const r = this.radius((from + to) / 2);
      const circle = svg("circle", { cx: size / 2, cy: size / 2, r, class: `dot q${i}` });
      const words = i === 0 ? `< ${number(to)}` : i === CLASSES - 1 ? `${number(from)} +` : `${number(from)}${from < 0 ? " to " : "–"}${number(to)}`;
      return html("li", {}, svg("svg", { viewBox: `0 0 ${size} ${size}`, "aria-hidden": "true" }, circle), words);
    });
    return [html("ul", {}, ...items), html("p", { textContent: unit })];
  }
}
