// Whole verifications: what is right passes, whatever is bent is refused at the step that says why.

import assert from "node:assert/strict";
import { test } from "node:test";

import { verifyEvent } from "../../../src/console/assets/verify/verify.mjs";
import { Log, b64, b64url, digestOf, jcs, keyFrom, vkey } from "./issuer.mjs";

const DISCLOSURES = [
  { salt: b64url(Buffer.alloc(16, 7)), name: "title", value: "Root login is allowed" },
  { salt: b64url(Buffer.alloc(16, 8)), name: "findings", value: [{ file: "/etc/ssh/sshd_config", line: 32 }] },
];

/** A log with one key rotation and a stream of three events; the middle one is looked at. */
function scene() {
  const log = new Log();
  log.append("evidence-1", "ledger.evidence.submitted.v1", { result: "pass" });
  log.rotate(9);
  const first = log.append("evidence-2", "ledger.evidence.submitted.v1", { result: "fail" });
  const index = log.append("evidence-2", "ledger.evidence.reviewed.v1", { verdict: "accepted" }, { sd: DISCLOSURES.map(digestOf) });
  const next = log.append("evidence-2", "ledger.evidence.superseded.v1", { by: "x" });
  const input = () => ({
    proof: log.proof(index), trust: log.trust(), index: String(index), keys: [log.proof(0), log.proof(2)],
    previous: log.entries[first], next: log.entries[next], disclosures: DISCLOSURES,
  });
  return { log, index, input };
}

const outcome = (result, id) => result.steps.find((step) => step.id === id);
async function refusedAt(id, input, detail) {
  const result = await verifyEvent(input);
  assert.equal(result.ok, false, `${id} should refuse`);
  const failed = result.steps.filter((step) => step.outcome === "failed");
  assert.equal(failed[0]?.id, id, JSON.stringify(failed));
  assert.match(failed[0].detail, detail);
}

test("an event is verified from the pinned genesis through a rotation", async () => {
  const { input } = scene();
  const seen = [];
  const result = await verifyEvent(input(), (step) => seen.push(step.id));
  assert.ok(result.ok, JSON.stringify(result.steps, null, 1));
  assert.deepEqual(result.steps.filter((s) => s.outcome === "skipped").map((s) => s.id), ["witnesses"]);
  assert.match(outcome(result, "key").detail, /through 1 rotation/);
  assert.equal(seen.length, result.steps.length);
});

