// The live page: rows arrive as the server rendered them, once for all viewers.

const body = document.getElementById("live-rows");
const state = document.getElementById("live-state");
const pause = document.getElementById("live-pause");
const ROWS_MAX = 200;
const WORDS = { live: "Live", lost: "Connection lost, trying again", paused: "Paused" };
let held = [];

function show(name) {
  state.dataset.state = name;
  state.textContent = WORDS[name];
}

function add(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  for (const row of template.content.querySelectorAll("tr")) {
    if (document.getElementById(row.id)) continue;
    row.classList.add("arrives");
    body.prepend(row);
  }
  document.getElementById("live-empty")?.remove();
  while (body.rows.length > ROWS_MAX) body.rows[body.rows.length - 1].remove();
}

const paused = () => pause.getAttribute("aria-pressed") === "true";

const source = new EventSource(body.dataset.source);
source.addEventListener("open", () => show(paused() ? "paused" : "live"));
source.addEventListener("error", () => show("lost"));
source.addEventListener("rows", (event) => {
  if (!paused()) return add(event.data);
  held.push(event.data);
  held = held.slice(-ROWS_MAX);
  return undefined;
});
// The server drops what a slow viewer cannot take and says so: the page begins anew from what is stored.
source.addEventListener("resync", () => window.location.reload());

pause.hidden = false;
pause.addEventListener("click", () => {
  pause.setAttribute("aria-pressed", String(!paused()));
  if (!paused()) held.splice(0).forEach(add);
  show(paused() ? "paused" : "live");
});
addEventListener("pagehide", () => source.close());
