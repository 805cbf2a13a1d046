// Canonical JSON (RFC 8785). JavaScript's own serialisation of strings and numbers is the one that the RFC names.

import { Refused, text } from "./bytes.mjs";

/** Deeper nesting is refused, as at ingest. */
const DEPTH_MAX = 64;

/** The canonical text of a JSON value. */
export function canonical(value, depth = 0) {
  if (depth > DEPTH_MAX) throw new Refused(`the JSON is nested deeper than ${DEPTH_MAX}`);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join(",")}]`;
  if (value !== null && typeof value === "object") {
    // Sorted by UTF-16 code units, which is how JavaScript compares texts.
    const members = Object.keys(value).sort();
    return `{${members.map((name) => `${string(name)}:${canonical(value[name], depth + 1)}`).join(",")}}`;
  }
  if (typeof value === "string") return string(value);
  if (typeof value === "number" && !exact(value)) throw new Refused("the JSON has a number beyond 2^53-1");
  return JSON.stringify(value);
}

/**
 * Reads bytes that must be canonical JSON.
 *
 * The parser keeps the last of two equal names and rounds large numbers; both change the text that comes out
 * again, so that the comparison refuses them.
 */
export function parseCanonical(bytes, what) {
  const source = text(bytes, what);
  let value;
  try {
    value = JSON.parse(source);
  } catch {
    throw new Refused(`${what} is not JSON`);
  }
  if (canonical(value) !== source) throw new Refused(`${what} is not canonical JSON`);
  return value;
}

/** Is it a JSON object? */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** From 1e21 on the text has an exponent, and nobody takes it for an exact integer. */
const exact = (number) => !Number.isInteger(number) || Number.isSafeInteger(number) || Math.abs(number) >= 1e21;

function string(value) {
  // A lone surrogate has no UTF-8 form; serialisation would escape it and hide that.
  if (/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(value)) {
    throw new Refused("the JSON has half a surrogate pair");
  }
  return JSON.stringify(value);
}
