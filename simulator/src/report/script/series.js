// What was counted over time: small charts one below the other, with one time axis and one line for the pointer.

// Sums become rates between two samples; the first sample has that of the second.
function rates(sums) {
  const { t } = data.series;
  const rate = (n) => Math.max(0, (sums[n] - sums[n - 1]) / (t[n] - t[n - 1] || 1));
  return sums.map((_, n) => rate(Math.max(1, n)));
}

function panels() {
  const { up, links, lag, delivered, bytes: sums, airtime } = data.series;
  const radio = airtime.map((_, n) => n).filter((n) => airtime[n].some((seconds) => seconds > 0));
  const all = [
    { title: "Lag", note: "entries × readers not there yet", lines: [lag], format: short },
    { title: "Deliveries a second", note: "readings × readers", lines: [rates(delivered)], format: short },
    { title: "Peers up", lines: [up], format: short },
    { title: "Links", lines: [links], format: short },
  ];
  if (sums.length > 0) {
    all.push({ title: "Traffic a second", note: "bytes on the wire, by link class", stack: sums.map(rates), classes: sums.map((_, n) => n), format: (it) => bytes(it) });
  }
  if (radio.length > 0) {
    all.push({ title: "Airtime a second", note: "seconds of air taken, over all senders", stack: radio.map((n) => rates(airtime[n])), classes: radio, format: (it) => `${short(it)} s` });
  }
  return all;
}

function drawSeries(host) {
  const { t } = data.series;
  if (t.length < 2) {
    host.replaceChildren(element("p", { class: "soft" }, "Nothing was counted over time in this run."));
    return;
  }
  const grid = element("div", { class: "panels" });
  host.replaceChildren(grid);
  // All have their place before the first is drawn, so that each knows its width.
  const placed = panels().map((panel) => [panel, placePanel(grid, panel)]);
  const moves = placed.map(([panel, place]) => drawPanel(panel, place));
  const clear = () => moves.forEach((move) => move(null));
  grid.addEventListener("pointermove", (event) => {
    const figure = event.target.closest("figure");
    if (!figure) return clear();
    const svg = figure.querySelector("svg");
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    const { left, right } = svg.chart;
    const at = linear(left, right, 0, data.end)(Math.min(right, Math.max(left, x)));
    const after = Math.min(t.length - 1, above(t, at));
    const index = after > 0 && at - t[after - 1] < t[after] - at ? after - 1 : after;
    return moves.forEach((move) => move(index));
  });
  grid.addEventListener("pointerleave", clear);
}

function placePanel(grid, { title, note, classes }) {
  const value = element("span", { class: "value" });
  const body = element("div", {});
  const caption = element("figcaption", {}, element("b", {}, title), note ? ` ${note}` : "", value);
  const figure = element("figure", {}, caption);
  // In the order in which they lie on each other.
  if (classes) figure.append(key(classes.map((n) => data.classes[n]), (index) => linkHue(classes[index]), false));
  figure.append(body);
  grid.append(figure);
  return { body, value };
}

// Returns what sets the pointer's line to a sample, or away.
function drawPanel(panel, { body, value }) {
  const { t } = data.series;
  const chart = frame(body, { height: 158, left: 52, top: 14, label: panel.title });
  chart.svg.chart = chart;
  const layers = panel.stack ? stacked(panel.stack) : panel.lines;
  const ticks = steps(Math.max(...layers.map((layer) => layer.reduce((most, it) => Math.max(most, it), 0))), 3);
  const x = linear(0, data.end, chart.left, chart.right);
  const y = linear(0, ticks[ticks.length - 1], chart.bottom, chart.top);
  shade(chart, x);
  axisX(chart, timeSteps(0, data.end, chart.width / 90).map((at) => [x(at), shortTime(at)]));
  axisY(chart, ticks.map((it) => [y(it), panel.format(it)]));
  if (panel.stack) {
    layers.forEach((layer, n) => {
      const below = n === 0 ? t.map(() => 0) : layers[n - 1];
      const there = t.map((at, index) => [x(at), y(layer[index])]);
      const back = t.map((at, index) => [x(at), y(below[index])]).reverse();
      const area = drawn("path", { class: "area", d: `${path(there.concat(back))}Z` });
      area.style.fill = linkHue(panel.classes[n]);
      chart.svg.append(area);
    });
  } else {
    const points = t.map((at, index) => [x(at), y(panel.lines[0][index])]);
    const base = [[x(t[t.length - 1]), y(0)], [x(t[0]), y(0)]];
    chart.svg.append(drawn("path", { class: "wash", d: `${path(points.concat(base))}Z` }));
    chart.svg.append(drawn("path", { class: "line main", d: path(points) }));
  }
  const cross = drawn("line", { class: "cross", y1: chart.top, y2: chart.bottom, visibility: "hidden" });
  chart.svg.append(cross);
  return (index) => {
    cross.setAttribute("visibility", index === null ? "hidden" : "visible");
    value.textContent = index === null ? "" : `${panel.format(layers[layers.length - 1][index])} at ${time(t[index])}`;
    if (index === null) return;
    cross.setAttribute("x1", x(t[index]));
    cross.setAttribute("x2", x(t[index]));
  };
}

function stacked(layers) {
  const sums = data.series.t.map(() => 0);
  return layers.map((layer) => layer.map((value, n) => (sums[n] += value)));
}

// Faults from their beginning to their end, and on to where all agreed. Their numbers are those of the table.
function shade({ svg, top, bottom }, x) {
  let right = -Infinity;
  for (const [n, { what, from, until, agreed }] of data.faults.entries()) {
    if (x(from) > right + 10) {
      right = x(from);
      svg.append(drawn("text", { class: "tick", x: right, y: top - 3, "text-anchor": "start" }, String(n + 1)));
    }
    const width = Math.max(2, x(until) - x(from));
    const band = drawn("rect", { class: "fault", x: x(from), y: top, width, height: bottom - top });
    band.append(drawn("title", {}, `${what}: ${time(from)} to ${time(until)}`));
    svg.append(band);
    if (agreed !== null) {
      const end = x(Math.min(data.end, until + agreed));
      const tail = drawn("rect", { class: "recovery", x: x(from) + width, y: top, width: Math.max(1, end - x(from) - width), height: bottom - top });
      tail.append(drawn("title", {}, `all agreed ${time(agreed)} after: ${what}`));
      svg.append(tail);
    }
  }
}
