// The parts of the verifier against published vectors.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, fromBase64url, hex, same, sha256, text, utf8 } from "../../../src/console/assets/verify/bytes.mjs";
import { fromText, supported, verify } from "../../../src/console/assets/verify/ed25519.mjs";
import { pae } from "../../../src/console/assets/verify/event.mjs";
import { canonical, parseCanonical } from "../../../src/console/assets/verify/json.mjs";
import { leafHash, verifyInclusion } from "../../../src/console/assets/verify/merkle.mjs";
import { parseCheckpoint, parseNote, parseVkey, verifyNote } from "../../../src/console/assets/verify/note.mjs";
import { parsePolicy, quorumMet } from "../../../src/console/assets/verify/policy.mjs";
import { path, root, sha256 as nodeSha256 } from "./issuer.mjs";

// formats.md, "Golden vector".
const LOG = "ledger.example/log+11639dd4+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
const WITNESS = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";
const CHECKPOINT = `ledger.example/log
3
2y7/5k02NSvNTCYL3g4RODEMn3e4nUxXV4ZS+bGFtjA=

— ledger.example/log EWOd1EgRIppBkQMmFJrGhsX4C3EzIibKfk8p0iOCzqmTA5ItIE82uxiKw2qgrnB90+QGYtIqG2aUflqI+Vm/01o6FQs=
— witness.example/w1 IDJKvgAAAABlU/EAw3xXo53i9XQK0nTeE729Ej1nNVu6EVEVFkVbumlfj4RJ7SVcskzOg0ZsOCt3XffJ4ZpQWMxG2gRN7jedUkCeCQ==
`;
const INCLUSION_1 = ["ZzTbOxm2Tcg3A/mh9K7naX37KS+04IJ8xj+KNRsbNgk=", "T7cNqgptqvfpPys3xeXfczRmMP2KUZltUPHY7v8nlCY="];

test("the golden checkpoint is accepted with the log's and the witness's key", async () => {
  const note = parseNote(CHECKPOINT);
  const keys = [await parseVkey(LOG), await parseVkey(WITNESS)];
  assert.equal((await verifyNote(note, keys)).length, 2);
  assert.equal(parseCheckpoint(note.text).size, 3n);
});

test("every changed byte of the golden checkpoint is refused or leaves no verified key", async () => {
  const keys = [await parseVkey(LOG), await parseVkey(WITNESS)];
  const bytes = utf8(CHECKPOINT);
  for (let at = 0; at < bytes.length; at += 1) {
    const bent = bytes.slice();
    bent[at] ^= 1;
    let verified = 0;
    try {
      const note = parseNote(text(bent));
      parseCheckpoint(note.text);
      verified = (await verifyNote(note, keys)).length;
    } catch { /* refused */ }
    assert.ok(verified < 2, `byte ${at}`);
  }
});

test("the golden inclusion proof leads to the root, and no other index or leaf does", async () => {
  const { root: expected } = parseCheckpoint(parseNote(CHECKPOINT).text);
  const proof = INCLUSION_1.map((line) => fromBase64(line));
  await verifyInclusion(await leafHash(utf8("event-1")), 1n, 3n, proof, expected);
  for (const [leaf, index, size] of [["event-1", 0n, 3n], ["event-1", 2n, 3n], ["event-2", 1n, 3n], ["event-1", 3n, 3n]]) {
    await assert.rejects(verifyInclusion(await leafHash(utf8(leaf)), index, size, proof, expected));
  }
  await assert.rejects(verifyInclusion(await leafHash(utf8("event-1")), 1n, 3n, proof.slice(1), expected));
});

test("inclusion proofs of every leaf of every tree up to 33 leaves verify", async () => {
  for (let size = 1; size <= 33; size += 1) {
    const leaves = Array.from({ length: size }, (_, i) => nodeSha256(Buffer.of(0), `leaf ${i}`));
    for (let index = 0; index < size; index += 1) {
      await verifyInclusion(leaves[index], BigInt(index), BigInt(size), path(index, leaves), root(leaves));
    }
  }
});

test("a key's hash must fit its name and key", async () => {
  await assert.rejects(parseVkey(LOG.replace("ledger.example", "ledger.evil")), /hash does not fit/);
  await assert.rejects(parseVkey("ledger.example/log"), /name\+hash\+key/);
});

