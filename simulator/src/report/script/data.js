// The data of this page, and small helpers. Names in it are anybody's: they are only ever set as text.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const it = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  it.append(...children);
  return it;
}

function drawn(name, attributes = {}, text) {
  const it = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) it.setAttribute(key, value);
  if (text !== undefined) it.textContent = text;
  return it;
}

// Populations and link classes have colours of their own; the ninth has that of the first, and another dash.
const HUES = 8;
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];
const peopleHue = (index) => `var(--p${index % HUES})`;
const linkHue = (index) => `var(--l${index % HUES})`;
const dash = (index) => DASHES[(index + Math.floor(index / HUES)) % DASHES.length];

function resolved(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const tip = byId("tip");

// Lines near the pointer; the first is a title.
function showTip(event, lines) {
  tip.replaceChildren(...lines.map((line, at) => element(at === 0 ? "strong" : "span", {}, line)));
  tip.hidden = false;
  const { innerWidth: width, innerHeight: height } = window;
  const box = tip.getBoundingClientRect();
  const x = event.clientX + 14 + box.width > width ? event.clientX - 14 - box.width : event.clientX + 14;
  const y = event.clientY + 14 + box.height > height ? event.clientY - 14 - box.height : event.clientY + 14;
  tip.style.left = `${Math.max(4, x)}px`;
  tip.style.top = `${Math.max(4, y)}px`;
}

function hideTip() {
  tip.hidden = true;
}

// The first index at which the values, which rise, are above the value.
function above(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
