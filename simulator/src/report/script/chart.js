// A frame for a chart: scales, axes, and the parts that all charts share.

const linear = (from, to, start, end) => (value) => start + ((value - from) / (to - from || 1)) * (end - start);

// Round numbers from 0 to a bit above the largest.
function steps(max, wanted) {
  if (!(max > 0)) return [0, 1];
  const rough = max / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((it) => it * power).find((it) => it >= rough * 0.999);
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, n) => n * step);
}

const TIME_STEPS = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10800, 21600, 43200, 86400, 172800, 604800,
];

function timeSteps(from, to, wanted) {
  const rough = (to - from) / wanted;
  const step = TIME_STEPS.find((it) => it >= rough) || rough || 1;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to + step * 1e-6; at += step) found.push(at);
  return found;
}

// Draws the axes into a host, which is emptied. `x` and `y` say their ticks as [place, text].
function frame(host, { height, left = 46, right = 14, top = 8, bottom = 22, label }) {
  const width = Math.max(200, host.clientWidth);
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width: "100%", role: "img", "aria-label": label });
  host.replaceChildren(svg);
  return { svg, width, height, left, right: width - right, top, bottom: height - bottom };
}

function axisX({ svg, top, bottom, left, right }, ticks) {
  for (const [x, text] of ticks) {
    svg.append(drawn("line", { class: "grid", x1: x, x2: x, y1: top, y2: bottom }));
    const anchor = x < left + 14 ? "start" : x > right - 14 ? "end" : "middle";
    svg.append(drawn("text", { class: "tick", x, y: bottom + 15, "text-anchor": anchor }, text));
  }
}

function axisY({ svg, left, right }, ticks) {
  for (const [y, text] of ticks) {
    svg.append(drawn("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }));
    svg.append(drawn("text", { class: "tick", x: left - 6, y: y + 3.5, "text-anchor": "end" }, text));
  }
}

const path = (points) => points.map(([x, y], n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

// A key for a chart: a swatch and a name for each.
function key(names, hue, withDash) {
  const list = element("ul", { class: "key" });
  names.forEach((name, index) => {
    const swatch = drawn("svg", { width: withDash ? 26 : 14, height: 10, "aria-hidden": "true" });
    const line = { x1: 1, x2: withDash ? 25 : 13, y1: 5, y2: 5, "stroke-width": withDash ? 2.5 : 9, "stroke-dasharray": withDash ? dash(index) : "" };
    swatch.append(drawn("line", line));
    swatch.firstChild.style.stroke = hue(index);
    list.append(element("li", {}, swatch, name));
  });
  return list;
}
