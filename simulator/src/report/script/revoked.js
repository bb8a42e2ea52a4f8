// How a revocation spread: the share of the peers that could be reached and knew of it, over the time since it was issued. Time
// goes by powers of ten from 10 ms on, and what does not know yet as in the chart of latencies: the last one in a hundred has as
// much room as the nine before it.

function drawRevoked(host) {
  const all = data.revocations;
  const FROM = 0.01;
  const body = element("div", {});
  const names = all.map((it) => it.what);
  host.replaceChildren(key(names, peopleHue, true), body);
  const chart = frame(body, { height: host.clientWidth < 560 ? 240 : 320, left: 56, label: "Share of the peers that could be reached and knew of a revocation, over time" });
  const last = Math.max(...all.map((it) => Math.max(it.exposed, it.after.length ? it.after[it.after.length - 1] : 0)));
  const to = Math.max(40, last * 1.2);
  const deepest = Math.max(10, ...all.map((it) => it.reachable));
  const top = Math.min(NINES_MAX, Math.log10(deepest) * 1.05);
  const x = (s) => linear(Math.log10(FROM), Math.log10(to), chart.left, chart.right)(Math.log10(Math.max(FROM, s)));
  const y = (done) => linear(0, top, chart.bottom, chart.top)(Math.min(top, nines(done)));
  const powers = [];
  for (let power = -2; 10 ** power <= to; power += 1) powers.push([x(10 ** power), shortTime(10 ** power)]);
  axisX(chart, powers);
  const shares = [0, 0.5, 0.9, 0.99, 0.999, 0.9999].filter((done) => nines(done) <= top + 1e-9);
  axisY(chart, shares.map((done) => [y(done), `${Number((done * 100).toFixed(2))} %`]));
  // What a city is held to: 99 in 100 within five seconds, all within thirty.
  for (const [s, text] of [[5, "99 % by 5 s"], [30, "all by 30 s"]]) {
    chart.svg.append(drawn("line", { class: "cross", x1: x(s), x2: x(s), y1: chart.top, y2: chart.bottom, "stroke-dasharray": "2 3" }));
    chart.svg.append(drawn("text", { class: "tick", x: x(s) - 4, y: chart.bottom - 6, "text-anchor": "end" }, text));
  }
  all.forEach((it, index) => {
    const points = [[x(FROM), y(0)]];
    it.after.forEach((after, n) => {
      points.push([x(after), points[points.length - 1][1]]);
      points.push([x(after), y((n + 1) / it.reachable)]);
    });
    points.push([x(to), points[points.length - 1][1]]);
    const line = drawn("path", { class: "line", d: path(points), "stroke-dasharray": dash(index) });
    line.style.stroke = peopleHue(index);
    chart.svg.append(line);
    if (it.bytes > 0) {
      // The exposure window ends here.
      const end = drawn("circle", { cx: x(it.exposed), cy: chart.bottom, r: 4 });
      end.style.fill = peopleHue(index);
      chart.svg.append(end);
    }
  });
  const cross = drawn("line", { class: "cross", y1: chart.top, y2: chart.bottom, visibility: "hidden" });
  chart.svg.append(cross);
  chart.svg.addEventListener("pointermove", (event) => {
    const box = chart.svg.getBoundingClientRect();
    const at = Math.min(chart.right, Math.max(chart.left, ((event.clientX - box.left) / box.width) * chart.width));
    const s = 10 ** linear(chart.left, chart.right, Math.log10(FROM), Math.log10(to))(at);
    cross.setAttribute("x1", at);
    cross.setAttribute("x2", at);
    cross.setAttribute("visibility", "visible");
    const lines = all.map((it) => `${it.what}: ${share(above(it.after, s), it.reachable)}`);
    showTip(event, [`${time(s)} after it was issued`, ...lines]);
  });
  chart.svg.addEventListener("pointerleave", () => {
    cross.setAttribute("visibility", "hidden");
    hideTip();
  });
}