test("the encoding that is signed is DSSE's", () => {
  assert.equal(text(pae("http://example.com/HelloWorld", utf8("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
});

test("RFC 8032 test vector 2 verifies, and not with another message", async () => {
  const key = fromText("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const signature = Buffer.from("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", "hex");
  assert.ok(await supported());
  await verify(key, signature, Uint8Array.of(0x72));
  await assert.rejects(verify(key, signature, Uint8Array.of(0x73)), /does not fit/);
});

test("keys and points of small order, second spellings and unreduced signatures are refused", async () => {
  const zeros = "00".repeat(32);
  const small = [
    "01" + "00".repeat(31), zeros, "ec" + "ff".repeat(30) + "7f", "01" + "00".repeat(30) + "80",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ];
  for (const point of small) assert.throws(() => fromText(point), /small order/, point);
  assert.throws(() => fromText("ee" + "ff".repeat(30) + "7f"), /second spelling/);
  const key = fromText("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const r = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da";
  // S + L, which some verifiers take.
  const s = "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
  const L = (1n << 252n) + 27742317777372353535851937790883648493n;
  const le = (h) => BigInt("0x" + h.match(/../g).reverse().join(""));
  const bent = (le(s) + L).toString(16).padStart(64, "0").match(/../g).reverse().join("");
  await assert.rejects(verify(key, Buffer.from(r + bent, "hex"), Uint8Array.of(0x72)), /not reduced/);
  await assert.rejects(verify(key, Buffer.from("01" + "00".repeat(31) + s, "hex"), Uint8Array.of(0x72)), /small order/);
});

test("canonical JSON is RFC 8785's, and nothing else is accepted", () => {
  const value = { "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\ud83d\ude00": "Emoji", "\u0080": "Control", "\u00f6": "O" };
  assert.equal(canonical(value), '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"O","\u20ac":"Euro Sign","\ud83d\ude00":"Emoji","\ufb33":"Hebrew Letter Dalet With Dagesh"}');
  assert.equal(canonical([333333333.33333329, 1e30, 4.5, 2e-3, 1e-27]), "[333333333.3333333,1e+30,4.5,0.002,1e-27]");
  for (const bad of ['{"b":1,"a":2}', '{"a":1,"a":1}', '{"a": 1}', "[1.0]", "[-0]", "[9007199254740993]", '["\\ud800"]', '["\\u0041"]', "[1", "\ufeff[]", "[" .repeat(70) + "]".repeat(70)]) {
    assert.throws(() => parseCanonical(utf8(bad), "it"), undefined, bad);
  }
  assert.deepEqual(parseCanonical(utf8('{"__proto__":[1],"a":null}'), "it").a, null);
});

test("base64 has one spelling", () => {
  for (const bad of ["QQ", "QR==", "Q Q=", "QQ=", "QQ==\n", "_w=="]) assert.throws(() => fromBase64(bad), undefined, bad);
  for (const bad of ["QQ==", "QR", "+w", "Q"]) assert.throws(() => fromBase64url(bad), undefined, bad);
  assert.ok(same(fromBase64url("_w"), Uint8Array.of(0xff)));
});

test("a trust file is read as C2SP's policy, and the quorum is counted", async () => {
  const policy = await parsePolicy(`# a comment\nlog ${LOG}\nwitness w1 ${WITNESS} https://w.example\ngroup g 1 w1\nquorum g\n`);
  const [w1] = policy.witnesses.values();
  assert.ok(quorumMet(policy, [w1]));
  assert.ok(!quorumMet(policy, []));
  assert.ok((await parsePolicy(LOG)).logs.length === 1);
  for (const bad of ["", "quorum none", `log ${LOG}`, `log ${LOG}\nquorum who`, `log ${LOG}\ngroup g 2 x\nquorum g`, `log ${LOG}\nquorum none\nquorum none`, `log ${LOG}\nhello\nquorum none`, `log ${LOG}\nwitness w ${WITNESS}\ngroup g 2 w\nquorum g`]) {
    await assert.rejects(parsePolicy(bad), undefined, bad);
  }
});

test("SHA-256 is SHA-256", async () => {
  assert.equal(hex(await sha256(utf8("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});
