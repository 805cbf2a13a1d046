// A small ledger in JavaScript: makes what the verifier reads, so that tests can bend it.
// It shares no code with the verifier except the texts of bytes.

import { createHash, createPrivateKey, createPublicKey, sign } from "node:crypto";

export const PAYLOAD_TYPE = "application/vnd.integration-ledger.event+json";
export const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((p) => Buffer.from(p)))).digest();
export const b64 = (bytes) => Buffer.from(bytes).toString("base64");
export const b64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** An Ed25519 key from a 32-byte seed. */
export function keyFrom(seed) {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(seed)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(-32);
  return { publicKey, kid: sha256(publicKey).subarray(0, 16).toString("hex"), sign: (message) => sign(null, Buffer.from(message), privateKey) };
}

/** A verifier key of this name. */
export function vkey(name, publicKey, kind = 1) {
  const typed = Buffer.concat([Buffer.of(kind), publicKey]);
  return `${name}+${sha256(`${name}\n`, typed).subarray(0, 4).toString("hex")}+${b64(typed)}`;
}

export const jcs = (value) => {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (value && typeof value === "object") {
    return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${jcs(value[k])}`).join(",")}}`;
  }
  return JSON.stringify(value);
};

export const pae = (body) => Buffer.concat([Buffer.from(`DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${body.length} `), body]);
export const digestOf = ({ salt, name, value }) => b64url(sha256(b64url(Buffer.from(jcs([salt, name, value])))));

const node = (l, r) => sha256(Buffer.of(1), l, r);
const split = (n) => 2 ** Math.ceil(Math.log2(n) - 1);
export const root = (leaves) =>
  leaves.length === 0 ? sha256("") : leaves.length === 1 ? leaves[0] : node(root(leaves.slice(0, split(leaves.length))), root(leaves.slice(split(leaves.length))));
export function path(index, leaves) {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...path(index, leaves.slice(0, k)), root(leaves.slice(k))]
    : [...path(index - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

/** A log of one tenant. */
export class Log {
  constructor(origin = "ledger.test/acme", seed = 1) {
    this.origin = origin;
    this.tenant = origin.split("/")[1];
    this.checkpointKey = keyFrom(Buffer.alloc(32, seed + 100));
    this.key = keyFrom(Buffer.alloc(32, seed));
    this.entries = [];
    this.heads = new Map();
    this.append(`key-${this.tenant}`, "ledger.key.genesis.v1", {
      origin, kid: this.key.kid, key: b64(this.key.publicKey),
    });
    this.genesis = this.heads.get(`key-${this.tenant}`).hash;
  }

  /** Appends an event; `change` may bend the header before it is signed. */
  append(stream, type, data, { sd, change = (h) => h, key = this.key } = {}) {
    const head = this.heads.get(stream) ?? { seq: -1 };
    const n = this.entries.length.toString(16).padStart(12, "0");
    const header = change({
      v: 1, id: `0190f000-0000-7000-8000-${n}`, type, tenant: this.tenant, stream, seq: head.seq + 1,
      ...(head.hash && { prev: b64url(head.hash) }), time: "2026-03-01T00:00:00.000000Z",
      actor: { id: "probe-1", kind: "probe" }, kid: key.kid, data, ...(sd && { _sd: [...sd].sort() }),
    });
    const bytes = Buffer.from(jcs(header));
    this.heads.set(stream, { seq: header.seq, hash: sha256(pae(bytes)) });
    this.entries.push(Buffer.from(jcs({
      payload: b64(bytes), payloadType: PAYLOAD_TYPE, signatures: [{ keyid: key.kid, sig: b64(key.sign(pae(bytes))) }],
    })));
    return this.entries.length - 1;
  }

  /** Rotates the signing key. */
  rotate(seed) {
    const next = keyFrom(Buffer.alloc(32, seed));
    const statement = Buffer.concat([Buffer.from(`ledger-key-rotation/v1\n${this.origin}\n`), Buffer.from(this.key.kid, "hex"), next.publicKey]);
    const at = this.append(`key-${this.tenant}`, "ledger.key.rotated.v1", {
      old_kid: this.key.kid, kid: next.kid, key: b64(next.publicKey), proof: b64(next.sign(statement)),
    });
    this.key = next;
    return at;
  }

  get leaves() {
    return this.entries.map((entry) => sha256(Buffer.of(0), entry));
  }

  /** The signed checkpoint over all entries. */
  checkpoint({ witnesses = [] } = {}) {
    const text = `${this.origin}\n${this.entries.length}\n${b64(root(this.leaves))}\n`;
    const line = (name, id, sig) => `\u2014 ${name} ${b64(Buffer.concat([id, sig]))}\n`;
    const id = (key, name, kind) => sha256(`${name}\n`, Buffer.of(kind), key.publicKey).subarray(0, 4);
    let note = `${text}\n${line(this.origin, id(this.checkpointKey, this.origin, 1), this.checkpointKey.sign(text))}`;
    for (const { name, key, time } of witnesses) {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(time));
      const sig = key.sign(`cosignature/v1\ntime ${time}\n${text}`);
      note += line(name, id(key, name, 4), Buffer.concat([stamp, sig]));
    }
    return note;
  }

  /** The `.tlog-proof` of an entry. */
  proof(index, options) {
    const hashes = path(index, this.leaves).map((h) => `${b64(h)}\n`).join("");
    return `c2sp.org/tlog-proof@v1\nextra ${b64(this.entries[index])}\nindex ${index}\n${hashes}\n${this.checkpoint(options)}`;
  }

  /** The trust file that an auditor would hold. */
  trust() {
    return `# genesis ${b64url(this.genesis)}\nlog ${vkey(this.origin, this.checkpointKey.publicKey)}\nquorum none\n`;
  }
}
