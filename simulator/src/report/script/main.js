// Draws everything, and again when the page's width or theme changes or it is printed.

function drawAll() {
  readColours();
  layOut();
  drawLatency(byId("latency"));
  if (byId("revoked")) drawRevoked(byId("revoked"));
  drawSeries(byId("series"));
  drawStrip();
  show();
}

document.documentElement.classList.add("with-script");
readColours();
layOut();
setUpPlayer();
drawLegend(show);
watchMap(() => player.view, show);
follow(byId("follow").value);
drawAll();

let width = document.documentElement.clientWidth;
window.addEventListener("resize", () => {
  if (document.documentElement.clientWidth === width) return;
  width = document.documentElement.clientWidth;
  drawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
// Paper is white, and narrow.
function printing(on) {
  document.documentElement.dataset.theme = on ? "light" : "";
  document.documentElement.classList.toggle("printing", on);
  drawAll();
}
window.addEventListener("beforeprint", () => printing(true));
window.addEventListener("afterprint", () => printing(false));
