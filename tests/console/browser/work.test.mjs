// What people do about other systems: decide a conflict, try parked work again, run now, roll a configuration back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, signIn, visitor } from "../lib/browser.mjs";
import { call, startServer, until } from "../lib/server.mjs";
import { OURS, THEIRS, TOKEN, connect } from "../lib/work.mjs";

let server;
let browser;
let work;
let page;
let complaints;

before(async () => {
  server = await startServer();
  work = await connect(server);
  browser = await launch();
  ({ page, complaints } = await visitor(browser));
  await signIn(page, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await work?.jira.stop();
});

const summary = async (id) => (await work.jira.ask("GET", `/rest/api/3/issue/${id}`)).fields.summary;
const said = (text) => page.locator(".notice.good", { hasText: text }).waitFor();

test("a conflict is shown with both sides and decided", async () => {
  await page.goto(`${server.url}/tickets`);
  await page.getByText("1 to decide").waitFor();
  await page.getByRole("row").filter({ hasText: "1 to decide" }).getByRole("link").first().click();
  const conflict = page.locator("section", { has: page.getByRole("heading", { name: /Both sides changed/ }) });
  const text = await conflict.innerText();
  for (const side of ["Revoke old keys", OURS, THEIRS]) assert.ok(text.includes(side), `${side}: ${text}`);
  assert.equal(await summary(work.remote), THEIRS);
  await conflict.getByLabel("Why (optional)").fill("the wiki page is gone");
  await conflict.getByRole("button", { name: "Write ours" }).click();
  await said("our value is written");
  await until("our title there", async () => (await summary(work.remote)) === OURS);
  await until("the ticket in step", async () => (await call(server, "GET", `/v1/tickets/${work.ticket}`)).conflicts === 0);
  await page.reload();
  assert.equal(await page.getByRole("heading", { name: /Both sides changed/ }).count(), 0);
  await page.getByText("the wiki page is gone").waitFor();
});

test("parked work says why it waits and what to do, and is tried again", async () => {
  await page.goto(server.url);
  await page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: /^Work/ }).click();
  const row = page.getByRole("row").filter({ hasText: "jira-audit" });
  assert.match(await row.innerText(), /Unauthenticated/);
  assert.match(await row.innerText(), /credential/);
  await call(server, "PUT", "/v1/secrets/audit-token", { value: TOKEN });
  await row.getByRole("button", { name: /^Try again/ }).click();
  await said("It is tried again.");
  await until("the work done", async () => (await call(server, "GET", `/v1/intents/${work.intent}`)).state === "succeeded");
  await page.goto(`${server.url}/tasks/${work.waiting}`);
  await page.getByRole("link", { name: /^SEC-\d+$/ }).waitFor();
});

test("a run is made now and shows on the card", async () => {
  await page.goto(`${server.url}/integrations`);
  const card = page.locator("section", { has: page.getByRole("heading", { name: "Security team" }) });
  await card.getByRole("button", { name: /^Run now/ }).click();
  await said("Poll: done");
  const runs = page.locator("section", { has: page.getByRole("heading", { name: "Runs" }) });
  assert.match(await runs.innerText(), /by manual/);
  await page.goto(`${server.url}/integrations`);
  assert.match(await card.innerText(), /Next run \(UTC\)\s+\d{4}-/);
});

test("a configuration is compared and put in force again", async () => {
  const { items: [now] } = await call(server, "GET", "/v1/integrations/jira-sec/configurations");
  const config = { ...now.config, concurrency: 3 };
  await call(server, "PUT", "/v1/integrations/jira-sec/configuration", { config });
  await until("version 2", async () => (await call(server, "GET", "/v1/integrations/jira-sec")).config_version === 2);
  await page.goto(`${server.url}/integrations/jira-sec`);
  await page.getByText("1 changed").click();
  assert.match(await page.locator("details[open]").innerText(), /\/concurrency/);
  await page.getByRole("button", { name: /^Put in force again.*version 1$/ }).click();
  await said("Configuration 1 is in force again.");
  await page.getByText("as version 1").waitFor();
});

test("a task is opened by hand and its risk accepted", async () => {
  await page.goto(`${server.url}/tasks`);
  await page.getByText("Open a task").click();
  await page.getByLabel("Title").fill("Review the firewall of the lab");
  await page.getByLabel("Severity").selectOption("info");
  await page.getByRole("button", { name: "Open the task" }).click();
  await page.getByRole("link", { name: "Review the firewall of the lab" }).click();
  await page.getByLabel("Note (optional)").fill("the lab moves in June");
  await page.getByRole("button", { name: "Accept the risk" }).click();
  await said("The risk is accepted.");
  await page.getByText("the lab moves in June").waitFor();
  assert.deepEqual(complaints, []);
});

test("a task is assigned", async () => {
  await page.goto(`${server.url}/tasks/${work.task}`);
  await page.getByLabel(/^Who is to do it/).fill("Dana of the platform team");
  await page.getByRole("button", { name: "Assign" }).click();
  await said("The task is assigned.");
  const facts = page.locator("section", { has: page.getByRole("heading", { name: "Facts" }) });
  assert.match(await facts.innerText(), /Assigned to\s+Dana of the platform team/);
});

test("a ticket is linked with another one there", async () => {
  const made = await work.jira.ask("POST", "/rest/api/3/issue", { fields: { project: { key: "SEC" }, issuetype: { id: "10001" }, summary: "Made by hand" } });
  await page.goto(`${server.url}/tickets/${work.ticket}`);
  await page.getByText("Link another ticket there").click();
  await page.getByLabel(/^Its permanent id there/).fill(made.id);
  await page.getByLabel(/^What people call it/).fill(made.key);
  await page.getByRole("button", { name: "Link it" }).click();
  await said("It is linked with the other ticket.");
  await page.getByRole("heading", { name: made.key }).waitFor();
  // A forged form changes nothing.
  const answer = await page.request.post(`${server.url}/tickets/${work.ticket}/act`, { form: { action: "relink", remote_id: "1", csrf: "forged" } });
  assert.ok(answer.status() >= 400, String(answer.status()));
  assert.equal((await call(server, "GET", `/v1/tickets/${work.ticket}`)).remote.id, made.id);
});

test("who may only read is offered nothing to change", async () => {
  const viewer = await call(server, "POST", "/v1/credentials", { role: "viewer", label: "Auditor" });
  const { page: reader, context } = await visitor(browser);
  await signIn(reader, server, viewer.key);
  for (const path of ["/intents?state=any", "/tasks", `/tasks/${work.task}`, `/tickets/${work.ticket}`, "/integrations", "/integrations/jira-sec"]) {
    await reader.goto(server.url + path);
    assert.equal(await reader.locator("main form[method=post]").count(), 0, path);
  }
  await context.close();
});
