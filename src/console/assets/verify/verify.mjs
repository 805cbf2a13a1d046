// Verifies one event of a ledger: what it says was signed, stands in the log, and follows its neighbour.
//
// Trust comes from the reader alone: a trust file or a verifier key for the checkpoint, and for the event either a
// public key or the genesis that the trust file pins. Nothing that the server says is believed.

import { Refused, base64url } from "./bytes.mjs";
import { fromText, keyId, supported, verify } from "./ed25519.mjs";
import { PAYLOAD_TYPE, disclosureDigest, eventHash, pae, parseEntry, parseProofFile } from "./event.mjs";
import { activeKey } from "./keyring.mjs";
import { leafHash, verifyInclusion } from "./merkle.mjs";
import { parseCheckpoint, parseNote, verifyNote } from "./note.mjs";
import { parsePolicy, quorumMet } from "./policy.mjs";

/** What a step came to. */
export const PASSED = "passed";
export const FAILED = "failed";
/** Nothing to check, or nothing to check it with. Never part of a failure, never a proof either. */
export const SKIPPED = "skipped";

const STEPS = [
  ["browser", "Your browser can verify Ed25519 signatures", checkBrowser],
  ["trust", "Your trust file or verifier key", readTrust],
  ["proof", "The proof file of this event", readProof],
  ["checkpoint", "The log signed the checkpoint", checkCheckpoint],
  ["witnesses", "Witnesses cosigned the checkpoint", checkWitnesses],
  ["inclusion", "The event stands in the log at its index", checkInclusion],
  ["key", "The signing key was active at that index", checkKey],
  ["signature", "The event's signature", checkSignature],
  ["previous", "The event before it in its stream", checkPrevious],
  ["next", "The event after it in its stream", checkNext],
  ["disclosures", "The disclosed values", checkDisclosures],
];

/** What each step needs to have passed. */
const NEEDS = {
  checkpoint: ["browser", "trust", "proof"],
  witnesses: ["checkpoint"],
  inclusion: ["checkpoint"],
  key: ["browser", "trust", "proof"],
  signature: ["key"],
  previous: ["proof"],
  next: ["proof"],
  disclosures: ["proof"],
};

/**
 * Verifies an event and says what each step came to.
 *
 * `input`: `proof` (text of a `.tlog-proof`), `trust` (trust file or verifier key), optionally `eventKey` (public key),
 * `index` (the one that was asked for), `keys` (proof files of the key stream), `previous` and `next` (entries of the
 * stream, as bytes), `disclosures` (list of `{salt, name, value}`).
 */
export async function verifyEvent(input, onStep = () => {}) {
  const context = { input };
  const steps = [];
  const outcomes = {};
  for (const [id, title, check] of STEPS) {
    const missing = (NEEDS[id] ?? []).find((need) => outcomes[need] !== PASSED);
    const step = { id, title, ...(await run(check, context, missing)) };
    outcomes[id] = step.outcome;
    steps.push(step);
    onStep(step);
  }
  const passed = ["checkpoint", "inclusion", "key", "signature"].every((id) => outcomes[id] === PASSED);
  const ok = passed && steps.every((step) => step.outcome !== FAILED);
  return { ok, steps, header: context.header, index: context.index };
}

async function run(check, context, missing) {
  if (missing) return { outcome: SKIPPED, detail: "An earlier step did not pass." };
  try {
    return await check(context);
  } catch (error) {
    if (!(error instanceof Refused)) return { outcome: FAILED, detail: `Unexpected input: ${error.message}` };
    return { outcome: FAILED, detail: sentence(error.message) };
  }
}

const sentence = (message) => `${message[0].toUpperCase()}${message.slice(1)}.`;
const passed = (detail) => ({ outcome: PASSED, detail });
const skipped = (detail) => ({ outcome: SKIPPED, detail });

async function checkBrowser() {
  if (!(await supported())) throw new Refused("this browser's WebCrypto has no Ed25519; a newer one does");
  return passed("All cryptography runs in this page, by WebCrypto.");
}

async function readTrust(context) {
  if (context.input.trust.trim() === "") {
    throw new Refused("give a trust file or a verifier key: without one nothing is proven");
  }
  context.policy = await parsePolicy(context.input.trust);
  const { logs, genesis } = context.policy;
  const names = logs.map((log) => log.name).join(", ");
  return passed(`It names ${names}${genesis ? " and pins the genesis" : ""}.`);
}

async function readProof(context) {
  const proof = parseProofFile(context.input.proof);
  const { index } = context.input;
  if (index !== undefined && proof.index !== BigInt(index)) {
    throw new Refused(`the proof is of entry ${proof.index}, not ${index}`);
  }
  const { header, headerBytes, signature } = parseEntry(proof.entry);
  Object.assign(context, { proof, header, headerBytes, signature, index: proof.index });
  context.note = parseNote(proof.checkpoint);
  context.checkpoint = parseCheckpoint(context.note.text);
  return passed(`Entry ${proof.index}: ${header.type} in ${header.stream}, revision ${header.seq}.`);
}

