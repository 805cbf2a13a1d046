// What people come for: from a failure to its explanation, a proof, a new key, live events, an export.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { launch, signIn, visitor } from "../lib/browser.mjs";
import { FAILED_TITLE, evidence, seed } from "../lib/seed.mjs";
import { call, startServer, until } from "../lib/server.mjs";

let server;
let browser;
let known;
let page;
let complaints;
let context;

before(async () => {
  server = await startServer();
  known = await seed(server);
  browser = await launch();
  ({ page, complaints, context } = await visitor(browser));
  await signIn(page, server);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const rows = () => page.locator("#results tbody tr");
/** Waits until a list has been replaced and has so many rows. */
const haveRows = (test_) => until("the rows", async () => test_(await rows().count()));

test("a failed host check is explained within three clicks", async () => {
  await page.goto(server.url);
  let clicks = 0;
  const click = async (locator) => {
    clicks += 1;
    await locator.click();
  };
  await click(page.getByRole("link", { name: "starter HOST-1" }));
  await page.getByRole("heading", { name: /HOST-1 · Remote login is hardened/ }).waitFor();
  await click(page.getByRole("link", { name: "Explain" }).first());
  await page.getByRole("heading", { level: 1, name: FAILED_TITLE }).waitFor();
  assert.ok(clicks <= 3);
  const text = await page.locator("main").innerText();
  for (const detail of ["/etc/ssh/sshd_config.d/50-legacy.conf", "PermitRootLogin", "prohibit-password", "host-web-1"]) {
    assert.ok(text.includes(detail), detail);
  }
});

/** A picture of the verification, for the guide. */
async function picture(name) {
  if (process.env.PICTURES) await page.locator("#verify").screenshot({ path: `${process.env.PICTURES}/${name}.png` });
}

async function openVerification(index) {
  await page.goto(`${server.url}/audit/${index}`);
  await page.getByLabel(/Your trust file/).fill(known.trust);
}

const indexOf = async (id) => {
  await page.goto(`${server.url}/evidence/${id}`);
  const href = await page.getByRole("link", { name: "Verify it yourself" }).getAttribute("href");
  return Number(href.match(/\/audit\/(\d+)/)[1]);
};

test("an event is verified in the browser against the reader's trust file", async () => {
  await openVerification(await indexOf(known.failed.id));
  await page.getByRole("button", { name: "Verify", exact: true }).click();
  await page.locator('#verify-verdict[data-verdict="good"]').waitFor();
  const steps = await page.locator("#verify-steps li").evaluateAll((items) => items.map((item) => item.dataset.outcome));
  assert.equal(steps.length, 11);
  assert.ok(steps.filter((outcome) => outcome === "passed").length >= 8, String(steps));
  assert.ok(!steps.includes("failed"));
  await picture("verified");
});

test("a changed proof, another trust file and a missing one are refused", async () => {
  const index = await indexOf(known.failed.id);
  const refused = async (words) => {
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await page.locator('#verify-verdict[data-verdict="bad"]').waitFor();
    assert.match(await page.locator("#verify-verdict").innerText(), words);
  };
  await openVerification(index);
  await page.getByRole("button", { name: "Show the server's proof" }).click();
  const field = page.getByLabel(/Proof \(/);
  await until("the proof", async () => (await field.inputValue()) !== "");
  const proof = await field.inputValue();
  const entry = Buffer.from(proof.match(/^extra (.*)$/m)[1], "base64");
  // One bit inside the signed payload.
  const at = entry.indexOf('"payload":"') + 400;
  entry[at] = entry[at] === 0x41 ? 0x42 : 0x41;
  await field.fill(proof.replace(/^extra .*$/m, `extra ${entry.toString("base64")}`));
  await refused(/Refused/);
  await picture("refused");

  await openVerification(index);
  await page.getByLabel(/Your trust file/).fill(known.trust.replace(/# genesis \S/, "# genesis A").replace("# genesis A", "# genesis B"));
  await refused(/genesis|base64/);
  await openVerification(index);
  await page.getByLabel(/Your trust file/).fill("");
  await refused(/nothing is proven/);
  const other = await call(server, "POST", "/v1/tenants", { name: "Another tenant" });
  await openVerification(index);
  await page.getByLabel(/Your trust file/).fill(other.trust);
  await refused(/does not name/);
});

test("every kind of event in the log verifies", async () => {
  const { items } = await call(server, "GET", "/v1/events?limit=200");
  const seen = new Map(items.map((item) => [item.event_type, item.index]));
  assert.ok(seen.size > 8, [...seen.keys()].join(" "));
  for (const [type, index] of seen) {
    await openVerification(index);
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await page.locator("#verify-verdict[data-verdict]").waitFor();
    const verdict = await page.locator("#verify-verdict").innerText();
    assert.match(verdict, /Verified/, `${type} at ${index}: ${verdict}`);
  }
});

test("the audit explorer searches as one types, and its address is the search", async () => {
  await page.goto(`${server.url}/audit`);
  const all = await rows().count();
  await page.locator("#q").pressSequentially("status changed", { delay: 15 });
  await haveRows((count) => count > 0 && count < all);
  for (const text of await rows().allInnerTexts()) assert.match(text, /Control status changed/);
  await until("the address", async () => new URL(page.url()).searchParams.get("q") === "status changed");
  const found = await rows().count();
  await page.reload();
  assert.equal(await rows().count(), found);
  await page.locator("#q").fill(`evidence-${known.failed.id}`);
  await haveRows((count) => count === 1);
  await page.locator("#q").fill("no-such-thing");
  await page.getByText("No event found").waitFor();
  await page.goto(`${server.url}/audit?to=2020-01-01`);
  await page.getByText("No event found").waitFor();
  await page.goto(`${server.url}/audit?from=2020-01-01&kind=probe`);
  for (const text of await rows().allInnerTexts()) assert.match(text, /Probe/);
});

test("lists go on by key: every event once, in order", async () => {
  for (let n = 0; n < 60; n += 1) await call(server, "POST", "/v1/evidence", evidence({ title: `More evidence ${n}` }));
  await page.goto(`${server.url}/audit`);
  const seen = [];
  for (;;) {
    seen.push(...(await page.locator("#results tbody tr td:first-child").allInnerTexts()).map(Number));
    const next = page.getByRole("link", { name: "Next page" });
    if ((await next.count()) === 0) break;
    await next.click();
    await page.waitForLoadState();
  }
  assert.deepEqual(seen, seen.map((_, at) => seen[0] - at));
  assert.equal(seen.at(-1), 0);
});

test("a new event arrives on the live page by itself", async () => {
  await page.goto(`${server.url}/live`);
  await page.locator('#live-state[data-state="live"]').waitFor();
  const fresh = evidence({ title: "Arrives live" });
  await call(server, "POST", "/v1/evidence", fresh);
  await page.locator("#live-rows tr", { hasText: fresh.id }).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  const held = evidence();
  await call(server, "POST", "/v1/evidence", held);
  const seenByOther = await context.newPage();
  await seenByOther.goto(`${server.url}/live`);
  await seenByOther.locator("#live-rows tr", { hasText: held.id }).first().waitFor();
  assert.equal(await page.locator("#live-rows tr", { hasText: held.id }).count(), 0);
  await seenByOther.close();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("#live-rows tr", { hasText: held.id }).first().waitFor();
});

test("a key is made, shown once, rotated with overlap and revoked", async () => {
  const works = async (key) => (await fetch(`${server.url}/v1/whoami`, { headers: { Authorization: `Bearer ${key}` } })).status;
  await page.goto(`${server.url}/credentials`);
  await page.getByText("Create a key").click();
  await page.getByLabel("Label").fill("Made in the console");
  await page.getByLabel("Role").selectOption("viewer");
  await page.getByRole("button", { name: "Create the key" }).click();
  const first = await page.locator("#fresh-key").innerText();
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/key.png` });
  assert.match(first, /^lgr_live_[0-9a-f]{16}_[0-9a-f]{72}$/);
  assert.equal(await works(first), 200);
  await page.reload();
  assert.equal(await page.locator("#fresh-key").count(), 0);
  assert.ok(!(await page.content()).includes(first));

  const line = () => page.locator("tr", { hasText: "Made in the console" });
  await line().getByText("Change").click();
  await line().getByRole("button", { name: "Rotate" }).click();
  const second = await page.locator("#fresh-key").innerText();
  assert.notEqual(second, first);
  assert.deepEqual([await works(first), await works(second)], [200, 200]);
  await line().getByText("old secret until").waitFor();

  await line().getByText("Change").click();
  await line().getByRole("button", { name: "Rotate" }).waitFor();
  await line().getByLabel("Overlap, hours").fill("0");
  await line().getByRole("button", { name: "Rotate" }).click();
  const third = await page.locator("#fresh-key").innerText();
  assert.deepEqual([await works(second), await works(third)], [401, 200]);

  await line().getByText("Change").click();
  await line().getByLabel("Reason").selectOption("compromised");
  await line().getByRole("button", { name: "Revoke" }).click();
  await page.getByText("The key is revoked").waitFor();
  assert.equal(await works(third), 401);
  await line().getByText("Revoked", { exact: true }).waitFor();
});

test("an alert is acknowledged", async () => {
  await page.goto(`${server.url}/alerts`);
  const open = await rows().count();
  await page.getByRole("button", { name: /Acknowledge/ }).first().click();
  await page.getByText("The alert is acknowledged").waitFor();
  await until("the alert to leave the list", async () => {
    await page.reload();
    return (await rows().count()) === open - 1;
  });
  await page.getByLabel("State").selectOption("acknowledged");
  await haveRows((count) => count === 1);
});

test("an export is written, downloaded and holds the whole log", async () => {
  await page.goto(`${server.url}/exports`);
  await page.getByRole("button", { name: "Start an export" }).click();
  await page.getByText("The export is being written").waitFor();
  const link = page.getByRole("link", { name: /Download/ });
  await until("the archive", async () => {
    if ((await link.count()) === 0) await page.reload();
    return (await link.count()) > 0;
  }, 30_000);
  const waiting = page.waitForEvent("download");
  await link.first().click();
  const download = await waiting;
  const folder = mkdtempSync(join(tmpdir(), "ledger-export-"));
  try {
    execFileSync("tar", ["-xf", await download.path(), "-C", folder]);
    const files = execFileSync("find", [folder, "-type", "f"]).toString();
    for (const name of ["/checkpoint", "/manifest.json", "/policy", "/tile/entries/"]) assert.ok(files.includes(name), name);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("what a control was on a day is asked for and answered", async () => {
  await page.goto(`${server.url}/frameworks/starter/host-1`);
  await page.getByLabel(/Day \(UTC/).fill("2020-01-01");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText(/the status was/).waitFor();
  assert.match(await page.locator("main").innerText(), /the status was\s+Unknown/);
  const today = new Date().toISOString().slice(0, 10);
  await page.getByLabel(/Day \(UTC/).fill(today);
  await page.getByRole("button", { name: "Show" }).click();
  await until("the answer", async () => /the status was\s+Fail\s+by\s+this evidence/.test(await page.locator("main").innerText()));
  await page.goto(`${server.url}/frameworks/starter?as_of=2020-01-01`);
  await page.getByText(/As it was at/).waitFor();
});

test("everything can be reached and done by keyboard alone", async () => {
  await page.goto(server.url);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "quick");
  await page.keyboard.type("key genesis");
  await page.keyboard.press("Enter");
  await page.locator("#results tbody tr").first().waitFor();
  // From the first row's index by Tab into the event, and by Tab to the verification.
  await page.locator("#results tbody tr a").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("#verify-form").waitFor();
  for (let n = 0; n < 60; n += 1) {
    if (await page.evaluate(() => document.activeElement.id === "trust")) break;
    await page.keyboard.press("Tab");
  }
  await page.keyboard.insertText(known.trust);
  for (let n = 0; n < 8; n += 1) {
    if (await page.evaluate(() => document.activeElement.name === "verify")) break;
    await page.keyboard.press("Tab");
  }
  const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(ring, "solid", "the focus is visible");
  await page.keyboard.press("Enter");
  await page.locator('#verify-verdict[data-verdict="good"]').waitFor();
});

test("a tenant is onboarded and switched to; the other's evidence is not there", async () => {
  await page.goto(`${server.url}/tenants`);
  await page.getByText("Onboard a tenant").click();
  await page.getByLabel(/Name/).fill("Subsidiary");
  await page.getByRole("button", { name: "Onboard" }).click();
  await page.locator("#fresh-key").waitFor();
  assert.match(await page.locator("#fresh-trust").innerText(), /^# genesis /);
  await page.locator("tr", { hasText: "Subsidiary" }).getByRole("button", { name: "Switch to it" }).click();
  await page.getByText("No framework yet").waitFor();
  const answer = await page.goto(`${server.url}/evidence/${known.failed.id}`);
  assert.equal(answer.status(), 404);
  await page.getByLabel("Tenant").selectOption(known.tenant);
  await page.getByRole("link", { name: "starter HOST-1" }).waitFor();
});

test("the theme is chosen and kept", async () => {
  await page.goto(`${server.url}/probes`);
  await page.getByRole("button", { name: /Theme/ }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.equal(new URL(page.url()).pathname, "/probes");
  await page.getByRole("button", { name: /Theme/ }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "light");
  await page.getByRole("button", { name: /Theme/ }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), null);
});

test("assets are kept for ever under their hash", async () => {
  const html = await (await fetch(`${server.url}/sign-in`)).text();
  const href = html.match(/href="(\/assets\/[0-9a-f]{16}\/css\/base\.css)"/)[1];
  const answer = await fetch(server.url + href);
  assert.match(answer.headers.get("cache-control"), /immutable/);
  assert.ok(createHash("sha256").update(await answer.text()).digest("hex"));
});

test("the browser had nothing to complain about", () => {
  assert.deepEqual(complaints.filter((text) => !text.includes("404")), []);
});
