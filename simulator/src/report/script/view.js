// The legend, which hides and shows, and what the pointer does on the map: near a peer it says who that is, with Ctrl and
// the wheel or with the buttons it comes closer, and it drags.

const ZOOM_MAX = 24;

function closer(factor, x = city.width / 2, y = city.height / 2) {
  const before = scale();
  const zoom = Math.min(ZOOM_MAX, Math.max(1, city.zoom * factor));
  // What is below the pointer stays there.
  const [east, north] = [city.x + (x - city.width / 2) / before, city.y - (y - city.height / 2) / before];
  city.zoom = zoom;
  const k = scale();
  city.x = east - (x - city.width / 2) / k;
  city.y = north + (y - city.height / 2) / k;
  stayInside();
}

function stayInside() {
  if (city.zoom === 1) [city.x, city.y] = [data.map.width / 2, data.map.height / 2];
  city.x = Math.min(data.map.width, Math.max(0, city.x));
  city.y = Math.min(data.map.height, Math.max(0, city.y));
}

function nearestPeer(x, y) {
  const k = scale();
  let best = null;
  let least = 12 ** 2;
  (city.places || []).forEach(([east, north], peer) => {
    if (city.hiddenPeople.has(data.peers.population[peer])) return;
    const distance = (screenX(east, k) - x) ** 2 + (screenY(north, k) - y) ** 2;
    if (distance < least) [best, least] = [peer, distance];
  });
  return best;
}

function aboutPeer(peer, view) {
  const { population, role, district } = data.peers;
  const lines = [`Peer ${peer}, ${data.populations[population[peer]]}`, data.roles[role[population[peer]]]];
  if (district[peer] >= 0) lines.push(`in ${data.map.districts[district[peer]][0]}`);
  if (city.hostile.has(peer)) lines.push("hostile");
  if (view.message) {
    const after = view.arrival[peer];
    if (peer === view.message.author) lines.push("published it");
    else if (after === undefined) lines.push("never got it, or does not read it");
    else lines.push(after <= view.after ? `got it after ${time(after)}` : "has not got it yet");
  }
  const links = linksAt(view.at).filter((n) => data.links.a[n] === peer || data.links.b[n] === peer);
  lines.push(links.length === 1 ? "1 link" : `${links.length} links`);
  return lines;
}

function watchMap(view, redraw) {
  const { canvas } = city;
  let dragged = null;
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    closer(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY);
    redraw();
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    if (city.zoom === 1) return;
    dragged = [event.clientX, event.clientY];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragged) {
      const k = scale();
      city.x -= (event.clientX - dragged[0]) / k;
      city.y += (event.clientY - dragged[1]) / k;
      dragged = [event.clientX, event.clientY];
      stayInside();
      redraw();
      return;
    }
    const peer = nearestPeer(event.offsetX, event.offsetY);
    if (peer === null) hideTip();
    else showTip(event, aboutPeer(peer, view()));
  });
  const end = () => {
    dragged = null;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", hideTip);
  const buttons = element("div", { class: "zoom" });
  for (const [text, label, factor] of [["+", "Closer", 1.6], ["−", "Farther", 1 / 1.6]]) {
    const button = element("button", { type: "button", "aria-label": label, title: `${label} (Ctrl and wheel)` }, text);
    button.addEventListener("click", () => {
      closer(factor);
      redraw();
    });
    buttons.append(button);
  }
  byId("map").append(buttons);
}

function swatch(shape, colour) {
  const circle = "M8 4A4 4 0 1 1 7.99 4Z";
  const paths = {
    square: "M4 4H12V12H4Z",
    triangle: "M8 3L13 12H3Z",
    diamond: "M8 2.5L13.5 8L8 13.5L2.5 8Z",
    dot: circle,
    ring: circle,
    line: "M0 8H16",
    cross: "M4 4L12 12M12 4L4 12",
  };
  const svg = drawn("svg", { width: 16, height: 16, viewBox: "0 0 16 16", "aria-hidden": "true" });
  const it = drawn("path", { d: paths[shape] });
  if (shape === "line" || shape === "cross" || shape === "ring") {
    it.style.stroke = colour;
    it.style.strokeWidth = { line: 3, cross: 2, ring: 1.4 }[shape];
    it.style.fill = "none";
  } else it.style.fill = colour;
  svg.append(it);
  return svg;
}

function entry(hidden, index, picture, name, many, redraw) {
  const button = element("button", { type: "button", "aria-pressed": "true" }, picture, element("span", {}, name), element("small", {}, count(many)));
  button.addEventListener("click", () => {
    if (!hidden.delete(index)) hidden.add(index);
    button.setAttribute("aria-pressed", String(!hidden.has(index)));
    redraw();
  });
  return button;
}

function drawLegend(redraw) {
  const tally = (indices, many) => indices.reduce((sums, index) => ((sums[index] += 1), sums), Array(many).fill(0));
  const people = tally(data.peers.population, data.populations.length);
  const links = tally(data.links.class, data.classes.length);
  const peers = element("div", {}, element("h3", {}, "Peers"));
  data.populations.forEach((name, n) => peers.append(entry(city.hiddenPeople, n, swatch(city.shapes[n], peopleHue(n)), name, people[n], redraw)));
  if (city.hostile.size > 0) {
    peers.append(element("p", {}, swatch("cross", "var(--alarm)"), element("span", {}, "hostile"), element("small", {}, count(city.hostile.size))));
  }
  const classes = element("div", {}, element("h3", {}, "Links, in all"));
  data.classes.forEach((name, n) => {
    if (links[n] > 0) classes.append(entry(city.hiddenClasses, n, swatch("line", linkHue(n)), name, links[n], redraw));
  });
  const ramp = element("div", { class: "ramp", id: "ramp" }, element("h3", {}, "Arrived, from first to last"), element("i", {}), element("div", { id: "ramp-times" }));
  ramp.append(element("p", {}, swatch("ring", "var(--waiting)"), element("span", {}, "not yet, or no reader")));
  byId("legend").replaceChildren(ramp, peers, classes);
}
