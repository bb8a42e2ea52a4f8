// Keeps what the gateway says, and shows it. Nothing is asked of anybody else.

import { Chart } from "/chart.js";
import { DAY, Zone, html, number, svg, unit } from "/format.js";
import { Map as CityMap } from "/map.js";
import { Scale } from "/scale.js";

const $ = (id) => document.getElementById(id);
const SPANS = { week: 7 * DAY, all: Infinity };
const SPARK = { readings: 48, width: 64, height: 20 };
const RETRY_MS = 5_000;
const STATES = {
  connecting: "Connecting",
  starting: "Starting",
  running: "Running",
  draining: "Draining",
  done: "Done",
  disconnected: "Disconnected, trying again",
};
const COUNTERS = [
  ["peers", "Peers", "take part"],
  ["published", "Published", "by sensors"],
  ["replicated", "Replicated", "to all readers"],
  ["verified", "Verified", "by all readers"],
  ["refused", "Refused", "did not verify"],
  ["lost", "Lost", "known at the end"],
];

let state = null; // what /events told
let connected = false;
let selected = null; // a place, or null for all of them
let span = "week";
let rows = [];
let legend = "";
let drawing = false;

const map = new CityMap($("map"), (place) => select(place === selected ? null : place));
const chart = new Chart($("chart"), $("readout"));

// ---- what comes in

