// Every room, in light and dark, wide and narrow: no complaint of the browser, no serious finding, a picture of each.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";

import { launch, seriousFindings, signIn, visitor } from "../lib/browser.mjs";
import { seed } from "../lib/seed.mjs";
import { startServer } from "../lib/server.mjs";
import { connect } from "../lib/work.mjs";

const PICTURES = process.env.PICTURES ?? new URL("../pictures/", import.meta.url).pathname;
let server;
let browser;
let known;
let work;

before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  server = await startServer();
  known = await seed(server);
  work = await connect(server);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await work?.jira.stop();
});

const rooms = () => [
  ["overview", "/"], ["live", "/live"], ["alerts", "/alerts"], ["evidence-list", "/evidence"],
  ["evidence", `/evidence/${known.failed.id}`], ["frameworks", "/frameworks"], ["framework", "/frameworks/starter"],
  ["control", "/frameworks/starter/host-1"], ["probes", "/probes"], ["probe", "/probes/host-db-1"],
  ["integrations", "/integrations"], ["integration", "/integrations/jira-sec"],
  ["tasks", "/tasks"], ["task", `/tasks/${work.task}`], ["tickets", "/tickets"], ["ticket", `/tickets/${work.ticket}`],
  ["work", "/intents"], ["work-empty", "/intents?state=cancelled"], ["audit", "/audit"],
  ["event", "/audit/14"], ["credentials", "/credentials"], ["exports", "/exports"], ["tenants", "/tenants"],
  ["not-found", "/evidence/0190f000-0000-7000-8000-000000000000"],
];

async function settle(page) {
  await page.locator("main").waitFor();
  if (page.url().endsWith("/live")) await page.locator('#live-state[data-state="live"]').waitFor();
}

for (const [scheme, size] of [["light", "wide"], ["dark", "wide"], ["light", "narrow"], ["dark", "narrow"]]) {
  test(`all rooms in ${scheme}, ${size}`, async (t) => {
    const viewport = size === "wide" ? { width: 1280, height: 900 } : { width: 390, height: 844 };
    const { page, context, complaints } = await visitor(browser, { colorScheme: scheme, viewport });
    await page.goto(server.url);
    await page.getByLabel("API key").waitFor();
    assert.deepEqual(await seriousFindings(page), []);
    await page.screenshot({ path: `${PICTURES}/sign-in-${scheme}-${size}.png` });
    await signIn(page, server);
    for (const [name, path] of rooms()) {
      await t.test(name, async () => {
        const answer = await page.goto(server.url + path);
        assert.equal(answer.status(), name === "not-found" ? 404 : 200);
        await settle(page);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wider <= 0, `the page is ${wider} pixels wider than its window`);
        // On a wide screen nothing has to be scrolled sideways to be seen.
        const cut = await page.evaluate(() => [...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.innerText.split("\n")[0]));
        if (size === "wide") assert.deepEqual(cut, [], "tables that are cut off");
        await page.screenshot({ path: `${PICTURES}/${name}-${scheme}-${size}.png`, fullPage: true });
        assert.deepEqual(await seriousFindings(page), []);
      });
    }
    // The one answer that is meant to be refused is told by the browser too.
    assert.deepEqual(complaints.filter((text) => !text.includes("404")), []);
    await context.close();
  });
}
