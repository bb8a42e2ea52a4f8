// Letting somebody in from the page: the token, the code, the words, the result.

import { duration } from "/format.js";

const at = (id) => document.getElementById(id);
const sections = ["unlock", "begin", "open", "asks", "over"];
const EVERY = 1_000;

/** Kept in this tab only: whoever reloads unlocks again. */
let token = "";
let shown = { state: "none" };
/** What the operator sees of somebody who asks; a decision names it. */
let asking = null;

function show(...names) {
  for (const name of sections) at(name).hidden = !names.includes(name);
}

function fail(text) {
  at("error").textContent = text;
  at("error").hidden = !text;
}

async function ask(method, path = "/api/invite", body) {
  const headers = { Authorization: `Bearer ${token}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({ error: "" }));
  const why = new Error(error || `The gateway answered ${answer.status}.`);
  why.locked = answer.status === 401 || answer.status === 403;
  throw why;
}

const place = (collection) => (collection ? `in ${collection}` : "in the whole space");
const date = (time) => new Date(time).toISOString().slice(0, 10);

/** The picture comes as text of this gateway's own making: shapes only, put in as shapes. */
function draw(svg) {
  const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
  at("qr").replaceChildren(document.importNode(parsed, true));
}

function tick() {
  const left = Math.max(0, Math.ceil((shown.until_ms - Date.now()) / 1_000));
  at("left").textContent = duration(left);
}

function render(next) {
  const another = next.code !== shown.code;
  shown = next;
  asking = null;
  if (next.state === "none") return show("begin");
  if (next.state === "open" || next.state === "asks") {
    if (another) draw(next.svg);
    at("code").value = next.code;
    at("gives").textContent = `May ${next.rights.replaceAll(",", ", ")} ${place(next.collection)} for ${next.days} days`;
    at("gone").textContent = next.gone ?? "";
    at("gone").hidden = !next.gone;
    tick();
  }
  if (next.state === "open") return show("open");
  if (next.state === "asks") {
    asking = { peer: next.peer, words: next.words };
    at("who").textContent = next.name ? `“${next.name}”, ${next.peer.slice(0, 10)},` : next.peer.slice(0, 10);
    at("words").replaceChildren(...next.words.map((word) => Object.assign(document.createElement("li"), { textContent: word })));
    return show("asks");
  }
  at("result").textContent = next.state === "joined" ? "It is in" : "It is over";
  at("detail").textContent = next.state === "joined"
    ? `${next.peer.slice(0, 10)} may ${next.rights.replaceAll(",", ", ")} ${place(next.collection)} until ${date(next.until_ms)}.`
    : `${next.why[0].toUpperCase()}${next.why.slice(1)}.`;
  show("over");
}

async function act(work) {
  try {
    await work();
    fail("");
  } catch (error) {
    fail(error.message);
    if (error.locked) {
      token = "";
      show("unlock");
    }
  }
}

const update = (method, path, body) => act(async () => render(await (await ask(method, path, body)).json()));

/** Buttons that decide are not pressed twice. */
async function decide(same) {
  if (!asking) return;
  const decision = { ...asking, same };
  at("approve").disabled = at("refuse").disabled = true;
  await update("POST", "/api/invite/decide", decision);
  at("approve").disabled = at("refuse").disabled = false;
}

at("unlock").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  at("token").value = "";
  update("GET");
});

at("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const rights = [...document.querySelectorAll("[name=right]:checked")].map((box) => box.value).join(",");
  if (!rights) return fail("Choose what it may do.");
  update("POST", "/api/invite", {
    rights,
    collection: at("collection").value.trim(),
    days: Number(at("days").value),
    lasts_s: Number(at("minutes").value) * 60,
  });
});

at("approve").addEventListener("click", () => decide(true));
at("refuse").addEventListener("click", () => decide(false));
at("cancel").addEventListener("click", () => update("DELETE"));
at("again").addEventListener("click", () => update("DELETE"));
at("code").addEventListener("focus", (event) => event.target.select());
at("save").addEventListener("click", () => act(async () => {
  const picture = await (await ask("GET", "/api/invite.png")).blob();
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(picture), download: "code.png" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), EVERY);
}));

setInterval(() => {
  if (!token || !["open", "asks"].includes(shown.state)) return;
  tick();
  // What is being decided is not drawn anew under the finger.
  if (!at("approve").disabled) {
    act(async () => {
      const next = await (await ask("GET")).json();
      if (JSON.stringify(next) !== JSON.stringify(shown)) render(next);
    });
  }
}, EVERY);

show("unlock");
at("token").focus();
