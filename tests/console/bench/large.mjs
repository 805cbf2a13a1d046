// How long pages take with many events behind them, measured in a real Chromium.
//
//   LEDGER_BIN=… EVENTS=1000000 node bench/large.mjs
//
// With DATA the directory is kept and used again, so that the filling is paid once.

import { existsSync } from "node:fs";

import { launch, signIn, visitor } from "../lib/browser.mjs";
import { evidence, seed, uuid7 } from "../lib/seed.mjs";
import { call, startServer, until } from "../lib/server.mjs";

const EVENTS = Number(process.env.EVENTS ?? 1_000_000);
const DATA = process.env.DATA;
const LOADS = Number(process.env.LOADS ?? 21);
const BATCH = 500;

const kept = DATA !== undefined && existsSync(DATA);
const server = await startServer({ data: DATA });
// Another version of the server makes its read models anew first.
await until("the read models", () => call(server, "GET", "/v1/controls?limit=1").then(() => true, () => false), 600_000);
const size = async () => Number((await call(server, "GET", "/v1/events?limit=1")).log_size);

async function fill() {
  if (!kept) await seed(server);
  const began = Date.now();
  const controls = (await call(server, "GET", "/v1/controls?limit=100")).items.map(({ framework, control }) => ({ framework, control }));
  let sent = 0;
  let now = await size();
  const send = async () => {
    while (now < EVENTS) {
      const items = Array.from({ length: BATCH }, (_, n) => evidence({
        id: uuid7(), check: `bench/check-${(sent + n) % 40}`, probe: `bench-${(sent + n) % 100}`, target_ref: `target-${(sent + n) % 997}`,
        controls: [controls[(sent + n) % controls.length]], result: (sent + n) % 50 === 0 ? "fail" : "pass",
        title: `Evidence ${sent + n}`, summary: "As it should be.", findings: undefined, target: undefined,
      }));
      sent += BATCH;
      await call(server, "POST", "/v1/evidence/batch", { items });
    }
  };
  const watch = (async () => {
    while (now < EVENTS) {
      await new Promise((resolve) => { setTimeout(resolve, 1_000); });
      now = await size();
    }
  })();
  await Promise.all([send(), send(), send(), send(), watch]);
  return { events: now, seconds: (Date.now() - began) / 1000 };
}

const filled = await fill();
console.log(JSON.stringify({ name: "filled", ...filled }));
await until("quiet", async () => {
  const before = await size();
  await new Promise((resolve) => { setTimeout(resolve, 2_000); });
  return (await size()) === before;
}, 600_000);

const browser = await launch();
const { page } = await visitor(browser);
await signIn(page, server);
const { items } = await call(server, "GET", "/v1/evidence?limit=1");
const middle = Math.floor((await size()) / 2);
const pages = {
  overview: "/", live: "/live", alerts: "/alerts", evidence: "/evidence", "evidence, failed only": "/evidence?result=fail",
  "evidence, one probe": "/evidence?probe=bench-7", "one evidence": `/evidence/${items[0].evidence}`,
  framework: "/frameworks/starter", "framework as of a day": `/frameworks/starter?as_of=${new Date().toISOString().slice(0, 10)}`,
  control: "/frameworks/starter/host-1", probes: "/probes", "one probe": "/probes/bench-7", audit: "/audit",
  "audit, one type": "/audit?q=status+changed", "audit, rare type": "/audit?q=integration+configured", "audit, one stream": `/audit?q=evidence-${items[0].evidence}`,
  "audit, no hit": "/audit?q=nothing-like-this", "event in the middle": `/audit/${middle}`, credentials: "/credentials", exports: "/exports", tenants: "/tenants",
};
const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
let worst = 0;
for (const [name, path] of Object.entries(pages)) {
  const loads = [];
  for (let n = 0; n < LOADS; n += 1) {
    await page.goto(server.url + path, { waitUntil: "load" });
    loads.push(await page.evaluate(() => {
      const [navigation] = performance.getEntriesByType("navigation");
      return { answer: navigation.responseEnd - navigation.requestStart, load: navigation.loadEventEnd || performance.now() };
    }));
  }
  const sorted = (key) => loads.map((load) => load[key]).sort((a, b) => a - b);
  const figure = { answer_p50: at(sorted("answer"), 0.5), answer_p95: at(sorted("answer"), 0.95), load_p50: at(sorted("load"), 0.5), load_p95: at(sorted("load"), 0.95) };
  worst = Math.max(worst, figure.load_p50);
  console.log(JSON.stringify({ name, unit: "ms", ...Object.fromEntries(Object.entries(figure).map(([key, value]) => [key, Math.round(value * 10) / 10])) }));
}
console.log(JSON.stringify({ name: "worst page load", unit: "ms", value: Math.round(worst * 10) / 10, goal: 100 }));
await browser.close();
await server.stop();
