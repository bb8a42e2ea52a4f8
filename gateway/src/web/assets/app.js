// Keeps what the gateway says, and shows it. Nothing is asked of anybody else.

import { Chart } from "/chart.js";
import { DAY, HOUR, Zone, duration, html, number, svg, unit } from "/format.js";
import { Map as CityMap } from "/map.js";
import { Scale } from "/scale.js";

const $ = (id) => document.getElementById(id);
const SPANS = { hour: HOUR, day: DAY, week: 7 * DAY, all: Infinity };
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
const RUN_COUNTERS = [
  ["neighbours", "Neighbours", "linked now"],
  ["verified", "Verified", "from other peers"],
  ["stored", "Stored", "signed, on disk"],
  ["refused", "Refused", "listed below"],
  ["sessions", "Devices", "connected now"],
  ["messages", "Messages", "by MQTT"],
];

let state = null; // what /events told
let connected = false;
let selected = null; // a place, or null for all of them
let measured = null; // the unit that is shown: values of different units have no scale in common
let span = "week";
let unlisted = false; // places have come that the list does not show yet
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
  const live = Boolean(told.status.run);
  if (!state && live) choose("hour");
  document.body.dataset.run = live ? "live" : "demo";
  state = told;
  state.zone = new Zone(told.zone);
  state.histories = told.histories.map(([times, values]) => ({ times, values }));
  $("title").textContent = document.title = state.title;
  $("credit").textContent = state.credit;
  if (JSON.stringify(state.places) !== before) {
    selected = null;
    unlisted = true;
  }
  redraw();
}

function update({ places = [], history_max, readings = [], status, refused }) {
  if (!state) return;
  for (const place of places) {
    state.places.push(place);
    state.histories.push({ times: [], values: [] });
    unlisted = true;
  }
  if (history_max && history_max !== state.history_max) {
    state.history_max = history_max;
    state.histories.forEach(shorten);
  }
  for (const [place, time, value] of readings) insert(state.histories[place], time, value);
  state.status = status ?? state.status;
  state.refused = refused ?? state.refused;
  redraw();
}

/** Keeps a history sorted, the latest of two readings with one time, and as long as the gateway's own. */
function insert(history, time, value) {
  const { times, values } = history;
  let at = times.length;
  while (at > 0 && times[at - 1] > time) at--;
  if (times[at - 1] === time) {
    values[at - 1] = value;
    return;
  }
  times.splice(at, 0, time);
  values.splice(at, 0, value);
  shorten(history);
}

function shorten({ times, values }) {
  const over = Math.max(0, times.length - state.history_max);
  times.splice(0, over);
  values.splice(0, over);
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
  if (unlisted) {
    unlisted = false;
    measure();
    map.places(state.places, shown());
    list();
  }
  const values = state.histories.map((history) => history.values.at(-1));
  const all = shown().flatMap((i) => state.histories[i].values);
  const [least, most] = all.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  // People are counted from nothing; a temperature is not.
  const scale = new Scale(state.adds_up || least >= 0 ? 0 : least, all.length ? most : 0);
  map.update({ values, scale, selected });
  key(scale);
  const sum = state.adds_up ? total() : { times: [], values: [] };
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
    $("zone").textContent = `${state.zone.place} time`;
  }
  if (state.status.run) {
    $("clock").textContent = `Up ${duration(elapsed)}`;
    $("zone").textContent = `Times in ${state.zone.place}`;
  }
  const part = shown === "done" ? 100 : total > 0 ? Math.min(100, (100 * elapsed) / total) : 0;
  $("progress").setAttribute("aria-valuenow", Math.round(part));
  $("progress-bar").style.width = `${part}%`;
}

