// What others may try: from other sites, with planted sessions, through what is stored.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { launch, seriousFindings, signIn, visitor } from "../lib/browser.mjs";
import { evidence, seed } from "../lib/seed.mjs";
import { call, startServer } from "../lib/server.mjs";

let server;
let browser;
let known;
let evil;

before(async () => {
  server = await startServer();
  known = await seed(server);
  browser = await launch();
  // Another site: `localhost` is another host than the ledger's 127.0.0.1, and another port is another origin.
  evil = createServer((request, response) => {
    response.setHeader("Content-Type", "text/html");
    const target = new URL(request.url, "http://x").searchParams.get("target");
    response.end(`<form id="f" method="post" action="${target}"><input name="label" value="stolen"><input name="role" value="admin"></form>
      <script>document.getElementById("f").submit()</script>`);
  });
  await new Promise((resolve) => { evil.listen(0, "0.0.0.0", resolve); });
});
after(async () => {
  evil?.close();
  await browser?.close();
  await server?.stop();
});

const credentials = async () => (await call(server, "GET", "/v1/credentials?limit=200")).items.length;

test("a page of another site changes nothing, even with a signed-in reader", async () => {
  const before_ = await credentials();
  for (const host of ["localhost", "127.0.0.1"]) {
    const { page, context } = await visitor(browser);
    await signIn(page, server);
    const target = encodeURIComponent(`${server.url}/credentials`);
    const answer = page.waitForResponse((response) => response.request().method() === "POST");
    await page.goto(`http://${host}:${evil.address().port}/?target=${target}`);
    assert.equal((await answer).status(), 403, host);
    await context.close();
  }
  assert.equal(await credentials(), before_);
});

test("without the session's token nothing changes, with it it does: the control", async () => {
  const { page, context } = await visitor(browser);
  await signIn(page, server);
  const post = (csrf) => page.evaluate(async (token) => {
    const body = new URLSearchParams({ csrf: token, label: "by script", role: "viewer" });
    return (await fetch("/credentials", { method: "POST", body, redirect: "manual" })).status;
  }, csrf);
  const before_ = await credentials();
  assert.equal(await post("wrong"), 403);
  assert.equal(await post(""), 403);
  assert.equal(await credentials(), before_);
  const token = await page.locator('meta[name="csrf"]').getAttribute("content");
  // A redirect that is not followed has the status 0.
  assert.equal(await post(token), 0);
  // The list follows the event.
  const patience = Date.now() + 30_000;
  while (await credentials() === before_ && Date.now() < patience);
  assert.equal(await credentials(), before_ + 1);
  await context.close();
});

test("another site cannot sign a reader in with a key of its own", async () => {
  const { page, context } = await visitor(browser);
  const target = encodeURIComponent(`${server.url}/sign-in`);
  const answer = page.waitForResponse((response) => response.request().method() === "POST");
  await page.goto(`http://localhost:${evil.address().port}/?target=${target}`);
  assert.equal((await answer).status(), 403);
  await context.close();
});

test("a session that was planted before signing in is worth nothing", async () => {
  const { page, context } = await visitor(browser);
  const planted = "A".repeat(43);
  await context.addCookies([{ name: "ledger_session", value: planted, url: server.url }]);
  await signIn(page, server);
  const cookie = (await context.cookies()).find(({ name }) => name === "ledger_session");
  assert.notEqual(cookie.value, planted);
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Strict");
  assert.equal(await page.evaluate(() => document.cookie), "");
  const withPlanted = await fetch(server.url, { headers: { Cookie: `ledger_session=${planted}`, Accept: "text/html" }, redirect: "manual" });
  assert.equal(withPlanted.status, 303);
  // Signing in again ends the session before it.
  await page.goto(`${server.url}/live`);
  const again = await fetch(`${server.url}/sign-in`, {
    method: "POST", redirect: "manual", headers: { Cookie: `ledger_session=${cookie.value}` },
    body: new URLSearchParams({ key: server.adminKey }),
  });
  assert.equal(again.status, 303);
  const old = await fetch(server.url, { headers: { Cookie: `ledger_session=${cookie.value}`, Accept: "text/html" }, redirect: "manual" });
  assert.equal(old.status, 303);
  await context.close();
});

test("signing out, revoking the key and rotating it away end a session at once", async () => {
  const made = await call(server, "POST", "/v1/credentials", { role: "viewer", label: "to be ended" });
  const status = async (page) => (await page.goto(`${server.url}/probes`)).url();
  const { page, context } = await visitor(browser);
  await signIn(page, server, made.key);
  assert.match(await status(page), /\/probes$/);
  const rotated = await call(server, "POST", `/v1/credentials/${made.id}/rotate`, { overlap_seconds: 0 });
  assert.match(await status(page), /\/sign-in/);
  await signIn(page, server, rotated.key);
  await call(server, "POST", `/v1/credentials/${made.id}/revoke`, { reason: "compromised" });
  assert.match(await status(page), /\/sign-in/);
  await signIn(page, server, known.viewer);
  await page.getByRole("button", { name: "Sign out" }).click();
  assert.match(await status(page), /\/sign-in/);
  await context.close();
});

