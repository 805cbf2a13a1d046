// Lets the npm package canonicalize judge an export: canonical.mjs EXPORT. Installed beside this file by run.sh.
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import canonicalize from "canonicalize";

const root = process.argv[2];
const files = readdirSync(join(root, "tile/entries"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

function check(what, bytes) {
  const text = bytes.toString("utf8");
  if (canonicalize(JSON.parse(text)) !== text) throw new Error(`${what} is not canonical`);
  return JSON.parse(text);
}

let count = 0;
try {
  for (const file of files) {
    const place = relative(root, file);
    let data = readFileSync(file);
    while (data.length > 0) {
      const entry = data.subarray(2, 2 + data.readUInt16BE(0));
      const envelope = check(`an entry of ${place}`, entry);
      check(`a header of ${place}`, Buffer.from(envelope.payload, "base64"));
      data = data.subarray(2 + entry.length);
      count += 1;
    }
  }
  const manifest = check("the manifest", readFileSync(join(root, "manifest.json")));
  check("the manifest's payload", Buffer.from(manifest.payload, "base64"));
} catch (error) {
  console.error(`refused by canonicalize: ${error.message}`);
  process.exit(1);
}
const { version } = JSON.parse(readFileSync(new URL("node_modules/canonicalize/package.json", import.meta.url)));
console.log(`accepted: ${count} entries, their headers and the manifest, by canonicalize ${version} (JavaScript)`);
