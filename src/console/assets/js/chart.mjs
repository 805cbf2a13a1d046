// Draws the table of a figure as lines. The table stays in the page for whoever cannot see the drawing.

/** A token's colour in the present theme. */
function colour(token) {
  const probe = document.createElement("span");
  document.body.append(probe);
  probe.style.color = `var(${token})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function read(table) {
  const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => ({
    label: cell.textContent.trim(), token: cell.dataset.colour,
  }));
  const rows = [...table.tBodies[0].rows];
  const seconds = rows.map((row) => Date.parse(row.cells[0].dataset.time) / 1000);
  const columns = names.map((_, at) => rows.map((row) => {
    const text = row.cells[at + 1].textContent.trim();
    return text === "" ? null : Number(text);
  }));
  return { names, data: [seconds, ...columns] };
}

/** A moment in UTC: the time of day where the whole chart lies within a few days, else the day. */
function moment(seconds, short) {
  const text = new Date(seconds * 1000).toISOString();
  const clock = text.slice(11, 16);
  return short && clock !== "00:00" ? clock : text.slice(5, 10);
}
const HEIGHT = 220;

function draw(figure) {
  const place = figure.querySelector("[data-plot]");
  const tip = figure.querySelector(".chart-tip");
  const { names, data } = read(figure.querySelector("table"));
  if (data[0].length < 2) return undefined;
  const short = data[0].at(-1) - data[0][0] < 4 * 86_400;
  const [ink, line] = [colour("--ink-soft"), colour("--line")];
  const font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const axis = { stroke: ink, font, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
  const width = () => Math.max(240, Math.floor(place.clientWidth));
  const said = (at) => names.map(({ label }, column) => `${label} ${data[column + 1][at] ?? "–"}`).join(", ");
  place.replaceChildren();
  const plot = new window.uPlot({
    width: width(),
    height: HEIGHT,
    tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    padding: [8, 34, 0, 0],
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_, low, high) => [0, Math.max(4, high)] } },
    series: [{}, ...names.map(({ label, token }) => ({
      label, stroke: colour(token), width: 2, points: { show: false },
      paths: window.uPlot.paths.stepped({ align: 1 }),
    }))],
    axes: [{ ...axis, space: 70, values: (_, ticks) => ticks.map((tick) => moment(tick, short)) }, { ...axis, size: 44 }],
    hooks: {
      setCursor: [({ cursor: { idx } }) => {
        tip.textContent = idx == null ? tip.dataset.rest : `${moment(data[0][idx], short)}: ${said(idx)}`;
      }],
    },
  }, data, place);
  const observer = new ResizeObserver(() => {
    if (plot.width !== width()) plot.setSize({ width: width(), height: HEIGHT });
  });
  observer.observe(place);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}

let undo = [];
function drawAll() {
  undo.forEach((end) => end?.());
  undo = [...document.querySelectorAll("figure[data-chart]")].map(draw);
}
drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
