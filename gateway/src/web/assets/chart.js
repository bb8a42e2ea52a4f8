// One series over time: a line, its axes, and a readout under the pointer or the arrow keys.

import { DAY, HOUR, MINUTE, nice, number, svg } from "/format.js";

const EDGE = { left: 52, right: 14, top: 10, bottom: 24 };
const STEPS = [1, 2, 5, 10, 20, 30, 60, 180, 360, 720, 1440, 2880, 5760, 10080, 20160].map((minutes) => minutes * MINUTE);
/** How much room a label of the time axis takes, in pixels. */
const LABEL = 62;

export class Chart {
  constructor(container, readout) {
    this.container = container;
    this.readout = readout;
    this.svg = svg("svg", { role: "img", tabindex: 0 });
    container.replaceChildren(this.svg);
    new ResizeObserver(() => this.draw()).observe(container);
    this.svg.addEventListener("pointermove", (event) => this.point(event));
    this.svg.addEventListener("pointerdown", (event) => this.point(event));
    for (const leave of ["pointerleave", "blur"]) this.svg.addEventListener(leave, () => this.hold(null));
    this.svg.addEventListener("keydown", (event) => this.key(event));
  }

  /**
   * `series` is `{ times, values }`; a value that is no number is a gap. `span` is in milliseconds. `counts` says that the values
   * are of whole hours: what is shorter than a day is not worth a chart.
   */
  update({ series, span, unit, name, zone, counts }) {
    Object.assign(this, { series, span, unit, name, zone, counts });
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (!this.series || !width || !height) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", `${this.name} over time. Arrow keys read out single values.`);
    const { times, values } = this.series;
    if (!times.length) {
      this.svg.replaceChildren(svg("text", { x: width / 2, y: height / 2, class: "empty" }, "Waiting for the first values"));
      this.say(null);
      return;
    }

    const last = times.at(-1);
    this.from = Math.max(times[0], last - this.span);
    this.to = Math.max(last, this.from + (this.counts ? DAY : Math.min(this.span, 10 * MINUTE)));
    this.first = times.findIndex((time) => time >= this.from);
    // Over all that is known, not over what is in sight: an axis that stays is easier to read.
    const range = ([low, high], value) => [value < low ? value : low, value > high ? value : high];
    const [low, high] = values.reduce(range, [0, this.counts ? 1 : 0]);
    const room = (high - low || 1) * 0.05;
    const [base, top] = [low < 0 ? low - room : 0, high + room];
    const step = nice((top - base) / 5);
    const plot = { width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
    this.x = (time) => EDGE.left + ((time - this.from) / (this.to - this.from)) * plot.width;
    this.y = (value) => EDGE.top + (1 - (value - base) / (top - base)) * plot.height;
    this.bottom = this.y(base);

    const { line, area } = this.paths();
    this.svg.replaceChildren(
      this.weekends(),
      this.valueAxis(width, base, top, step),
      this.timeAxis(plot.width),
      svg("path", { class: "area", d: area }),
      svg("path", { class: "line", d: line }),
      (this.cursor = svg("g", { class: "cursor" })),
    );
    this.say(this.held ?? null);
  }

  /** The line, and the area below it, interrupted where a value is missing. */
  paths() {
    const runs = [[]];
    for (let i = this.first; i < this.series.times.length; i++) {
      if (!Number.isFinite(this.series.values[i])) runs.push([]);
      else runs.at(-1).push(`${this.x(this.series.times[i]).toFixed(1)} ${this.y(this.series.values[i]).toFixed(1)}`);
    }
    const full = runs.filter((run) => run.length);
    const start = (run) => run[0].split(" ")[0];
    const end = (run) => run.at(-1).split(" ")[0];
    return {
      line: full.map((run) => `M${run.join("L")}`).join(""),
      area: full.map((run) => `M${start(run)} ${this.bottom}L${run.join("L")}L${end(run)} ${this.bottom}Z`).join(""),
    };
  }

  weekends() {
    const group = svg("g", { class: "weekend" });
    for (const { time, wall } of this.zone.ticks(this.from - DAY, this.to, DAY)) {
      if (![0, 6].includes(new Date(wall).getUTCDay())) continue;
      const [x1, x2] = [Math.max(time, this.from), Math.min(this.zone.moment_of(wall + DAY), this.to)].map(this.x);
      if (x2 > x1) group.append(svg("rect", { x: x1, y: EDGE.top, width: x2 - x1, height: this.bottom - EDGE.top }));
    }
    return group;
  }

  valueAxis(width, base, top, step) {
    const group = svg("g", { class: "axis" });
    for (let n = Math.ceil(base / step); n * step <= top; n++) {
      const value = n * step;
      const y = this.y(value);
      group.append(
        svg("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y, class: value ? "" : "zero" }),
        svg("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, number(value)),
      );
    }
    return group;
  }

  timeAxis(width) {
    const fits = (step) => ((this.to - this.from) / step) * LABEL <= width;
    const step = STEPS.find(fits) ?? STEPS.at(-1);
    const group = svg("g", { class: "axis" });
    for (const { time, wall } of this.zone.ticks(this.from, this.to, step)) {
      const x = this.x(time);
      const format = wall % DAY ? this.zone.hour : step > DAY ? this.zone.date : this.zone.day;
      const anchor = x > EDGE.left + width - 22 ? "end" : "middle";
      group.append(
        svg("line", { x1: x, x2: x, y1: this.bottom, y2: this.bottom + 5, class: "zero" }),
        svg("text", { x, y: this.bottom + 18, "text-anchor": anchor }, format.format(time)),
      );
    }
    return group;
  }

  point(event) {
    if (!this.x || !this.series.times.length) return;
    const box = this.svg.getBoundingClientRect();
    const part = (event.clientX - box.left - EDGE.left) / (box.width - EDGE.left - EDGE.right);
    const time = this.from + Math.min(Math.max(part, 0), 1) * (this.to - this.from);
    const { times } = this.series;
    const after = times.findIndex((at) => at >= time);
    const near = after < 0 ? times.length - 1 : after > this.first && time - times[after - 1] < times[after] - time ? after - 1 : after;
    this.hold(times[near]);
  }

  key(event) {
    const { times } = this.series ?? { times: [] };
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -24, PageDown: 24 }[event.key];
    if (!times.length || (!step && event.key !== "Escape")) return;
    event.preventDefault();
    if (!step) return this.hold(null);
    const at = this.held ? times.indexOf(this.held) : times.length - 1;
    this.hold(times[Math.min(Math.max(at + step, this.first), times.length - 1)]);
  }

  /** Keeps the readout at a time; null lets it follow the newest. */
  hold(time) {
    this.held = time;
    this.say(time);
  }

  say(time) {
    const { times, values } = this.series ?? { times: [] };
    let at = time === null ? -1 : times.indexOf(time);
    // What was held may have left at the back, and the newest may still be incomplete.
    if (at < (this.first ?? 0)) at = values?.findLastIndex(Number.isFinite) ?? -1;
    if (at < 0) {
      this.readout.textContent = "\u00a0";
      return;
    }
    const words = [document.createElement("strong"), ` ${this.unit}`, document.createElement("span")];
    words[0].textContent = number(values[at]);
    words[2].textContent = (this.counts ? this.zone.moment : this.zone.exact).format(times[at]);
    this.readout.replaceChildren(...words);
    if (!this.cursor || !Number.isFinite(values[at])) return this.cursor?.replaceChildren();
    const [x, y] = [this.x(times[at]), this.y(values[at])];
    this.cursor.replaceChildren(svg("circle", { cx: x, cy: y, r: 4 }));
    if (time !== null) this.cursor.prepend(svg("line", { x1: x, x2: x, y1: EDGE.top, y2: this.bottom }));
  }
}