test("an event is verified with a verifier key and a public key that the reader gives", async () => {
  const { log, input } = scene();
  const bare = { ...input(), trust: vkey(log.origin, log.checkpointKey.publicKey), eventKey: log.key.publicKey.toString("hex"), keys: [] };
  assert.ok((await verifyEvent(bare)).ok);
  await refusedAt("key", { ...bare, eventKey: keyFrom(Buffer.alloc(32, 50)).publicKey.toString("hex") }, /another key/);
  await refusedAt("key", { ...bare, eventKey: "" }, /Give the event's public key/);
  await refusedAt("trust", { ...bare, trust: "" }, /nothing is proven/);
});

test("witnesses are counted when the trust file asks for them", async () => {
  const { log, index, input } = scene();
  const key = keyFrom(Buffer.alloc(32, 33));
  const trust = log.trust().replace("quorum none", `witness w ${vkey("w.test", key.publicKey, 4)}\nquorum w`);
  await refusedAt("witnesses", { ...input(), trust }, /not the quorum/);
  const proof = log.proof(index, { witnesses: [{ name: "w.test", key, time: 1700000000 }] });
  assert.ok((await verifyEvent({ ...input(), trust, proof })).ok);
  const wrong = log.proof(index, { witnesses: [{ name: "w.test", key: { ...key, sign: (m) => key.sign(`${m} `) }, time: 1 }] });
  await refusedAt("checkpoint", { ...input(), trust, proof: wrong }, /signature of w.test/);
});

test("no changed byte of a proof file verifies", async () => {
  const { input } = scene();
  const proof = input().proof;
  const body = proof.length;
  let refused = 0;
  for (let at = 0; at < body; at += 1) {
    const code = proof.charCodeAt(at);
    const bent = proof.slice(0, at) + String.fromCharCode(code === 65 ? 66 : 65) + proof.slice(at + 1);
    const result = await verifyEvent({ ...input(), proof: bent });
    assert.equal(result.ok, false, `character ${at} (${proof[at]})`);
    refused += 1;
  }
  assert.equal(refused, body);
});

test("an entry that the log's owner signs anew does not stand in the tree", async () => {
  const { log, index, input } = scene();
  const other = new Log();
  other.append("evidence-1", "ledger.evidence.submitted.v1", { result: "pass" });
  other.rotate(9);
  other.append("evidence-2", "ledger.evidence.submitted.v1", { result: "fail" });
  other.append("evidence-2", "ledger.evidence.reviewed.v1", { verdict: "rejected" }, { sd: DISCLOSURES.map(digestOf) });
  const forged = input().proof.replace(b64(log.entries[index]), b64(other.entries[index]));
  await refusedAt("inclusion", { ...input(), proof: forged }, /another root/);
});

test("a signature by another key is refused although the tree has it", async () => {
  const log = new Log();
  const thief = keyFrom(Buffer.alloc(32, 77));
  const index = log.append("evidence-1", "t.v1", {}, { change: (h) => h, key: { ...thief, kid: log.key.kid } });
  await refusedAt("signature", { proof: log.proof(index), trust: log.trust(), keys: [log.proof(0)] }, /does not fit/);
  const named = log.append("evidence-3", "t.v1", {}, { key: thief });
  await refusedAt("key", { proof: log.proof(named), trust: log.trust(), keys: [log.proof(0)] }, /was active/);
});

test("an old key is refused after its rotation", async () => {
  const log = new Log();
  const old = log.key;
  log.rotate(9);
  const index = log.append("evidence-1", "t.v1", {}, { key: old });
  await refusedAt("key", { proof: log.proof(index), trust: log.trust(), keys: [log.proof(0), log.proof(1)] }, /was active/);
});

test("key events are held against genesis, order, owner and log", async () => {
  const { log, input } = scene();
  const others = new Log("ledger.test/acme", 40);
  await refusedAt("key", { ...input(), keys: [] }, /empty/);
  await refusedAt("key", { ...input(), keys: [log.proof(2)] }, /begin with the genesis/);
  await refusedAt("key", { ...input(), keys: [log.proof(0), log.proof(1)] }, /another stream/);
  await refusedAt("key", { ...input(), keys: [log.proof(0)] }, /was active/);
  await refusedAt("key", { ...input(), keys: [others.proof(0), log.proof(2)] }, /do not trust/);
  const pinned = input().trust.replace(/# genesis \S+/, `# genesis ${b64url(others.genesis)}`);
  await refusedAt("key", { ...input(), trust: pinned }, /not the one that the trust file pins/);
});

test("a rotation without proof of possession is refused", async () => {
  const log = new Log();
  const next = keyFrom(Buffer.alloc(32, 9));
  log.append("key-acme", "ledger.key.rotated.v1", {
    old_kid: log.key.kid, kid: next.kid, key: b64(next.publicKey), proof: b64(next.sign("something else")),
  });
  const index = log.append("evidence-1", "t.v1", {}, { key: next });
  await refusedAt("key", { proof: log.proof(index), trust: log.trust(), keys: [log.proof(0), log.proof(1)] }, /does not fit/);
});

test("the neighbours must name each other", async () => {
  const { log, input } = scene();
  await refusedAt("previous", { ...input(), previous: log.entries[1] }, /another one/);
  await refusedAt("previous", { ...input(), previous: undefined }, /not given/);
  await refusedAt("next", { ...input(), next: log.entries[1] }, /another one/);
  const other = new Log();
  other.append("evidence-2", "ledger.evidence.submitted.v1", { result: "pass" });
  await refusedAt("previous", { ...input(), previous: other.entries[1] }, /names by its hash/);
});

test("disclosed values must fit their digests", async () => {
  const { input } = scene();
  const [title, findings] = DISCLOSURES;
  await refusedAt("disclosures", { ...input(), disclosures: [{ ...title, value: "All is well" }] }, /not the one that was signed/);
  await refusedAt("disclosures", { ...input(), disclosures: [title, title] }, /twice/);
  const partly = await verifyEvent({ ...input(), disclosures: [findings] });
  assert.ok(partly.ok);
  assert.match(outcome(partly, "disclosures").detail, /1 of 2/);
});

test("another index, another tenant's log and an unknown log are refused", async () => {
  const { log, input } = scene();
  await refusedAt("proof", { ...input(), index: "1" }, /not 1/);
  const stranger = new Log("ledger.test/other", 60);
  await refusedAt("checkpoint", { ...input(), trust: stranger.trust() }, /your trust does not name/);
  const at = log.append("evidence-9", "t.v1", {}, { change: (h) => ({ ...h, tenant: "other" }) });
  await refusedAt("checkpoint", { ...input(), proof: log.proof(at), index: undefined }, /another tenant/);
});

test("headers with unknown members, other encodings or two signatures are refused", async () => {
  const log = new Log();
  const unknown = log.append("s-1", "t.v1", {}, { change: (h) => ({ ...h, extra: 1 }) });
  await refusedAt("proof", { proof: log.proof(unknown), trust: log.trust() }, /unknown member/);
  const version = log.append("s-2", "t.v1", {}, { change: (h) => ({ ...h, v: 2 }) });
  await refusedAt("proof", { proof: log.proof(version), trust: log.trust() }, /format version/);
  const envelope = JSON.parse(log.entries[0]);
  envelope.signatures.push(envelope.signatures[0]);
  log.entries.push(Buffer.from(jcs(envelope)));
  await refusedAt("proof", { proof: log.proof(log.entries.length - 1), trust: log.trust() }, /exactly one signature/);
  log.entries.push(Buffer.from(JSON.stringify(JSON.parse(log.entries[0]), null, 1)));
  await refusedAt("proof", { proof: log.proof(log.entries.length - 1), trust: log.trust() }, /not canonical/);
});

test("what is no proof file at all is refused with words", async () => {
  for (const proof of ["", "hello", "c2sp.org/tlog-proof@v1\nindex 0\n\nx", "\u0000".repeat(10)]) {
    const result = await verifyEvent({ proof, trust: new Log().trust() });
    assert.equal(result.ok, false);
    assert.equal(outcome(result, "proof").outcome, "failed");
  }
});
