// How long deliveries took, as the share that was done within a time. Time goes by powers of ten, and so does what is not
// done yet: the last one in a thousand has as much room as the first half.

const NINES_MAX = 4;

function nines(done) {
  return done >= 1 ? NINES_MAX : Math.min(NINES_MAX, -Math.log10(1 - done));
}

function drawLatency(host) {
  const all = data.latency.filter((it) => it.points.length > 0);
  if (all.length === 0) {
    host.replaceChildren();
    return;
  }
  // As on the map, where the population is there too.
  const hues = all.map((it, index) => {
    const known = data.populations.indexOf(it.name);
    return known < 0 ? index : known;
  });
  const total = (it) => it.points[it.points.length - 1][1];
  const firsts = all.map((it) => it.points.find((point) => point[1] >= total(it) * 0.005)[0]);
  const lasts = all.map((it) => it.points[it.points.length - 1][0]);
  const from = Math.max(0.001, Math.min(...firsts)) * 0.8;
  const to = Math.max(from * 10, ...lasts) * 1.05;
  const body = element("div", {});
  host.replaceChildren(key(all.map((it) => it.name), (index) => peopleHue(hues[index]), true), body);
  const chart = frame(body, { height: host.clientWidth < 560 ? 240 : 320, left: 56, label: "Share of deliveries done within a time, by readers" });
  const deepest = Math.max(...all.map(total));
  const top = Math.min(NINES_MAX, Math.max(1, Math.log10(deepest)));
  const x = (ms) => linear(Math.log10(from), Math.log10(to), chart.left, chart.right)(Math.log10(ms));
  const y = (done) => linear(0, top, chart.bottom, chart.top)(Math.min(top, nines(done)));
  const powers = [];
  for (let power = Math.ceil(Math.log10(from)); 10 ** power <= to; power += 1) {
    powers.push([x(10 ** power), shortTime(10 ** power / 1000)]);
  }
  axisX(chart, powers);
  const shares = [0, 0.5, 0.9, 0.99, 0.999, 0.9999].filter((done) => nines(done) <= top + 1e-9);
  axisY(chart, shares.map((done) => [y(done), `${Number((done * 100).toFixed(2))} %`]));
  all.forEach((it, index) => {
    const points = [[x(Math.max(from, it.points[0][0])), y(0)]];
    for (const [ms, sum] of it.points) if (ms >= from) points.push([x(ms), y(sum / total(it))]);
    const line = drawn("path", { class: "line", d: path(points), "stroke-dasharray": dash(index) });
    line.style.stroke = peopleHue(hues[index]);
    chart.svg.append(line);
  });
  const cross = drawn("line", { class: "cross", y1: chart.top, y2: chart.bottom, visibility: "hidden" });
  chart.svg.append(cross);
  chart.svg.addEventListener("pointermove", (event) => {
    const box = chart.svg.getBoundingClientRect();
    const at = Math.min(chart.right, Math.max(chart.left, ((event.clientX - box.left) / box.width) * chart.width));
    const ms = 10 ** linear(chart.left, chart.right, Math.log10(from), Math.log10(to))(at);
    cross.setAttribute("x1", at);
    cross.setAttribute("x2", at);
    cross.setAttribute("visibility", "visible");
    const lines = all.map((it) => {
      const index = above(it.points.map((point) => point[0]), ms);
      return `${it.name}: ${share(index ? it.points[index - 1][1] : 0, total(it))}`;
    });
    showTip(event, [`Within ${time(ms / 1000)}`, ...lines]);
  });
  chart.svg.addEventListener("pointerleave", () => {
    cross.setAttribute("visibility", "hidden");
    hideTip();
  });
}
