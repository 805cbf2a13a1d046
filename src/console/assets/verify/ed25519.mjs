// Ed25519 (RFC 8032) by WebCrypto, with the checks before it that the ledger's format asks for.
//
// WebCrypto verifies one signature without cofactor, as `ledger-replay verify --strict` does.
// It does not promise to refuse keys and points of small order or second spellings; that happens here.

import { Refused, concat, hex, sha256 } from "./bytes.mjs";

const P = (1n << 255n) - 19n;
const L = (1n << 252n) + 27742317777372353535851937790883648493n;

/** y coordinates of the eight points of small order (two signs of x share one y). */
const SMALL_Y = new Set([
  0n,
  1n,
  P - 1n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
]);

/** The key id: the first 16 bytes of SHA-256(public key), in hexadecimal. */
export const keyId = async (publicKey) => hex((await sha256(publicKey)).slice(0, 16));

/** Can this browser verify Ed25519 at all? */
export async function supported() {
  try {
    const base = new Uint8Array(32).fill(0x66);
    base[0] = 0x58;
    await crypto.subtle.importKey("raw", base, "Ed25519", false, ["verify"]);
    return true;
  } catch {
    return false;
  }
}

/** Refuses what is not the one spelling of a usable public key. */
export function checkPublicKey(publicKey) {
  if (publicKey.length !== 32) throw new Refused("an Ed25519 public key has 32 bytes");
  checkPoint(publicKey, "the public key");
}

/** Verifies a signature; says why it is refused. */
export async function verify(publicKey, signature, message) {
  checkPublicKey(publicKey);
  if (signature.length !== 64) throw new Refused("an Ed25519 signature has 64 bytes");
  checkPoint(signature.slice(0, 32), "the signature's first half");
  if (little(signature.slice(32)) >= L) throw new Refused("the signature's second half is not reduced");
  let key;
  try {
    key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch {
    throw new Refused("the public key is not a point of the curve, or this browser has no Ed25519");
  }
  if (!(await crypto.subtle.verify("Ed25519", key, signature, message))) {
    throw new Refused("the signature does not fit");
  }
}

/** The public key of a text in base64 or hexadecimal, as people have it. */
export function fromText(value) {
  const trimmed = value.trim();
  let bytes;
  if (/^[0-9a-f]{64}$/i.test(trimmed)) {
    bytes = Uint8Array.from(trimmed.match(/../g), (pair) => Number.parseInt(pair, 16));
  } else {
    const plain = trimmed.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
    if (!/^[A-Za-z0-9+/]{43}$/.test(plain)) {
      throw new Refused("a public key is written as 64 hexadecimal digits or as base64 of 32 bytes");
    }
    bytes = Uint8Array.from(atob(`${plain}=`), (char) => char.charCodeAt(0));
  }
  checkPublicKey(bytes);
  return bytes;
}

function checkPoint(point, what) {
  const y = little(concat(point.slice(0, 31), Uint8Array.of(point[31] & 0x7f)));
  if (y >= P) throw new Refused(`${what} has a second spelling`);
  if (SMALL_Y.has(y)) throw new Refused(`${what} is a point of small order`);
}

const little = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);

