// Draws the city on a canvas: ten thousand peers and their links, as they were at one time.

// Early arrivals have the strongest colour, in both themes.
const ARRIVAL_STEPS = 24;

const city = {
  canvas: byId("map-canvas"),
  // Of the part that is shown: its middle in metres, and how many times larger than the whole.
  zoom: 1,
  x: data.map.width / 2,
  y: data.map.height / 2,
  hiddenPeople: new Set(),
  hiddenClasses: new Set(),
  width: 0,
  height: 0,
  tracks: new Map(data.peers.tracks),
  hostile: new Set(data.peers.hostile),
  colours: {},
};

const hasMap = data.map.width > 0 && data.map.height > 0;

// What a peer looks like says what it is: gateways are squares, citizens triangles, others dots; those that move, diamonds.
function shapeOf(population) {
  const role = data.roles[data.peers.role[population]] || "";
  if (role === "gateway") return "square";
  if (city.moving.has(population)) return "diamond";
  return role === "citizen" ? "triangle" : "dot";
}

city.moving = new Set(data.peers.tracks.map(([peer]) => data.peers.population[peer]));
city.shapes = data.populations.map((_, population) => shapeOf(population));

function mix(stops, share) {
  const at = Math.min(0.9999, Math.max(0, share)) * (stops.length - 1);
  const [one, next] = [stops[Math.floor(at)], stops[Math.floor(at) + 1]];
  const part = (colour, n) => parseInt(colour.slice(1 + 2 * n, 3 + 2 * n), 16);
  const mixed = [0, 1, 2].map((n) => Math.round(part(one, n) + (part(next, n) - part(one, n)) * (at % 1)));
  return `rgb(${mixed.join(",")})`;
}

// Colours of the theme that holds now.
function readColours() {
  const of = (prefix, many) => Array.from({ length: many }, (_, n) => resolved(`--${prefix}${n}`));
  const stops = of("s", 6);
  city.colours = {
    people: of("p", HUES),
    links: of("l", HUES),
    arrivals: Array.from({ length: ARRIVAL_STEPS }, (_, n) => mix(stops, n / (ARRIVAL_STEPS - 1))),
  };
  for (const name of ["ink", "soft", "sheet", "street", "waiting", "alarm", "water", "park"]) city.colours[name] = resolved(`--${name}`);
}

// The map's place in the canvas: all of it is seen at zoom 1.
function layOut() {
  const host = byId("map");
  const width = host.clientWidth;
  const ratio = hasMap ? data.map.height / data.map.width : 0.6;
  const height = Math.round(Math.min(Math.max(width * ratio, 240), window.innerHeight * 0.78, 760));
  const density = Math.min(3, window.devicePixelRatio || 1);
  city.width = width;
  city.height = height;
  city.canvas.width = Math.round(width * density);
  city.canvas.height = Math.round(height * density);
  city.canvas.style.height = `${height}px`;
  city.density = density;
}

function scale() {
  const fit = Math.min((city.width - 16) / (data.map.width || 1), (city.height - 16) / (data.map.height || 1));
  return fit * city.zoom;
}

const screenX = (x, k) => city.width / 2 + (x - city.x) * k;
const screenY = (y, k) => city.height / 2 - (y - city.y) * k;

// Where a peer is at a time: on its track, or where it stands.
function placeOf(peer, at) {
  const track = city.tracks.get(peer);
  if (!track) return [data.peers.x[peer], data.peers.y[peer]];
  let low = 0;
  let high = track.length / 3;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (track[middle * 3] <= at) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return [track[1], track[2]];
  const one = (low - 1) * 3;
  if (low * 3 >= track.length) return [track[one + 1], track[one + 2]];
  const part = (at - track[one]) / (track[one + 3] - track[one] || 1);
  return [track[one + 1] + (track[one + 4] - track[one + 1]) * part, track[one + 2] + (track[one + 5] - track[one + 2]) * part];
}

// `view` says the time, and for a message the times of arrival: see player.js.
function drawCity(view) {
  const pen = city.canvas.getContext("2d");
  pen.setTransform(city.density, 0, 0, city.density, 0, 0);
  pen.clearRect(0, 0, city.width, city.height);
  const k = scale();
  drawGround(pen, k);
  drawStreets(pen, k);
  const places = data.peers.x.map((_, peer) => placeOf(peer, view.at));
  city.places = places;
  drawLinks(pen, k, places, view);
  drawPeers(pen, k, places, view);
  drawNames(pen, k);
}

function trace(pen, k, line) {
  for (let n = 0; n + 1 < line.length; n += 2) {
    const [x, y] = [screenX(line[n], k), screenY(line[n + 1], k)];
    if (n === 0) pen.moveTo(x, y);
    else pen.lineTo(x, y);
  }
}

// Shores go on beyond the map, and are not drawn there.
function drawGround(pen, k) {
  pen.save();
  pen.beginPath();
  pen.rect(screenX(0, k), screenY(data.map.height, k), data.map.width * k, data.map.height * k);
  pen.clip();
  fill(pen, k, data.map.parks, city.colours.park);
  fill(pen, k, data.map.water, city.colours.water);
  pen.restore();
}

function fill(pen, k, outlines, colour) {
  pen.fillStyle = colour;
  pen.beginPath();
  for (const outline of outlines) {
    trace(pen, k, outline);
    pen.closePath();
  }
  pen.fill();
}

