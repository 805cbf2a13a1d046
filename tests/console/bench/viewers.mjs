// What watching costs those who append: the same load without and with viewers of the live page, in turns.
//
//   LEDGER_BIN=… VIEWERS=200 node bench/viewers.mjs

import { get } from "node:http";

import { evidence, seed, uuid7 } from "../lib/seed.mjs";
import { call, startServer } from "../lib/server.mjs";

const VIEWERS = Number(process.env.VIEWERS ?? 200);
const SECONDS = Number(process.env.SECONDS ?? 10);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const SENDERS = 8;
const BATCH = 50;

const server = await startServer();
await seed(server);
const signedIn = await fetch(`${server.url}/sign-in`, { method: "POST", redirect: "manual", body: new URLSearchParams({ key: server.adminKey }) });
const cookie = signedIn.headers.get("set-cookie").split(";")[0];

/** Appends for a while and gives evidence per second and the latency of a batch. */
async function load() {
  const end = Date.now() + SECONDS * 1000;
  const took = [];
  const sender = async () => {
    while (Date.now() < end) {
      const items = Array.from({ length: BATCH }, () => evidence({ id: uuid7(), controls: [{ framework: "starter", control: "host-4" }] }));
      const began = performance.now();
      await call(server, "POST", "/v1/evidence/batch", { items });
      took.push(performance.now() - began);
    }
  };
  const began = Date.now();
  await Promise.all(Array.from({ length: SENDERS }, sender));
  took.sort((a, b) => a - b);
  return { per_second: (took.length * BATCH * 1000) / (Date.now() - began), p50_ms: took[took.length >> 1], p99_ms: took[Math.floor(took.length * 0.99)] };
}

/** Opens the stream as a browser does and counts what comes. */
function watch() {
  const seen = { rows: 0, bytes: 0, resync: 0 };
  const request = get(`${server.url}/live/stream`, { headers: { Cookie: cookie, Accept: "text/event-stream" }, agent: false }, (answer) => {
    if (answer.statusCode !== 200) throw new Error(`the stream answered ${answer.statusCode}`);
    answer.setEncoding("utf8");
    answer.on("data", (chunk) => {
      seen.bytes += chunk.length;
      seen.rows += chunk.split("event: rows").length - 1;
      seen.resync += chunk.split("event: resync").length - 1;
    });
    answer.on("error", () => {});
  });
  request.on("error", () => {});
  return { seen, end: () => request.destroy() };
}

const results = { without: [], with: [] };
await load();
for (let round = 0; round < ROUNDS; round += 1) {
  results.without.push(await load());
  const viewers = Array.from({ length: VIEWERS }, watch);
  await new Promise((resolve) => { setTimeout(resolve, 1_000); });
  results.with.push(await load());
  const messages = viewers.map(({ seen }) => seen.rows);
  console.log(JSON.stringify({ name: "viewers", viewers: VIEWERS, messages_least: Math.min(...messages), messages_most: Math.max(...messages), resyncs: viewers.reduce((sum, { seen }) => sum + seen.resync, 0) }));
  viewers.forEach(({ end }) => end());
}
const median = (list, key) => list.map((one) => one[key]).sort((a, b) => a - b)[list.length >> 1];
for (const key of ["per_second", "p50_ms", "p99_ms"]) {
  const [without, with_] = [median(results.without, key), median(results.with, key)];
  console.log(JSON.stringify({ name: key, without: Math.round(without * 10) / 10, with: Math.round(with_ * 10) / 10, ratio: Math.round((with_ / without) * 1000) / 1000 }));
}
await server.stop();
