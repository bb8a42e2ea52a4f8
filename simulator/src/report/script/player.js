// The slider: a message on its way, or the whole run. Below it lies what it slides over: the share of readers that have the
// message, or how far readers are behind.

const PLAY_MS = 9000;
const SLIDES = 1000;

const player = { view: null, playing: null };

// A message: time goes slower where most of it happens, so that half of the readers have it at about two fifths.
function messageView(message) {
  const last = message.after.length ? message.after[message.after.length - 1] : 1;
  const end = Math.max(last * 1.02, 0.001);
  const half = message.after[Math.floor(message.after.length / 2)] || end / 2;
  const power = Math.min(6, Math.max(1, Math.log(half / end) / Math.log(0.4)));
  const arrival = {};
  const rank = {};
  message.who.forEach((peer, n) => {
    arrival[peer] = message.after[n];
    rank[peer] = n / message.who.length;
  });
  return {
    message,
    arrival,
    rank,
    slide: (after) => (Math.max(0, after) / end) ** (1 / power),
    unslide: (share) => end * share ** power,
    at: message.at + end,
    after: end,
    set(share) {
      this.after = this.unslide(share);
      this.at = message.at + this.after;
    },
    curve: () => message.after.map((after, n) => [after, (n + 1) / message.readers]),
    say() {
      const arrived = above(message.after, this.after);
      return [`${share(arrived, message.readers)} of readers`, `${count(arrived)} of ${count(message.readers)} have it, ${time(this.after)} after it was published`];
    },
  };
}

function runView() {
  const { t, lag, up, links } = data.series;
  const most = lag.reduce((max, it) => Math.max(max, it), 1);
  return {
    slide: (at) => at / (data.end || 1),
    unslide: (share) => share * data.end,
    at: data.end,
    set(share) {
      this.at = this.unslide(share);
    },
    curve: () => t.map((at, n) => [at, lag[n] / most]),
    say() {
      const n = Math.max(0, above(t, this.at) - 1);
      const fault = data.faults.filter(({ from, until }) => from <= this.at && this.at <= until).map(({ what }) => what);
      const state = t.length ? `${count(up[n])} peers up, ${count(links[n])} links, lag ${count(lag[n])}` : "";
      return [time(this.at), fault.length ? `${state} · now: ${fault.join(", ")}` : state];
    },
  };
}

// What the slider slides over.
function drawStrip() {
  const { view } = player;
  const strip = byId("strip");
  const [width, height] = [Math.max(100, strip.clientWidth), 54];
  const floor = 36;
  strip.setAttribute("viewBox", `0 0 ${width} ${height}`);
  strip.replaceChildren();
  const inset = 9;
  const x = (value) => inset + view.slide(value) * (width - 2 * inset);
  const y = (part) => floor - part * (floor - 3);
  if (!view.message) {
    for (const { from, until } of data.faults) {
      strip.append(drawn("rect", { class: "fault", x: x(from), y: 0, width: Math.max(2, x(until) - x(from)), height: floor }));
    }
  }
  const points = [[x(0), y(0)]];
  let last = -1;
  for (const [value, part] of view.curve()) {
    // Not more points than can be seen.
    if (x(value) - last >= 0.7) points.push([(last = x(value)), y(part)]);
    else points[points.length - 1][1] = Math.min(points[points.length - 1][1], y(part));
  }
  const end = points[points.length - 1];
  if (view.message) points.push([width - inset, end[1]]);
  const base = [[points[points.length - 1][0], floor], [inset, floor]];
  strip.append(drawn("path", { class: "wash", d: `${path(points.concat(base))}Z` }));
  strip.append(drawn("path", { class: "line main", d: path(points) }));
  strip.append(drawn("line", { class: "floor", x1: inset, x2: width - inset, y1: floor, y2: floor }));
  let right = -Infinity;
  for (const value of stripTicks(view)) {
    const text = shortTime(value);
    const at = Math.min(width - 4 * text.length, Math.max(4 * text.length - 2, x(value)));
    if (at - 4 * text.length < right) continue;
    right = at + 4 * text.length + 6;
    strip.append(drawn("text", { class: "tick", x: at, y: height - 4, "text-anchor": "middle" }, text));
  }
}

function stripTicks(view) {
  if (!view.message) return timeSteps(0, data.end, 8);
  const ticks = [0];
  for (let share = 0.1; share < 0.97; share += 0.1) ticks.push(Number(view.unslide(share).toPrecision(1)));
  ticks.push(Number(view.unslide(1).toPrecision(2)));
  return ticks;
}

function show() {
  const { view } = player;
  const slider = byId("time");
  view.set(slider.value / SLIDES);
  const [first, rest] = view.say();
  byId("readout").replaceChildren(element("strong", {}, first), ` ${rest}`);
  slider.setAttribute("aria-valuetext", `${first}, ${rest}`);
  drawCity(view);
}

function stop() {
  if (player.playing !== null) cancelAnimationFrame(player.playing);
  player.playing = null;
  playLabel();
}

function playLabel() {
  const playing = player.playing !== null;
  const shape = playing ? "M4 3H7V13H4ZM9 3H12V13H9Z" : "M4.5 2.5L13 8L4.5 13.5Z";
  const svg = drawn("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" });
  svg.append(drawn("path", { d: shape, fill: "currentColor" }));
  byId("play").replaceChildren(svg, playing ? "Pause" : "Play");
  byId("play").setAttribute("aria-label", playing ? "Pause" : "Play");
}

function play() {
  const slider = byId("time");
  if (Number(slider.value) >= SLIDES) slider.value = 0;
  let before = null;
  let place = Number(slider.value);
  const step = (now) => {
    place += before === null ? 0 : ((now - before) / PLAY_MS) * SLIDES;
    before = now;
    slider.value = place;
    show();
    if (place >= SLIDES) stop();
    else player.playing = requestAnimationFrame(step);
  };
  player.playing = requestAnimationFrame(step);
  playLabel();
}

function follow(which) {
  stop();
  player.view = which === "run" ? runView() : messageView(data.spread[which]);
  showRamp(player.view.message);
  byId("time").value = SLIDES;
  drawStrip();
  show();
}

// Colours go by who was first and who last, so that they tell apart as many as they can; the legend says the times.
function showRamp(message) {
  byId("ramp").hidden = !message;
  if (!message) return;
  const { after } = message;
  const at = (share) => (after.length ? time(after[Math.min(after.length - 1, Math.floor(after.length * share))]) : "–");
  byId("ramp-times").replaceChildren(...[0, 0.5, 1].map((share) => element("span", {}, at(share))));
}

function setUpPlayer() {
  const choice = byId("follow");
  data.spread.forEach((message, n) => {
    choice.append(element("option", { value: n }, `Message ${n + 1}: ${message.stream}, at ${time(message.at)}`));
  });
  choice.append(element("option", { value: "run" }, "The whole run: movement, links, faults"));
  choice.addEventListener("change", () => follow(choice.value));
  byId("time").addEventListener("input", () => {
    stop();
    show();
  });
  byId("play").addEventListener("click", () => (player.playing === null ? play() : stop()));
  playLabel();
}
