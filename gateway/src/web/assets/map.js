// The sensors where they stand, on a plain equirectangular projection around their middle.

import { nice, number, html, svg, unit } from "/format.js";

const METRES_PER_DEGREE = 111_195;
const MARGIN = 38;
/** How far apart circles are kept, so that each can be seen and clicked. */
const APART = 29;
/** How large what reacts to a finger is. */
const TOUCH = 14;
/** How wide the squares of the grid are at least, in pixels. */
const GRID_MIN = 45;
/** What the map shows around its middle at least, in metres. */
const REACH_MIN_M = 25;
/** How many pairs of circles are looked at when they are moved apart: a moment of a phone's time. */
const PAIRS_MAX = 20_000_000;
/** A street shorter than this is not drawn. */
const STREET_MIN_M = 150;

export class Map {
  constructor(container, select) {
    this.container = container;
    this.select = select;
    this.svg = svg("svg", { role: "group", "aria-label": "Map of the sensors. Arrow keys go from one to the next." });
    this.tip = html("div", { className: "tip", hidden: true });
    container.replaceChildren(this.svg, this.tip);
    this.svg.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.layout()).observe(container);
  }

  /** Shows those of the places that are named by number and have a position. */
  places(places, shown) {
    this.ids = shown.filter((i) => places[i].position);
    this.data = this.ids.map((i) => places[i]);
    const positions = this.data.map(({ position }) => position);
    const middle = (key) => (Math.min(...positions.map((p) => p[key])) + Math.max(...positions.map((p) => p[key]))) / 2;
    const [latitude, longitude] = [middle("latitude"), middle("longitude")];
    const shrink = Math.cos((latitude * Math.PI) / 180);
    this.metres = positions.map((at) => ({
      x: (at.longitude - longitude) * shrink * METRES_PER_DEGREE,
      y: (latitude - at.latitude) * METRES_PER_DEGREE,
    }));
    // From north to south, which is how the keys go.
    this.order = positions.map((_, i) => i).sort((a, b) => positions[b].latitude - positions[a].latitude);
    this.pointed = null;
    this.layout();
  }

  layout() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (!this.data) return;
    // An empty map takes little room.
    this.container.parentElement.classList.toggle("nowhere", !this.data.length);
    if (!width || !height) return;
    if (!this.data.length) {
      this.marks = undefined;
      this.tip.hidden = true;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.svg.replaceChildren(
        svg("text", { x: width / 2, y: height / 2, class: "empty" }, "No stream here says where it is measured"),
      );
      return;
    }
    const reach = (axis) => Math.max(...this.metres.map((at) => Math.abs(at[axis])), REACH_MIN_M);
    const scale = Math.min((width / 2 - MARGIN) / reach("x"), (height / 2 - MARGIN) / reach("y"));
    const here = this.metres.map(({ x, y }) => ({ x: width / 2 + x * scale, y: height / 2 + y * scale }));
    this.shown = apart(here);

    this.marks = this.data.map((place, i) => this.mark(i));
    this.label = svg("text", { class: "name" });
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(
      grid(width, height, scale),
      ...streets(this.data, this.metres, (at) => ({ x: width / 2 + at.x * scale, y: height / 2 + at.y * scale })),
      ...here.map((at, i) => leader(at, this.shown[i])),
      ...this.order.map((i) => this.marks[i].group),
      this.label,
      bar(width, height, scale, this.shown),
      north(width),
    );
    if (this.last) this.update(this.last.told);
  }

  mark(i) {
    const at = { cx: this.shown[i].x, cy: this.shown[i].y };
    const ring = svg("circle", { ...at, r: TOUCH, class: "ring" });
    const dot = svg("circle", { ...at, r: 3, class: "dot none" });
    const group = svg("g", { class: "mark", role: "button", tabindex: i === this.order[0] ? 0 : -1 }, ring, dot);
    group.addEventListener("click", () => this.select(this.ids[i]));
    for (const on of ["pointerenter", "focus"]) group.addEventListener(on, () => this.point(i));
    for (const off of ["pointerleave", "blur"]) group.addEventListener(off, () => this.point(null));
    return { group, ring, dot };
  }

  /** Shows the latest values; `selected` is a place or null for all. */
  update(told) {
    const at = this.ids?.indexOf(told.selected) ?? -1;
    const values = this.ids?.map((i) => told.values[i]) ?? [];
    this.last = { told, values, scale: told.scale, selected: at < 0 ? null : at };
    if (!this.marks) return;
    const { last } = this;
    this.marks.forEach(({ group, ring, dot }, i) => {
      const value = last.values[i];
      const r = last.scale.radius(value ?? 0);
      dot.setAttribute("r", r.toFixed(1));
      dot.setAttribute("class", `dot ${last.scale.colour(value)}`);
      ring.setAttribute("r", Math.max(TOUCH, r + 4).toFixed(1));
      group.setAttribute("aria-pressed", i === last.selected);
      group.setAttribute("aria-label", `${this.data[i].name}: ${number(value)} ${unit(this.data[i].unit)}`);
    });
    this.name();
    this.tell();
  }

  /** Writes the name of the selected place beside it. */
  name() {
    const i = this.last.selected;
    this.label.textContent = i === null ? "" : this.data[i].name;
    if (i === null) return;
    const { x, y } = this.shown[i];
    const left = x > this.container.clientWidth / 2;
    const away = this.last.scale.radius(this.last.values[i] ?? 0) + 9;
    this.label.setAttribute("x", left ? x - Math.max(away, TOUCH + 5) : x + Math.max(away, TOUCH + 5));
    this.label.setAttribute("y", y + 4);
    this.label.setAttribute("text-anchor", left ? "end" : "start");
  }

  point(i) {
    this.pointed = i;
    this.tell();
  }

  /** The tip over the place that is pointed at. */
  tell() {
    const i = this.pointed ?? null;
    this.tip.hidden = i === null;
    if (i === null || !this.last) return;
    const { x, y } = this.shown[i];
    this.tip.replaceChildren(
      html("strong", { textContent: this.data[i].name }),
      html("span", { textContent: `${number(this.last.values[i])} ${unit(this.data[i].unit)}` }),
    );
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(Math.max(x, half + 4), this.container.clientWidth - half - 4)}px`;
    const above = y - 26 - this.tip.offsetHeight;
    this.tip.style.top = `${above > 0 ? above : y + 26}px`;
  }

  key(event) {
    const focused = this.marks?.findIndex(({ group }) => group === document.activeElement) ?? -1;
    if (focused < 0) return;
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (step) {
      const count = this.order.length;
      const next = this.order[(this.order.indexOf(focused) + step + count) % count];
      this.marks[focused].group.setAttribute("tabindex", -1);
      this.marks[next].group.setAttribute("tabindex", 0);
      this.marks[next].group.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      this.select(this.ids[focused]);
    } else {
      return;
    }
    event.preventDefault();
  }
}

/** Moves points that are too close away from each other, and as little as that takes. */
function apart(points) {
  const moved = points.map((at) => ({ ...at }));
  const rounds = Math.min(300, Math.ceil(PAIRS_MAX / (points.length * points.length)));
  for (let round = 0; round < rounds; round++) {
    moved.forEach((a, i) => {
      for (const b of moved.slice(i + 1)) {
        const [dx, dy] = [b.x - a.x, b.y - a.y];
        const distance = Math.hypot(dx, dy);
        if (distance >= APART) continue;
        // Two at one place go side by side.
        const [ux, uy] = distance < 0.01 ? [1, 0] : [dx / distance, dy / distance];
        const push = (APART - distance) / 2;
        a.x -= ux * push;
        a.y -= uy * push;
        b.x += ux * push;
        b.y += uy * push;
      }
    });
  }
  return moved;
}

function leader(from, to) {
  if (Math.hypot(to.x - from.x, to.y - from.y) < 2) return "";
  return svg(
    "g",
    { class: "leader" },
    svg("line", { x1: from.x, y1: from.y, x2: to.x, y2: to.y }),
    svg("circle", { cx: from.x, cy: from.y, r: 1.6 }),
  );
}

/** Straight lines through the sensors whose names are a number and the same street. */
function streets(places, metres, project) {
  const named = {};
  places.forEach((place, i) => {
    const street = /^\d+\s+(.+)$/.exec(place.name)?.[1];
    if (street) (named[street] ??= []).push(metres[i]);
  });
  return Object.entries(named).flatMap(([street, points]) => {
    const middle = (axis) => points.reduce((sum, at) => sum + at[axis], 0) / points.length;
    const [x, y] = [middle("x"), middle("y")];
    const sum = (f) => points.reduce((total, at) => total + f(at.x - x, at.y - y), 0);
    const angle = Math.atan2(2 * sum((dx, dy) => dx * dy), sum((dx, dy) => dx * dx - dy * dy)) / 2;
    const along = points.map((at) => (at.x - x) * Math.cos(angle) + (at.y - y) * Math.sin(angle));
    const [from, to] = [Math.min(...along), Math.max(...along)];
    if (to - from < STREET_MIN_M) return [];
    const at = (distance) => project({ x: x + Math.cos(angle) * distance, y: y + Math.sin(angle) * distance });
    const [a, b] = [at(from - 60), at(to + 60)];
    let turn = (Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI;
    if (turn > 90 || turn < -90) turn += 180;
    const start = a.x < b.x ? a : b;
    return [
      svg("line", { class: "street", x1: a.x, y1: a.y, x2: b.x, y2: b.y }),
      svg("text", { class: "street", transform: `translate(${start.x} ${start.y}) rotate(${turn}) translate(-8 4)` }, street),
    ];
  });
}

/** Faint lines, so that distances can be seen. */
function grid(width, height, scale) {
  const step = nice(GRID_MIN / scale) * scale;
  const group = svg("g", { class: "grid" });
  for (let x = (width / 2) % step; x < width; x += step) group.append(svg("line", { x1: x, x2: x, y1: 0, y2: height }));
  for (let y = (height / 2) % step; y < height; y += step) group.append(svg("line", { x1: 0, x2: width, y1: y, y2: y }));
  return group;
}

/** How long one square of the grid is, in the lower corner that is emptier. */
function bar(width, height, scale, points) {
  const metres = nice(GRID_MIN / scale);
  const length = metres * scale;
  const low = points.filter(({ y }) => y > height - 80);
  const left = low.filter(({ x }) => x < width / 2).length <= low.length / 2;
  const [x, y] = [left ? 16 : width - 16 - length, height - 14];
  const words = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  return svg(
    "g",
    { class: "measure" },
    svg("path", { d: `M${x} ${y - 5}v5h${length}v-5` }),
    svg("text", { x: x + length / 2, y: y - 7, "text-anchor": "middle" }, words),
  );
}

function north(width) {
  const [x, y] = [width - 22, 16];
  return svg(
    "g",
    { class: "measure", role: "img", "aria-label": "North is up" },
    svg("path", { class: "arrow", d: `M${x} ${y}l6 15-6-4-6 4z` }),
    svg("text", { x, y: y + 29, "text-anchor": "middle" }, "N"),
  );
}
