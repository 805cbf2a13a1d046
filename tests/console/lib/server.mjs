// A server of its own for each test file: own port, own data directory, stopped by its own process id.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BINARY = process.env.LEDGER_BIN ?? new URL("../../../target/debug/ledger", import.meta.url).pathname;
const START_MS_MAX = 60_000;

/** Starts a ledger in a new directory, or in the one given. */
export async function startServer({ data } = {}) {
  const own = data === undefined;
  const dir = data ?? mkdtempSync(join(tmpdir(), "ledger-console-"));
  const child = spawn(BINARY, ["serve", "--data", dir, "--listen", "127.0.0.1:0"], {
    env: { PATH: process.env.PATH, LEDGER_LOG_LEVEL: "warn", LEDGER_EGRESS_NETWORKS: "127.0.0.0/8" }, stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server did not start: ${said}`)), START_MS_MAX);
    const hear = (chunk) => {
      said += chunk;
      const found = said.match(/listening\s+(http:\/\/\S+)/);
      if (found) {
        clearTimeout(late);
        resolve(found[1]);
      }
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  return {
    url,
    dir,
    pid: child.pid,
    said: () => said,
    adminKey: readFileSync(join(dir, "admin.key"), "utf8").trim(),
    /** Ends the server and, where it made the directory, that too. */
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      if (own) rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Asks the API; an answer that is not 2xx is an error with its text. */
export async function call(server, method, path, body, key = server.adminKey) {
  const response = await fetch(server.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(body !== undefined && { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text.startsWith("{") ? JSON.parse(text) : text;
}

/** Asks again until the answer is what is waited for. */
export async function until(what, ask, ms = 15_000) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