function counters() {
  const { run } = state.status;
  const counted = run ? RUN_COUNTERS : COUNTERS;
  if (!$("counters").children.length) {
    $("counters").append(
      ...counted.map(([key, name, hint]) =>
        html("div", { id: `count-${key}` }, html("dt", {}, `${name} `, html("span", { textContent: hint })), html("dd", {})),
      ),
    );
  }
  for (const [key] of counted) {
    const value = (run ?? state.status)[key];
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

/** The unit that is shown, as people read it. */
const sharedUnit = () => (measured === null ? "" : unit(measured));

/** The places that are shown: those that measure the chosen unit. */
const shown = () => state.places.flatMap((place, i) => (place.unit === measured ? [i] : []));

/** Offers the units that are measured, the most common first, and keeps to the one that is chosen. */
function measure() {
  const counts = new Map();
  for (const { unit } of state.places) counts.set(unit, (counts.get(unit) ?? 0) + 1);
  const units = [...counts].sort(([, a], [, b]) => b - a).map(([unit]) => unit);
  if (!counts.has(measured)) measured = units[0] ?? null;
  const options = units.map((each) => html("option", { value: each, textContent: `${unit(each) || "counts"} (${counts.get(each)})` }));
  $("measure").replaceChildren(...options);
  $("measure").value = measured;
  $("measure").hidden = units.length < 2;
  $("places-unit").hidden = units.length > 1;
}

/** One row for each place, from north to south and then by name; above them one for all, if they add up. */
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
  const north = (i) => state.places[i].position?.latitude ?? -Infinity;
  const name = (i) => state.places[i].name;
  const order = shown().sort((a, b) => (north(a) === north(b) ? name(a).localeCompare(name(b), "en", { numeric: true }) : north(b) - north(a)));
  if (!state.adds_up && !order.includes(selected)) selected = order[0] ?? null;
  rows = order.map((i) => row(i, name(i)));
  if (state.adds_up) rows.unshift(row(null, allOfThem()));
  const lines = rows.map(({ button }) => html("li", {}, button));
  if (!lines.length) lines.push(html("li", { className: "nobody", textContent: "Nothing yet. Each stream that is verified here is listed." }));
  $("places").replaceChildren(...lines);
  $("places-unit").textContent = sharedUnit();
}

const allOfThem = () => `All ${shown().length} sensors`;

function latest(values, sum, scale) {
  for (const row of rows) {
    const { place, swatch, line, value, button } = row;
    const series = place === null ? sum : state.histories[place];
    const newest = place === null ? sum.values.findLast(Number.isFinite) : values[place];
    // Of many rows few change at a time.
    const now = `${newest} ${series.times.at(-1)} ${series.times.length} ${scale.bounds} ${selected}`;
    if (row.now === now) continue;
    row.now = now;
    swatch.className = `swatch ${place === null ? "all" : scale.colour(newest)}`;
    value.textContent = number(newest);
    line.setAttribute("points", spark(series));
    button.setAttribute("aria-pressed", place === selected);
  }
}

function spark({ values }) {
  const recent = values.slice(-SPARK.readings).filter(Number.isFinite);
  const min = Math.min(...recent, 0);
  const max = Math.max(...recent, state.adds_up ? 1 : min + 1e-9);
  const x = (i) => ((i + SPARK.readings - recent.length) / (SPARK.readings - 1)) * SPARK.width;
  const y = (value) => SPARK.height - 1 - ((value - min) / (max - min)) * (SPARK.height - 2);
  return recent.map((value, i) => `${x(i).toFixed(1)},${y(value).toFixed(1)}`).join(" ");
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
  const name = selected !== null ? state.places[selected].name : state.adds_up ? allOfThem() : "No stream yet";
  const series = selected === null ? sum : state.histories[selected];
  $("chart-title").textContent = name;
  $("hint").hidden = SPANS[span] < 7 * DAY;
  const ofWhat = selected === null ? sharedUnit() : unit(state.places[selected].unit);
  chart.update({ series, span: SPANS[span], unit: ofWhat, name, zone: state.zone, counts: state.adds_up });
}

function refusals() {
  const said = [...(state.status.run?.withheld ?? []), ...state.refused];
  const lines = said.length ? said : ["Nothing yet. What does not verify is listed here, and shown nowhere else."];
  const list = $("refused");
  if (lines.join("\n") === list.dataset.lines) return;
  list.dataset.lines = lines.join("\n");
  list.classList.toggle("empty", !said.length);
  list.replaceChildren(...lines.map((textContent) => html("li", { textContent })));
}

// ---- what people do

function select(place) {
  if (place === null && !state.adds_up) return;
  selected = place;
  chart.hold(null);
  redraw();
}

function choose(chosen) {
  span = chosen;
  for (const button of document.querySelectorAll("[data-span]")) button.setAttribute("aria-pressed", button.dataset.span === span);
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    choose(button.dataset.span);
    redraw();
  });
}

$("measure").addEventListener("change", () => {
  measured = $("measure").value;
  selected = null;
  unlisted = true;
  redraw();
});

connect();