test("wrong, revoked and probes' keys are refused at the door with a word", async () => {
  const { page, context } = await visitor(browser);
  for (const [key, words] of [["nonsense", /key/], [known.probe, /probe's key/], [`${server.adminKey.slice(0, -1)}0`, /key|checksum/i]]) {
    await page.goto(`${server.url}/sign-in`);
    await page.getByLabel("API key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    assert.match(await page.getByRole("alert").innerText(), words);
    assert.deepEqual(await seriousFindings(page), []);
  }
  await context.close();
});

test("a viewer sees no way to change anything, and is refused where he tries", async () => {
  const { page, context } = await visitor(browser);
  await signIn(page, server, known.viewer);
  assert.equal((await page.goto(`${server.url}/credentials`)).status(), 403);
  await page.goto(`${server.url}/exports`);
  assert.equal(await page.getByRole("button", { name: "Start an export" }).count(), 0);
  await page.goto(`${server.url}/alerts`);
  assert.equal(await page.getByRole("button", { name: /Acknowledge/ }).count(), 0);
  const token = await page.locator('meta[name="csrf"]').getAttribute("content");
  for (const path of ["/credentials", "/exports", "/tenants", `/credentials/${known.viewerId}/revoke`]) {
    const status = await page.evaluate(async ([to, csrf]) => {
      const body = new URLSearchParams({ csrf, label: "x", name: "x", role: "admin", purpose: "audit", reason: "compromised" });
      return (await fetch(to, { method: "POST", body, redirect: "manual", headers: { Accept: "text/html" } })).status;
    }, [path, token]);
    assert.equal(status, 403, path);
  }
  await context.close();
});

const RTL = "שלום \u202etxt.exe\u202c عربي";
const EMOJI = "👩‍👩‍👧‍👦🏳️‍🌈 \u0301\u0300 Z\u0351\u0343\u0302a\u0329lgo";
const SCRIPTS = [
  "<script>window.pwned=1</script>", "\"><img src=x onerror=\"window.pwned=1\">", "'-window.pwned=1-'", "javascript:window.pwned=1",
  "</textarea><svg onload=window.pwned=1>", "{{7*7}}${7*7}<%= 7*7 %>", "<a hx-get=/sign-out hx-trigger=load>x</a>", "]]><!--",
];

test("scripts, right-to-left, emoji and huge texts in evidence are shown and do nothing", async () => {
  const nasty = [...SCRIPTS, RTL, EMOJI, "W".repeat(6_000), "wide ".repeat(1_500)];
  const made = [];
  for (const text of nasty) {
    const item = evidence({
      title: text.slice(0, 200), summary: text.slice(0, 3_000), target: text.slice(0, 200), result: "fail",
      findings: [{ [text.slice(0, 60)]: text.slice(0, 5_000), nested: { deep: [text.slice(0, 100)] } }],
    });
    made.push(item);
    await call(server, "POST", "/v1/evidence", item);
  }
  await call(server, "POST", "/v1/probes", { id: "nasty", kind: "linux-host", cadence_seconds: 60, name: SCRIPTS[0] });
  await call(server, "POST", "/v1/integrations", { id: "nasty", kind: "jira", adapter_version: "1.0.0", name: SCRIPTS[1], endpoint: SCRIPTS[3] });
  await call(server, "POST", "/v1/credentials", { role: "viewer", label: SCRIPTS[1] });
  const { page, context, complaints } = await visitor(browser, { viewport: { width: 390, height: 844 } });
  await signIn(page, server);
  const paths = [
    "/", "/evidence", "/probes", "/probes/nasty", "/integrations", "/integrations/nasty", "/credentials", "/live",
    ...made.map(({ id }) => `/evidence/${id}`),
    ...SCRIPTS.flatMap((text) => ["/audit?q=", "/evidence?check=", "/frameworks/starter?find=", "/sign-in?next="].map((to) => to + encodeURIComponent(text))),
    `/audit?from=${encodeURIComponent(SCRIPTS[0])}`,
  ];
  for (const path of paths) {
    await page.goto(server.url + path);
    assert.equal(await page.evaluate(() => window.pwned), undefined, path);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `${path} is ${wider} pixels wider than its window`);
  }
  // The text itself is there, unharmed.
  await page.goto(`${server.url}/evidence/${made[0].id}`);
  assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), SCRIPTS[0]);
  await page.goto(`${server.url}/evidence/${made[SCRIPTS.length].id}`);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), RTL.replace("\u202e", "⟨U+202E⟩").replace("\u202c", "⟨U+202C⟩"));
  assert.deepEqual(await seriousFindings(page), []);
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/rtl.png`, fullPage: true });
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the policy stops an inline script that would slip in: the control", async () => {
  const { page, context, complaints } = await visitor(browser);
  await signIn(page, server);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.pwned = 1";
    document.body.append(script);
    const image = document.createElement("div");
    image.setAttribute("style", "color: red");
    document.body.append(image);
  });
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.ok(complaints.some((text) => text.startsWith("policy: script-src")), String(complaints));
  assert.ok(complaints.some((text) => text.startsWith("policy: style-src")), String(complaints));
  await context.close();
});

test("the console cannot be framed, and its answers say what browsers need", async () => {
  const answer = await fetch(`${server.url}/sign-in`);
  for (const [name, value] of [
    ["content-security-policy", /default-src 'none'.*frame-ancestors 'none'/], ["x-content-type-options", /nosniff/],
    ["x-frame-options", /DENY/], ["cache-control", /no-store/], ["referrer-policy", /same-origin/],
  ]) assert.match(answer.headers.get(name), value, name);
});