function drawStreets(pen, k) {
  pen.strokeStyle = city.colours.street;
  pen.lineWidth = Math.min(7, Math.max(1, k * 9));
  pen.lineCap = "round";
  pen.lineJoin = "round";
  pen.beginPath();
  for (const street of data.map.streets) trace(pen, k, street);
  pen.stroke();
}

function drawNames(pen, k) {
  pen.font = "600 12px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = city.colours.sheet;
  pen.fillStyle = city.colours.ink;
  for (const [name, , x, y] of data.map.districts) {
    const half = pen.measureText(name).width / 2 + 4;
    const at = [Math.min(city.width - half, Math.max(half, screenX(x, k))), screenY(y, k)];
    pen.strokeText(name, ...at);
    pen.fillText(name, ...at);
  }
}

function linksAt(at) {
  const { up, down } = data.links;
  const found = [];
  for (let n = 0; n < up.length; n += 1) if (up[n] <= at && (down[n] < 0 || at < down[n])) found.push(n);
  return found;
}

function drawLinks(pen, k, places, view) {
  const { a, b, class: classes } = data.links;
  const byClass = data.classes.map(() => []);
  for (const n of linksAt(view.at)) byClass[classes[n]].push(n);
  pen.lineWidth = data.links.a.length > 4000 && k < 1 ? 0.7 : 1.1;
  byClass.forEach((links, index) => {
    if (city.hiddenClasses.has(index)) return;
    pen.globalAlpha = view.message ? 0.28 : 0.62;
    pen.strokeStyle = city.colours.links[index % HUES];
    pen.beginPath();
    for (const n of links) {
      const [ax, ay] = places[a[n]];
      const [bx, by] = places[b[n]];
      pen.moveTo(screenX(ax, k), screenY(ay, k));
      pen.lineTo(screenX(bx, k), screenY(by, k));
    }
    pen.stroke();
  });
  pen.globalAlpha = 1;
}

function mark(pen, shape, x, y, size) {
  if (shape === "square") {
    pen.rect(x - size, y - size, 2 * size, 2 * size);
  } else if (shape === "triangle") {
    pen.moveTo(x, y - size * 1.25);
    pen.lineTo(x + size * 1.2, y + size * 0.85);
    pen.lineTo(x - size * 1.2, y + size * 0.85);
    pen.closePath();
  } else if (shape === "diamond") {
    pen.moveTo(x, y - size * 1.4);
    pen.lineTo(x + size * 1.4, y);
    pen.lineTo(x, y + size * 1.4);
    pen.lineTo(x - size * 1.4, y);
    pen.closePath();
  } else {
    pen.moveTo(x + size, y);
    pen.arc(x, y, size, 0, 2 * Math.PI);
  }
}

function sizeOf(shape) {
  const crowd = Math.min(1.25, Math.max(0.62, Math.sqrt(900 / (data.peers.x.length || 1)))) * Math.min(2.2, Math.sqrt(city.zoom));
  const narrow = city.width < 520 ? 0.8 : 1;
  return crowd * narrow * (shape === "square" ? 4 : shape === "dot" ? 2.5 : 3.2);
}

// Peers of one look are drawn in one stroke.
function drawPeers(pen, k, places, view) {
  const groups = new Map();
  data.peers.population.forEach((population, peer) => {
    if (city.hiddenPeople.has(population)) return;
    const look = view.message ? lookOf(view, peer) : population;
    const name = `${city.shapes[population]} ${look}`;
    if (!groups.has(name)) groups.set(name, { shape: city.shapes[population], look, peers: [] });
    groups.get(name).peers.push(peer);
  });
  // Those that wait lie below those that have it, and dots below what is rare.
  const order = ["dot", "triangle", "diamond", "square"];
  const rank = ({ shape, look }) => (view.message && look < 0 ? 0 : 10) + order.indexOf(shape);
  for (const { shape, look, peers } of [...groups.values()].sort((one, other) => rank(one) - rank(other))) {
    const size = sizeOf(shape);
    pen.beginPath();
    for (const peer of peers) mark(pen, shape, screenX(places[peer][0], k), screenY(places[peer][1], k), size);
    pen.lineWidth = shape === "dot" ? 0.6 : 1.2;
    if (view.message && look < 0) {
      pen.strokeStyle = city.colours.waiting;
      pen.lineWidth = 1;
      pen.fillStyle = city.colours.sheet;
      pen.fill();
    } else {
      pen.strokeStyle = city.colours.sheet;
      pen.fillStyle = view.message ? city.colours.arrivals[look] : city.colours.people[look % HUES];
      pen.fill();
    }
    pen.stroke();
  }
  for (const peer of city.hostile) drawHostile(pen, screenX(places[peer][0], k), screenY(places[peer][1], k));
  if (view.message) drawAuthor(pen, screenX(places[view.message.author][0], k), screenY(places[view.message.author][1], k));
}

// The colour of a peer for a message: -1 for one that waits.
function lookOf(view, peer) {
  if (peer === view.message.author) return 0;
  const after = view.arrival[peer];
  if (after === undefined || after > view.after) return -1;
  return Math.min(ARRIVAL_STEPS - 1, Math.floor(view.rank[peer] * ARRIVAL_STEPS));
}

function drawHostile(pen, x, y) {
  pen.strokeStyle = city.colours.alarm;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x - 5, y - 5);
  pen.lineTo(x + 5, y + 5);
  pen.moveTo(x + 5, y - 5);
  pen.lineTo(x - 5, y + 5);
  pen.stroke();
}

function drawAuthor(pen, x, y) {
  for (const [radius, width] of [[7, 2.4], [12, 1.2]]) {
    pen.strokeStyle = city.colours.ink;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}
