// Trust files (C2SP tlog-policy): which log, which witnesses, how many of them, and the pinned genesis.

import { Refused, fromBase64url } from "./bytes.mjs";
import { parseVkey } from "./note.mjs";

/** Reads a trust file, or a single verifier key in its place. */
export async function parsePolicy(source) {
  const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: undefined, genesis: undefined };
  const lines = source.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 1 && !/\s/.test(lines[0])) {
    policy.logs.push(await parseVkey(lines[0]));
    policy.quorum = "none";
    return policy;
  }
  for (const line of lines) {
    if (line.startsWith("#")) {
      const pin = line.match(/^#\s*genesis\s+(\S+)$/);
      if (pin) policy.genesis = fromBase64url(pin[1], "the pinned genesis");
      continue;
    }
    await statement(policy, line.split(/\s+/));
  }
  if (policy.logs.length === 0) throw new Refused("the trust file names no log");
  if (policy.quorum === undefined) throw new Refused("the trust file has no quorum line");
  return policy;
}

async function statement(policy, [keyword, ...rest]) {
  const known = (name) => policy.witnesses.has(name) || policy.groups.has(name);
  if (keyword === "log" && rest.length >= 1 && rest.length <= 2) {
    policy.logs.push(await parseVkey(rest[0]));
  } else if (keyword === "witness" && rest.length >= 2 && rest.length <= 3) {
    if (known(rest[0]) || rest[0] === "none") throw new Refused(`the trust file names ${rest[0]} twice`);
    policy.witnesses.set(rest[0], await parseVkey(rest[1]));
  } else if (keyword === "group" && rest.length >= 3) {
    const [name, rule, ...members] = rest;
    if (known(name) || name === "none") throw new Refused(`the trust file names ${name} twice`);
    for (const member of members) {
      if (!known(member)) throw new Refused(`the trust file's group ${name} has an unknown member ${member}`);
    }
    policy.groups.set(name, { need: threshold(rule, members.length), members });
  } else if (keyword === "quorum" && rest.length === 1 && policy.quorum === undefined) {
    if (rest[0] !== "none" && !known(rest[0])) throw new Refused(`the trust file's quorum ${rest[0]} is unknown`);
    policy.quorum = rest[0];
  } else {
    throw new Refused(`the trust file has a line that is not understood: ${[keyword, ...rest].join(" ").slice(0, 80)}`);
  }
}

function threshold(rule, members) {
  if (rule === "any") return 1;
  if (rule === "all") return members;
  const need = /^[1-9]\d*$/.test(rule) ? Number(rule) : Number.NaN;
  if (!(need <= members)) throw new Refused("a group needs any, all, or a number of its members");
  return need;
}

/** Whether the witnesses that signed make the quorum. */
export function quorumMet(policy, verifiedKeys) {
  const met = (name) => {
    const group = policy.groups.get(name);
    if (group) return group.members.filter(met).length >= group.need;
    return verifiedKeys.includes(policy.witnesses.get(name));
  };
  return policy.quorum === "none" || met(policy.quorum);
}
