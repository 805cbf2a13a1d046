// A ledger that works with another system: a fake Jira on loopback, a ticket in conflict, and work that is parked.

import { spawn } from "node:child_process";

import { call, until } from "./server.mjs";

const FAKE = process.env.FAKE_BIN ?? new URL("../../../target/debug/examples/serve", import.meta.url).pathname;
const USER = "ledger@example.org";
/** The token that the fake takes. */
export const TOKEN = "fake-api-token-0001";

/** Starts a fake Jira; it ends with its standard input. */
export async function startJira() {
  const child = spawn(FAKE, ["jira-cloud"], { stdio: ["pipe", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    child.stdout.once("data", (chunk) => resolve(chunk.toString().trim()));
    child.once("exit", (code) => reject(new Error(`the fake ended with ${code}`)));
    child.once("error", reject);
  });
  /** What a person does there. */
  const ask = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { Authorization: `Basic ${btoa(`${USER}:${TOKEN}`)}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.stdin.end();
    await ended;
  };
  return { url, ask, stop };
}

function configuration(jira, secret) {
  return {
    base_url: jira.url, allow_networks: ["127.0.0.0/8"], allow_ports: [Number(new URL(jira.url).port)], allow_plain_http: true,
    auth: { basic: { user: USER, password: { secret } } },
    rates: { per_second: 1000, burst: 1000 }, retry: { attempts_max: 20, base_ms: 50, max_ms: 500, lookup_after_ms: 300 },
    schedule: { every_seconds: 3600 },
    adapter: {
      deployment: "cloud", project: "SEC", issue_type: "10001", site: "https://acme.example",
      statuses: { open: { name: "To Do" }, in_progress: { name: "In Progress" }, closed: { name: "Done", via: ["In Progress", "In Review"], fields: { resolution: { name: "Done" } } } },
    },
  };
}

async function integrate(server, jira, id, name, secret) {
  await call(server, "POST", "/v1/integrations", { id, kind: "jira", adapter_version: "0.1.0", name });
  await until(id, async () => JSON.stringify(await call(server, "GET", "/v1/integrations")).includes(`"${id}"`));
  await call(server, "PUT", `/v1/integrations/${id}/configuration`, { config: configuration(jira, secret) });
  await call(server, "POST", `/v1/integrations/${id}/enable`);
}

async function route(server, id, integration) {
  await call(server, "PUT", `/v1/routes/${id}`, { on: "task_opened_by_hand", severity_min: "warning", action: "open_ticket", integration, conflict: "hold" });
  await until("the route", async () => (await call(server, "GET", "/v1/routes")).items.some((item) => item.route === id));
}

const ticketOf = async (server, task, integration, fits) => until(`the ticket in ${integration}`, async () => {
  const { items } = await call(server, "GET", "/v1/tickets");
  return items.find((item) => item.task === task && item.integration === integration && fits(item));
});

/** The title that our side gives the task in conflict, and the one that theirs gives the ticket. */
export const OURS = "Revoke the keys of contractors who left";
export const THEIRS = "Contractors: keys (see wiki)";

/** Connects the ledger with two projects: one has a ticket in conflict, at the other a wrong token parks the work. */
export async function connect(server) {
  const jira = await startJira();
  await call(server, "PUT", "/v1/secrets/jira-token", { value: TOKEN });
  await call(server, "PUT", "/v1/secrets/audit-token", { value: "a token that is no longer good" });
  await integrate(server, jira, "jira-sec", "Security team", "jira-token");
  await integrate(server, jira, "jira-audit", "Internal audit", "audit-token");
  await route(server, "to-security", "jira-sec");
  const { id: task } = await call(server, "POST", "/v1/tasks", { title: "Revoke old keys", text: "Three contractors left in May.", severity: "warning" });
  const opened = await ticketOf(server, task, "jira-sec", (item) => item.state === "open" && item.remote);
  // Both sides change the title while nothing passes between them.
  await call(server, "POST", "/v1/integrations/jira-sec/pause");
  await jira.ask("PUT", `/rest/api/3/issue/${opened.remote.id}`, { fields: { summary: THEIRS } });
  await call(server, "PATCH", `/v1/tasks/${task}`, { title: OURS });
  await call(server, "POST", "/v1/integrations/jira-sec/resume");
  const ticket = await ticketOf(server, task, "jira-sec", (item) => item.conflicts === 1);
  await route(server, "to-audit", "jira-audit");
  await call(server, "DELETE", "/v1/routes/to-security");
  await until("one route", async () => (await call(server, "GET", "/v1/routes")).items.length === 1);
  const { id: waiting } = await call(server, "POST", "/v1/tasks", { title: "Name an owner of the churn model", severity: "critical" });
  const intent = await until("parked work", async () => (await call(server, "GET", "/v1/intents?state=parked")).items.find((item) => item.integration === "jira-audit"));
  return { jira, task, ticket: ticket.ticket, remote: opened.remote.id, waiting, intent: intent.intent };
}
