// The key stream of a log, folded from its genesis: which key may sign which entry (formats, section "Keys").

import { Refused, base64url, concat, fromBase64, fromHex, same, utf8 } from "./bytes.mjs";
import { checkPublicKey, keyId, verify } from "./ed25519.mjs";
import { PAYLOAD_TYPE, eventHash, pae, parseEntry } from "./event.mjs";

const GENESIS = "ledger.key.genesis.v1";
const ROTATED = "ledger.key.rotated.v1";
const REVOKED = "ledger.key.revoked.v1";
const DISPUTED = "ledger.key.disputed.v1";

/**
 * Folds the entries of a key stream, in order, up to the entry before `before`, and gives the key that is active
 * there. `entries` is a list of `{index, entry}`; `genesis` is the pinned event hash, or undefined.
 *
 * What it cannot see: a key event that whoever hands over the entries leaves out at the end.
 * Offline replay of the whole log sees that too.
 */
export async function activeKey(entries, { origin, tenant, genesis, before }) {
  let state;
  for (const { index, entry } of entries) {
    if (index >= before && state) break;
    state = await admit(state, index, parseEntry(entry), { origin, tenant, genesis });
  }
  if (!state) throw new Refused("the key stream is empty");
  if (!state.active) throw new Refused("no key is active at this entry: the last one was revoked");
  return state;
}

async function admit(state, index, { header, headerBytes, signature }, expected) {
  const at = `key event ${header.seq}`;
  if (header.stream !== `key-${expected.tenant}` || header.tenant !== expected.tenant) {
    throw new Refused(`${at} is of another stream`);
  }
  const hash = await eventHash(headerBytes);
  const message = pae(PAYLOAD_TYPE, headerBytes);
  if (!state) {
    const next = await begin(index, header, hash, expected);
    await verify(next.publicKey, signature, message);
    return next;
  }
  if (index <= state.index) throw new Refused(`${at} is out of order`);
  if (header.seq !== state.seq + 1 || header.prev !== base64url(state.hash)) {
    throw new Refused(`${at} does not follow the one before`);
  }
  if (header.kid !== state.active) throw new Refused(`${at} is not signed by the key that was active`);
  await verify(state.publicKey, signature, message);
  const next = { ...state, seq: header.seq, index, hash, events: state.events + 1 };
  return apply(next, header, expected, at);
}

async function begin(index, header, hash, { origin, genesis }) {
  if (header.type !== GENESIS || header.seq !== 0 || index !== 0n) {
    throw new Refused("the key stream does not begin with the genesis at entry 0");
  }
  if (genesis && !same(hash, genesis)) throw new Refused("the genesis is not the one that the trust file pins");
  if (header.data.origin !== origin) throw new Refused("the genesis is of another log");
  const { kid, publicKey } = await introduced(header.data);
  if (header.kid !== kid) throw new Refused("the genesis is not signed by the key that it introduces");
  return { active: kid, publicKey, seq: 0, index, hash, events: 1, since: 0n, pinned: Boolean(genesis), retired: [] };
}

async function apply(state, { type, data }, { origin }, at) {
  if (type === ROTATED) {
    const { kid, publicKey } = await introduced(data);
    if (data.old_kid !== state.active) throw new Refused(`${at} replaces a key that was not active`);
    if (state.retired.includes(kid)) throw new Refused(`${at} brings back an old key`);
    const statement = concat(
      utf8(`ledger-key-rotation/v1\n${origin}\n`), fromHex(data.old_kid, "the old key id"), publicKey,
    );
    await verify(publicKey, fromBase64(`${data.proof}`, "the proof of possession"), statement);
    return { ...state, active: kid, publicKey, since: state.index, retired: [...state.retired, state.active] };
  }
  if (type === REVOKED) {
    const retired = [...state.retired, data.kid];
    return data.kid === state.active ? { ...state, active: undefined, retired } : { ...state, retired };
  }
  if (type === DISPUTED) return state;
  throw new Refused(`${at} is of a type that is not understood`);
}

async function introduced(data) {
  const publicKey = fromBase64(`${data.key}`, "the introduced key");
  checkPublicKey(publicKey);
  const kid = await keyId(publicKey);
  if (data.kid !== kid) throw new Refused("the introduced key does not have the id that is said");
  return { kid, publicKey };
}
