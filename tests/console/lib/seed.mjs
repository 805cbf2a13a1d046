// What a small company's ledger holds after a day: made through the API as probes and people would.

import { randomBytes } from "node:crypto";

import { call, until } from "./server.mjs";

/** A UUIDv7. */
export function uuid7(ms = Date.now()) {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(ms, 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const time = (ms) => new Date(ms).toISOString().replace("Z", "000Z");

/** One piece of evidence, with what the test says over a plain pass. */
export function evidence(over = {}) {
  const now = Date.now() - 1_000;
  return {
    id: uuid7(), check: "linux-host/kernel-settings", probe: "host-web-1", target_ref: "web-1",
    controls: [{ framework: "starter", control: "host-4" }], result: "pass", checked: 12, skipped: 0,
    observed_from: time(now - 4_000), observed_to: time(now), sent_at: time(now), cadence_seconds: 86_400,
    title: "Kernel settings are defensive", summary: "All twelve settings have the value that is asked for.",
    target: "web-1.example.test", ...over,
  };
}

/** The failed host check that tests follow. */
export const FAILED_TITLE = "Remote root login is allowed";

/** Fills a new ledger and gives the ids of what tests look for. */
export async function seed(server) {
  await call(server, "POST", "/v1/frameworks/starter");
  for (const [id, kind, name] of [["host-web-1", "linux-host", "Web server 1"], ["host-db-1", "linux-host", "Database server"], ["models", "mlflow", "Model registry"]]) {
    await call(server, "POST", "/v1/probes", { id, kind, cadence_seconds: 3600, name });
  }
  const beat = { sent_at: time(Date.now()), cadence_seconds: 3600, version: "0.1.0" };
  await call(server, "POST", "/v1/probes/host-web-1/heartbeat", { ...beat, spool_events: 0, spool_bytes: 0 });
  await call(server, "POST", "/v1/probes/host-db-1/heartbeat", { ...beat, spool_events: 214, spool_bytes: 1_300_000 });
  const controls = (...ids) => ids.map((control) => ({ framework: "starter", control }));
  const failed = evidence({
    check: "linux-host/sshd-permit-root-login", controls: controls("host-1", "access-1"), result: "fail", checked: 6,
    title: FAILED_TITLE, summary: "The SSH server lets the superuser in by password.",
    findings: [
      { file: "/etc/ssh/sshd_config.d/50-legacy.conf", line: 3, setting: "PermitRootLogin", value: "yes", expected: "no or prohibit-password" },
      { file: "/etc/ssh/sshd_config", line: 57, setting: "PermitEmptyPasswords", value: "yes", expected: "no" },
    ],
  });
  const all = [
    failed,
    evidence(),
    evidence({ check: "linux-host/sudoers", controls: controls("host-2", "access-2"), title: "Administrator rights are named", checked: 4 }),
    evidence({ check: "linux-host/world-writable", controls: controls("host-3"), title: "Nothing in /etc and /usr is writable by all", checked: 48_211, skipped: 37 }),
    evidence({ check: "linux-host/listening-sockets", controls: controls("host-5"), title: "Only expected services listen", checked: 9 }),
    evidence({ check: "linux-host/kernel-settings", probe: "host-db-1", target_ref: "db-1", controls: controls("host-4", "db-1"), title: "Kernel settings of the database server" }),
    evidence({ check: "postgres/hba-rules", probe: "host-db-1", target_ref: "db-1", controls: controls("db-2"), result: "pass", checked: 0, title: "Host-based access rules" }),
    evidence({ check: "postgres/tls", probe: "host-db-1", target_ref: "db-1", controls: controls("db-3"), result: "error", checked: 0, title: "TLS of the database", summary: "The server closed the connection." }),
    evidence({ check: "mlflow/owners", probe: "models", target_ref: "registry", controls: controls("ai-1", "ai-2"), result: "fail", checked: 31, title: "Registered models without an owner", findings: [{ model: "churn-v2", missing: "owner" }, { model: "credit-risk", missing: "owner" }] }),
    evidence({ check: "mlflow/approvals", probe: "models", target_ref: "registry", controls: controls("ai-3"), checked: 31, title: "Models in production are approved" }),
    evidence({ check: "mlflow/lineage", probe: "models", target_ref: "registry", controls: controls("ai-4"), result: "not_applicable", checked: 0, title: "Lineage of external models" }),
    evidence({ check: "linux-host/audit-daemon", controls: controls("log-1"), title: "Audit log is written", cadence_seconds: 1 }),
  ];
  for (const item of all) await call(server, "POST", "/v1/evidence", item);
  await call(server, "POST", "/v1/integrations", { id: "jira-main", kind: "jira", adapter_version: "1.0.0", name: "Jira of the platform team", endpoint: "https://jira.example.test" });
  await call(server, "PUT", "/v1/integrations/jira-main/configuration", { config: { base_url: "https://jira.example.test", adapter: { deployment: "cloud", project: "GOV", issue_type: "10001", statuses: { open: { name: "To Do" } } } }, cadence_seconds: 300 });
  await call(server, "POST", "/v1/integrations", { id: "slack-audit", kind: "slack", adapter_version: "1.2.0", name: "Approvals in Slack", endpoint: "https://slack.example.test" });
  const viewer = await call(server, "POST", "/v1/credentials", { role: "viewer", label: "External auditor" });
  const probe = await call(server, "POST", "/v1/credentials", { role: "probe", label: "Probe of the web server", probe: "host-web-1" });
  await until("the failed control", async () => {
    const control = await call(server, "GET", "/v1/controls/starter/host-1");
    return JSON.stringify(control).includes('"fail"');
  });
  await until("the stale control", async () => JSON.stringify(await call(server, "GET", "/v1/controls/starter/log-1")).includes("stale"));
  const who = await call(server, "GET", "/v1/whoami");
  return { failed, viewer: viewer.key, viewerId: viewer.id, probe: probe.key, tenant: who.tenant, trust: who.trust };
}