function connect() {
  const source = new EventSource("/events");
  source.addEventListener("state", (event) => {
    connected = true;
    load(JSON.parse(event.data));
  });
  source.addEventListener("update", (event) => update(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    connected = false;
    redraw();
    // The browser tries again by itself, unless it was answered that there is no room.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  });
}

function load(told) {
  const before = JSON.stringify(state?.places);
  state = told;
  state.zone = new Zone(told.zone);
  state.histories = told.histories.map(([times, values]) => ({ times, values }));
  $("title").textContent = document.title = state.title;
  $("credit").textContent = state.credit;
  if (JSON.stringify(state.places) !== before) {
    selected = null;
    map.places(state.places);
    list();
  }
  redraw();
}

function update({ readings = [], status, refused }) {
  if (!state) return;
  for (const [place, time, value] of readings) insert(state.histories[place], time, value);
  state.status = status ?? state.status;
  state.refused = refused ?? state.refused;
  redraw();
}

/** Keeps a history sorted, the latest of two readings with one time, and as long as the gateway's own. */
function insert({ times, values }, time, value) {
  let at = times.length;
  while (at > 0 && times[at - 1] > time) at--;
  if (times[at - 1] === time) {
    values[at - 1] = value;
    return;
  }
  times.splice(at, 0, time);
  values.splice(at, 0, value);
  if (times.length > state.history_max) {
    times.shift();
    values.shift();
  }
}

// ---- what is shown

function redraw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  heading();
  if (!state) return;
  counters();
  const values = state.histories.map((history) => history.values.at(-1));
  const scale = new Scale(state.histories.reduce((max, history) => Math.max(max, ...history.values), 0));
  map.update({ values, scale, selected });
  key(scale);
  const sum = total();
  latest(values, sum, scale);
  curve(sum);
  refusals();
}

function heading() {
  const shown = connected ? state.status.state : state?.status.state === "done" ? "done" : state ? "disconnected" : "connecting";
  if ($("state").dataset.state !== shown) {
    $("state").dataset.state = shown;
    $("state").textContent = STATES[shown];
  }
  if (!state) return;
  const { city_time_ms: time, elapsed_s: elapsed, total_s: total } = state.status;
  if (time !== null) {
    $("clock").textContent = state.zone.clock.format(time);
    $("clock").dateTime = new Date(time).toISOString();
    $("zone").textContent = `${state.zone.name.split("/").at(-1).replaceAll("_", " ")} time`;
  }
  const part = shown === "done" ? 100 : total > 0 ? Math.min(100, (100 * elapsed) / total) : 0;
  $("progress").setAttribute("aria-valuenow", Math.round(part));
  $("progress-bar").style.width = `${part}%`;
}

function counters() {
  if (!$("counters").children.length) {
    $("counters").append(
      ...COUNTERS.map(([key, name, hint]) =>
        html("div", { id: `count-${key}` }, html("dt", {}, `${name} `, html("span", { textContent: hint })), html("dd", {})),
      ),
    );
  }
  for (const [key] of COUNTERS) {
    const value = state.status[key];
    $(`count-${key}`).children[1].textContent = value === null ? "–" : number(value);
    $(`count-${key}`).classList.toggle("alarm", key === "lost" && value > 0);
  }
}

function key(scale) {
  const words = `Area and colour: ${sharedUnit() || "latest value"}`;
  const now = `${scale.bounds} ${words}`;
  if (now !== legend) $("legend").replaceChildren(...scale.legend(words));
  legend = now;
}

/** The unit that all places share, if they do. */
function sharedUnit() {
  const units = new Set(state.places.map((place) => place.unit));
  return units.size === 1 ? unit([...units][0]) : "";
}

/** One row for all, and one for each place, from north to south. */
function list() {
  const row = (place, name) => {
    const swatch = html("span", { className: "swatch" });
    const line = svg("polyline");
    const spark = svg("svg", { viewBox: `0 0 ${SPARK.width} ${SPARK.height}`, class: "spark", "aria-hidden": "true" }, line);
    const value = html("span", { className: "value", textContent: "–" });
    const button = html("button", { type: "button" }, swatch, html("span", { className: "label", textContent: name }), spark, value);
    button.addEventListener("click", () => select(place));
    return { place, swatch, line, value, button };
  };
  const order = state.places.map((_, i) => i).sort((a, b) => state.places[b].latitude - state.places[a].latitude);
  rows = [row(null, allOfThem()), ...order.map((i) => row(i, state.places[i].name))];
  $("places").replaceChildren(...rows.map(({ button }) => html("li", {}, button)));
  $("places-unit").textContent = sharedUnit();
}

const allOfThem = () => `All ${state.places.length} sensors`;

function latest(values, sum, scale) {
  for (const { place, swatch, line, value, button } of rows) {
    const series = place === null ? sum : state.histories[place];
    const newest = place === null ? sum.values.findLast(Number.isFinite) : values[place];
    swatch.className = `swatch ${place === null ? "all" : scale.colour(newest)}`;
    value.textContent = number(newest);
    line.setAttribute("points", spark(series));
    button.setAttribute("aria-pressed", place === selected);
  }
}

function spark({ values }) {
  const recent = values.slice(-SPARK.readings).filter(Number.isFinite);
  const max = Math.max(...recent, 1);
  const x = (i) => ((i + SPARK.readings - recent.length) / (SPARK.readings - 1)) * SPARK.width;
  return recent.map((value, i) => `${x(i).toFixed(1)},${(SPARK.height - 1 - (value / max) * (SPARK.height - 2)).toFixed(1)}`).join(" ");
}

/** The sum over all places, with a gap where one is missing: part of a sum would look like a quiet hour. */
function total() {
  const sums = new Map();
  for (const { times, values } of state.histories) {
    times.forEach((time, i) => {
      const sum = sums.get(time) ?? { value: 0, places: 0 };
      sums.set(time, { value: sum.value + values[i], places: sum.places + 1 });
    });
  }
  const sorted = [...sums].sort(([a], [b]) => a - b);
  return {
    times: sorted.map(([time]) => time),
    values: sorted.map(([, sum]) => (sum.places === state.places.length ? sum.value : NaN)),
  };
}

function curve(sum) {
  const name = selected === null ? allOfThem() : state.places[selected].name;
  const series = selected === null ? sum : state.histories[selected];
  $("chart-title").textContent = name;
  const ofWhat = selected === null ? sharedUnit() : unit(state.places[selected].unit);
  chart.update({ series, span: SPANS[span], unit: ofWhat, name, zone: state.zone });
}

function refusals() {
  const lines = state.refused.length ? state.refused : ["Nothing yet. What does not verify is listed here, and shown nowhere else."];
  const list = $("refused");
  if (lines.join("\n") === list.dataset.lines) return;
  list.dataset.lines = lines.join("\n");
  list.classList.toggle("empty", !state.refused.length);
  list.replaceChildren(...lines.map((textContent) => html("li", { textContent })));
}

// ---- what people do

function select(place) {
  selected = place;
  chart.hold(null);
  redraw();
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", other === button);
    redraw();
  });
}

connect();
