// One entry of a log: the DSSE envelope, the header in it, and the hashes that others name.

import { Refused, base64url, concat, fromBase64, fromBase64url, sha256, utf8 } from "./bytes.mjs";
import { canonical, isObject, parseCanonical } from "./json.mjs";

/** The payload type of every event. */
export const PAYLOAD_TYPE = "application/vnd.integration-ledger.event+json";

const ENTRY_MAX = 48_000;
const HEADER_MAX = 35_000;
const REQUIRED = ["v", "id", "type", "tenant", "stream", "seq", "time", "actor", "kid", "data"];
const OPTIONAL = ["prev", "cause", "correlation", "cmd", "_sd"];

/** `"DSSEv1" SP len(type) SP type SP len(body) SP body`. */
export const pae = (type, body) =>
  concat(utf8(`DSSEv1 ${utf8(type).length} ${type} ${body.length} `), body);

/** SHA-256 of the encoding that was signed: what the next event of the stream names as `prev`. */
export const eventHash = (header) => sha256(pae(PAYLOAD_TYPE, header));

/** Reads an entry: the canonical envelope of one header with one signature, nothing else. */
export function parseEntry(bytes) {
  if (bytes.length > ENTRY_MAX) throw new Refused(`the entry has more than ${ENTRY_MAX} bytes`);
  const envelope = parseCanonical(bytes, "the entry");
  onlyMembers(envelope, ["payload", "payloadType", "signatures"], [], "the entry");
  if (envelope.payloadType !== PAYLOAD_TYPE) throw new Refused("the entry is of another payload type");
  if (!Array.isArray(envelope.signatures) || envelope.signatures.length !== 1) {
    throw new Refused("the entry must have exactly one signature");
  }
  const [signature] = envelope.signatures;
  onlyMembers(signature, ["keyid", "sig"], [], "the entry's signature");
  const headerBytes = fromBase64(`${envelope.payload}`, "the entry's payload");
  if (headerBytes.length > HEADER_MAX) throw new Refused(`the header has more than ${HEADER_MAX} bytes`);
  const header = parseCanonical(headerBytes, "the header");
  checkHeader(header);
  if (signature.keyid !== header.kid) throw new Refused("the entry and its header name different keys");
  return { header, headerBytes, signature: fromBase64(`${signature.sig}`, "the signature") };
}

function checkHeader(header) {
  onlyMembers(header, REQUIRED, OPTIONAL, "the header");
  if (header.v !== 1) throw new Refused("the header is of another format version");
  if (!/^[0-9a-f]{32}$/.test(header.kid)) throw new Refused("the header's key id is malformed");
  if (!Number.isSafeInteger(header.seq) || header.seq < 0) throw new Refused("the header's seq is malformed");
  if ((header.seq === 0) !== (header.prev === undefined)) {
    throw new Refused("the header must name the event before exactly when there is one");
  }
  if (!isObject(header.data)) throw new Refused("the header's data is not an object");
  const digests = header._sd ?? [];
  if (!Array.isArray(digests) || digests.some((digest) => !/^[A-Za-z0-9_-]{43}$/.test(digest))) {
    throw new Refused("the header's list of digests is malformed");
  }
  for (const member of ["id", "type", "tenant", "stream", "time"]) {
    if (typeof header[member] !== "string") throw new Refused(`the header's ${member} is not a text`);
  }
}

function onlyMembers(value, required, optional, what) {
  if (!isObject(value)) throw new Refused(`${what} is not an object`);
  for (const name of required) if (!Object.hasOwn(value, name)) throw new Refused(`${what} has no ${name}`);
  const unknown = Object.keys(value).find((name) => !required.includes(name) && !optional.includes(name));
  if (unknown !== undefined) throw new Refused(`${what} has an unknown member`);
}

/** Reads a `.tlog-proof` file: entry, index, inclusion proof and signed checkpoint. */
export function parseProofFile(source) {
  const end = source.indexOf("\n\n");
  if (end < 0) throw new Refused("the proof file has no checkpoint");
  const [first, extra, index, ...hashes] = source.slice(0, end).split("\n");
  if (first !== "c2sp.org/tlog-proof@v1") throw new Refused("this is not a tlog-proof file");
  if (!extra?.startsWith("extra ")) throw new Refused("the proof file does not carry the entry");
  const number = index?.match(/^index (0|[1-9]\d{0,19})$/);
  if (!number) throw new Refused("the proof file names no index");
  const proof = hashes.map((line) => {
    const hash = fromBase64(line, "a hash of the proof");
    if (hash.length !== 32) throw new Refused("a hash of the proof has not 32 bytes");
    return hash;
  });
  return {
    entry: fromBase64(extra.slice("extra ".length), "the entry"),
    index: BigInt(number[1]),
    proof,
    checkpoint: source.slice(end + 2),
  };
}

/** The digest that stands in `_sd` for a disclosure `{salt, name, value}`. */
export async function disclosureDigest({ salt, name, value }) {
  fromBase64url(salt, "the salt");
  const json = canonical([salt, name, value]);
  return base64url(await sha256(utf8(base64url(utf8(json)))));
}