async function checkCheckpoint(context) {
  const { checkpoint, policy, note } = context;
  const logs = policy.logs.filter((log) => log.name === checkpoint.origin);
  if (logs.length === 0) {
    throw new Refused(`the checkpoint is of ${checkpoint.origin}, which your trust does not name`);
  }
  if (tenantOf(checkpoint.origin) !== context.header.tenant) throw new Refused("the event is of another tenant than the log");
  context.verified = await verifyNote(note, [...logs, ...policy.witnesses.values()]);
  if (!logs.some((log) => context.verified.includes(log))) {
    throw new Refused("the checkpoint has no signature of a key that you trust");
  }
  return passed(`${checkpoint.origin}, ${checkpoint.size} entries.`);
}

/** `<ledger name>/<tenant id>`, and `/e2` behind it for a successor log. */
function tenantOf(origin) {
  const parts = origin.split("/");
  if (parts.length > 2 && /^e\d+$/.test(parts.at(-1))) parts.pop();
  return parts.at(-1);
}

async function checkWitnesses({ policy, verified }) {
  const count = [...policy.witnesses.values()].filter((key) => verified.includes(key)).length;
  if (!quorumMet(policy, verified)) {
    throw new Refused(`${count} witnesses cosigned, which is not the quorum of your trust file`);
  }
  if (policy.quorum === "none") return skipped("Your trust file asks for none.");
  return passed(`${count} cosigned: the quorum ${policy.quorum} is met.`);
}

async function checkInclusion({ proof, checkpoint }) {
  await verifyInclusion(await leafHash(proof.entry), proof.index, checkpoint.size, proof.proof, checkpoint.root);
  return passed(`Index ${proof.index} of ${checkpoint.size}, by ${proof.proof.length} hashes.`);
}

async function checkKey(context) {
  const { input, header, policy } = context;
  if (input.eventKey?.trim()) {
    context.publicKey = fromText(input.eventKey);
    if ((await keyId(context.publicKey)) !== header.kid) {
      throw new Refused("the event names another key than the one you gave");
    }
    return passed(`${header.kid}, the key that you gave.`);
  }
  if (!policy.genesis) throw new Refused("give the event's public key, or a trust file with a line “# genesis …”");
  const entries = await Promise.all((input.keys ?? []).map((file) => keyEntry(file, context)));
  const state = await activeKey(entries, {
    origin: context.checkpoint.origin, tenant: header.tenant, genesis: policy.genesis, before: context.index,
  });
  if (state.active !== header.kid) {
    throw new Refused(`key ${state.active} was active, and the event names ${header.kid}`);
  }
  context.publicKey = state.publicKey;
  const rotations = state.retired.length;
  return passed(`${header.kid}, from the pinned genesis through ${rotations} rotation${rotations === 1 ? "" : "s"}.`);
}

/** A key event counts only where the same trusted log has it. */
async function keyEntry(file, context) {
  const { index, entry, proof, checkpoint } = parseProofFile(file);
  const note = parseNote(checkpoint);
  const head = parseCheckpoint(note.text);
  const logs = context.policy.logs.filter((log) => log.name === context.checkpoint.origin);
  if (head.origin !== context.checkpoint.origin || (await verifyNote(note, logs)).length === 0) {
    throw new Refused("a key event comes with a checkpoint that you do not trust");
  }
  await verifyInclusion(await leafHash(entry), index, head.size, proof, head.root);
  return { index, entry };
}

async function checkSignature({ publicKey, signature, headerBytes, header }) {
  await verify(publicKey, signature, pae(PAYLOAD_TYPE, headerBytes));
  return passed(`Ed25519 by ${header.kid}.`);
}

/** Is `later` the revision after `earlier` in the same stream? */
const follows = (later, earlier) =>
  later.stream === earlier.stream && later.tenant === earlier.tenant && later.seq === earlier.seq + 1;

async function checkPrevious({ input, header }) {
  if (header.seq === 0) return skipped("This is the first event of its stream.");
  if (!input.previous) throw new Refused("the event before was not given");
  const before = parseEntry(input.previous);
  if (!follows(header, before.header)) {
    throw new Refused("the event given as the one before is another one");
  }
  if (base64url(await eventHash(before.headerBytes)) !== header.prev) {
    throw new Refused("the event before is not the one that this event names by its hash");
  }
  return passed(`Revision ${before.header.seq} has the hash that this event names.`);
}

async function checkNext({ input, header, headerBytes }) {
  if (!input.next) return skipped("There is none yet, or it was not given.");
  const after = parseEntry(input.next);
  if (!follows(after.header, header)) {
    throw new Refused("the event given as the one after is another one");
  }
  if (base64url(await eventHash(headerBytes)) !== after.header.prev) {
    throw new Refused("the event after names another event before it");
  }
  return passed(`Revision ${after.header.seq} names this event by its hash.`);
}

async function checkDisclosures({ input, header }) {
  const digests = header._sd ?? [];
  if (digests.length === 0) return skipped("This event withholds nothing.");
  const given = input.disclosures ?? [];
  for (const disclosure of given) {
    if (!digests.includes(await disclosureDigest(disclosure))) {
      throw new Refused(`the value of “${disclosure.name}” is not the one that was signed`);
    }
  }
  const names = new Set(given.map((disclosure) => disclosure.name));
  if (names.size !== given.length) throw new Refused("a value is disclosed twice");
  const count = `${given.length} of ${digests.length} values`;
  return given.length > 0 ? passed(`${count} fit the signed digests.`) : skipped(`${count} are disclosed to you.`);
}

