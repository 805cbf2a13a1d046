// A real Chromium, and pages that fail a test by themselves when the browser complains.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--font-render-hinting=none",
];

/** Starts the browser. */
export const launch = () => chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });

/** A new visitor: own cookies, and a list of everything that the browser complained about. */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", timezoneId: "Etc/UTC", ...options });
  const complaints = [];
  // The browser tells a page of each breach of the policy; it also writes them to its console.
  await context.exposeBinding("__breach", (_, text) => complaints.push(text));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.__breach(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A page that is left ends its stream, and may be left before its icon is there.
    if (!/\/live\/stream|\/icon\.svg$/.test(request.url())) complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`);
  });
  return { context, page, complaints, calm: () => assert.deepEqual(complaints, []) };
}

/** Signs in with a key. */
export async function signIn(page, server, key = server.adminKey) {
  await page.goto(`${server.url}/sign-in`);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  // Whoever leaves before the page is whole ends its requests, and the browser would complain of that.
  await page.waitForLoadState("load");
}

/** Rules that the page breaks, serious or critical ones. */
export async function seriousFindings(page) {
  // Evaluated over the debugging protocol, which the page's policy does not bind.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join(" | ").slice(0, 600)}`);
}
