// Draws everything, and again when the page's width or theme changes or it is printed.

function drawAll() {
  readColours();
  layOut();
  drawLatency(byId("latency"));
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
// Paper is white.
const theme = (name) => {
  document.documentElement.dataset.theme = name;
  drawAll();
};
window.addEventListener("beforeprint", () => theme("light"));
window.addEventListener("afterprint", () => theme(""));
