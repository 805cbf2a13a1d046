// Entries, proofs and disclosures made by the Rust crates (crates/ledger/tests/browser_vectors.rs).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { verifyEvent } from "../../../src/console/assets/verify/verify.mjs";

const { trust, event_key: eventKey, events } = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url)));

const input = ({ index, proof, keys, previous, next, disclosures }) => ({
  proof, trust, index, keys, disclosures,
  previous: previous ? Buffer.from(previous, "base64") : undefined, next: next ? Buffer.from(next, "base64") : undefined,
});

for (const event of events) {
  test(`entry ${event.index} (${event.type}) verifies from the pinned genesis`, async () => {
    const result = await verifyEvent(input(event));
    assert.ok(result.ok, JSON.stringify(result.steps, null, 1));
  });
}

test("an entry behind the rotation verifies with the new key given by hand, the one before it does not", async () => {
  const [before, after] = events;
  const bare = trust.split("\n").find((line) => line.startsWith("log ")).split(" ")[1];
  assert.ok((await verifyEvent({ ...input(after), trust: bare, eventKey })).ok);
  const refused = await verifyEvent({ ...input(before), trust: bare, eventKey });
  assert.equal(refused.steps.find((step) => step.outcome === "failed").id, "key");
});

test("the entry behind the rotation is refused when the rotation is left out", async () => {
  const [, after] = events;
  const result = await verifyEvent({ ...input(after), keys: after.keys.slice(0, 1) });
  assert.equal(result.ok, false);
  assert.equal(result.steps.find((step) => step.outcome === "failed").id, "key");
});

test("a disclosed value that differs in one letter is refused", async () => {
  const [, event] = events;
  const bent = event.disclosures.map((d) => (d.name === "title" ? { ...d, value: `${d.value}!` } : d));
  const result = await verifyEvent({ ...input(event), disclosures: bent });
  assert.equal(result.steps.find((step) => step.outcome === "failed").id, "disclosures");
});
