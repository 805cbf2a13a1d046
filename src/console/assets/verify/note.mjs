// C2SP signed notes, verifier keys, cosignatures and checkpoints.

import { Refused, concat, fromBase64, hex, sha256, utf8 } from "./bytes.mjs";
import { checkPublicKey, verify } from "./ed25519.mjs";

const NOTE_MAX = 64 * 1024;
const SIGNATURES_MAX = 64;
const ED25519 = 0x01;
const COSIGNATURE = 0x04;

/** Whether a text may be the name of a key. */
export const isKeyName = (name) => name !== "" && !/[\s+\p{Cc}]/u.test(name);

/** Reads a verifier key: `name+hex8(key id)+base64(type ‖ public key)`. */
export async function parseVkey(value) {
  const parts = value.trim().match(/^([^+]+)\+([0-9a-f]{8})\+(.+)$/);
  if (!parts || !isKeyName(parts[1])) throw new Refused("a verifier key is written name+hash+key");
  const [, name, id, encoded] = parts;
  const bytes = fromBase64(encoded, "the verifier key");
  const [kind, publicKey] = [bytes[0], bytes.slice(1)];
  if (kind !== ED25519 && kind !== COSIGNATURE) throw new Refused(`keys of type ${kind} are not supported`);
  checkPublicKey(publicKey);
  const digest = await sha256(utf8(`${name}\n`), bytes);
  if (hex(digest.slice(0, 4)) !== id) throw new Refused("the verifier key's hash does not fit its name and key");
  return { name, id, kind, publicKey, text: value.trim() };
}

/** Reads a note: its text and its signature lines. */
export function parseNote(source) {
  if (source.length > NOTE_MAX) throw new Refused("the note is too long");
  if (/[^\P{Cc}\n]/u.test(source)) throw new Refused("the note has a control character");
  // The last empty line separates: the text itself may have empty lines.
  const at = source.lastIndexOf("\n\n");
  if (at < 0 || !source.endsWith("\n")) throw new Refused("the note has no signatures below an empty line");
  const lines = source.slice(at + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX) throw new Refused("the note has too many signatures");
  return { text: source.slice(0, at + 1), signatures: lines.map(parseLine) };
}

function parseLine(line, number) {
  const parts = line.match(/^\u2014 (\S+) (\S+)$/u);
  if (!parts || !isKeyName(parts[1])) throw new Refused(`signature line ${number + 1} is malformed`);
  const payload = fromBase64(parts[2], `signature line ${number + 1}`);
  if (payload.length < 5) throw new Refused(`signature line ${number + 1} is malformed`);
  return { name: parts[1], id: hex(payload.slice(0, 4)), signature: payload.slice(4) };
}

/**
 * Verifies the signatures of known keys and gives those keys.
 * Unknown keys are ignored; a known key whose signature is wrong rejects the whole note.
 */
export async function verifyNote(note, keys) {
  const verified = [];
  for (const { name, id, signature } of note.signatures) {
    const key = keys.find((known) => known.name === name && known.id === id);
    if (!key) continue;
    try {
      await verify(key.publicKey, ...signed(key, note.text, signature));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      throw new Refused(`the signature of ${name}: ${error.message}`);
    }
    if (!verified.includes(key)) verified.push(key);
  }
  return verified;
}

/** The signature and the message that a key of this kind signs. */
function signed(key, noteText, signature) {
  if (key.kind === ED25519) return [signature, utf8(noteText)];
  if (signature.length !== 72) throw new Refused("a cosignature has 72 bytes");
  const seconds = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
  return [signature.slice(8), concat(utf8(`cosignature/v1\ntime ${seconds}\n`), utf8(noteText))];
}

/** Reads a checkpoint's text: origin, size and root, nothing else. */
export function parseCheckpoint(noteText) {
  const lines = noteText.split("\n");
  const [origin, size, root] = lines;
  if (lines.length !== 4 || lines[3] !== "" || !isKeyName(origin) || !/^(?:0|[1-9]\d{0,19})$/.test(size)) {
    throw new Refused("a checkpoint has three lines: origin, size, base64 of the root");
  }
  const bytes = fromBase64(root, "the checkpoint's root");
  if (bytes.length !== 32) throw new Refused("the checkpoint's root has not 32 bytes");
  return { origin, size: BigInt(size), root: bytes };
}
