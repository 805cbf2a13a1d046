// Bytes and their texts. Everything is strict: a text that has two spellings could hide a change.

const ENCODER = new TextEncoder();

/** A reason for refusing input. Its message is shown to the reader. */
export class Refused extends Error {}

/** The UTF-8 bytes of a text. */
export const utf8 = (text) => ENCODER.encode(text);

/** The text of UTF-8 bytes; bytes that are not UTF-8 are refused. */
export function text(bytes, what = "the text") {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(`${what} is not UTF-8`);
  }
}

/** All the parts after one another. */
export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Are the bytes the same? Nothing here is secret, so time may tell. */
export const same = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** Lower-case hexadecimal. */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The bytes of lower-case hexadecimal. */
export function fromHex(value, what = "the value") {
  if (!/^(?:[0-9a-f]{2})*$/.test(value)) throw new Refused(`${what} is not lower-case hexadecimal`);
  return Uint8Array.from(value.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** Standard base64 with padding (RFC 4648 §4). */
export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

/** base64url without padding (RFC 4648 §5). */
export const base64url = (bytes) =>
  base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** Reads standard base64; only the one spelling that encoding gives is accepted. */
export function fromBase64(value, what = "the value") {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(value), (char) => char.charCodeAt(0));
  } catch {
    throw new Refused(`${what} is not base64`);
  }
  if (base64(bytes) !== value) throw new Refused(`${what} is not strict base64`);
  return bytes;
}

/** Reads unpadded base64url; only the one spelling that encoding gives is accepted. */
export function fromBase64url(value, what = "the value") {
  if (!/^[A-Za-z0-9_-]*$/.test(value)) throw new Refused(`${what} is not unpadded base64url`);
  const padded = value.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (value.length % 4)) % 4);
  return fromBase64(padded, what);
}

/** SHA-256 of the parts after one another. */
export async function sha256(...parts) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}
