// RFC 6962 Merkle trees with SHA-256: leaf hashes and inclusion proofs.

import { Refused, same, sha256 } from "./bytes.mjs";

/** No proof of a 64-bit tree is longer. */
export const HASHES_MAX = 63;

/** H(0x00 ‖ entry). */
export const leafHash = (entry) => sha256(Uint8Array.of(0), entry);

const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/**
 * Refuses unless `leaf` stands at `index` in the tree with this size and root (RFC 9162 §2.1.3.2).
 * `index` and `size` are BigInt: a log may outgrow what a number holds.
 */
export async function verifyInclusion(leaf, index, size, proof, root) {
  if (index >= size) throw new Refused(`entry ${index} lies outside a tree of ${size} entries`);
  if (proof.length > HASHES_MAX) throw new Refused("the proof has more hashes than any tree needs");
  const length = new Refused(`the proof has ${proof.length} hashes, which a tree of ${size} entries cannot have`);
  let place = index;
  let last = size - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n) throw length;
    if (place & 1n || place === last) {
      hash = await nodeHash(sibling, hash);
      while (!(place & 1n) && place !== 0n) {
        place >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    place >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw length;
  if (!same(hash, root)) throw new Refused("the proof leads to another root than the checkpoint's");
}
