// The verification panel of the event page: hands the reader's trust and the server's claims to the verifier.

import { fromBase64, text } from "../verify/bytes.mjs";
import { PASSED, SKIPPED, verifyEvent } from "../verify/verify.mjs";

const form = document.getElementById("verify-form");
const list = document.getElementById("verify-steps");
const verdict = document.getElementById("verify-verdict");
const { proof, trust, key, load } = form.elements;
const MARKS = { passed: ["pass", "Passed"], failed: ["fail", "Refused"], skipped: ["unknown", "Not checked"] };
const PROVEN = "The event is signed by the log's key, stands in the log at this index, and its neighbours agree.";

/** What the server says about the event. Asked for once; nothing in it is believed. */
let material;
async function fetchMaterial() {
  if (material) return material;
  const response = await fetch(form.dataset.material, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error((await response.text()) || `the server answered ${response.status}`);
  material = await response.json();
  return material;
}

const bytes = (value) => (value ? fromBase64(value) : undefined);

function element(name, className, content) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(content);
  return made;
}

function item({ title, outcome, detail }) {
  const [kind, word] = MARKS[outcome];
  const words = element("span", "", title);
  words.append(element("span", "detail", detail));
  const entry = element("li", "", element("span", `badge ${kind}`, word));
  entry.append(words);
  entry.dataset.outcome = outcome;
  return entry;
}

function conclude(kind, title, detail) {
  verdict.className = `notice ${kind}`;
  verdict.replaceChildren(element("strong", "", title), element("p", "", detail));
  verdict.hidden = false;
  verdict.dataset.verdict = kind;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  list.replaceChildren();
  verdict.hidden = true;
  delete verdict.dataset.verdict;
  let claims;
  try {
    claims = await fetchMaterial();
  } catch (error) {
    return conclude("bad", "The proof could not be fetched.", error.message);
  }
  if (proof.value.trim() === "") proof.value = claims.proof;
  const { ok, steps } = await verifyEvent({
    proof: proof.value, trust: trust.value, eventKey: key.value, index: form.dataset.index, keys: claims.keys,
    previous: bytes(claims.previous), next: bytes(claims.next), disclosures: claims.disclosures,
  }, (step) => list.append(item(step)));
  const count = (outcome) => steps.filter((step) => step.outcome === outcome).length;
  if (ok) {
    return conclude("good", "Verified.",
      `${count(PASSED)} steps passed in your browser, ${count(SKIPPED)} had nothing to check. ${PROVEN}`);
  }
  const first = steps.find((step) => step.outcome === "failed");
  return conclude("bad", "Refused.", first ? `${first.title}: ${first.detail}` : "A step could not be checked.");
});

// The proof is shown before it is used, so that the reader can keep it, or bend it to see it refused.
load.addEventListener("click", async () => {
  try {
    proof.value = (await fetchMaterial()).proof;
    proof.closest("details").open = true;
  } catch (error) {
    conclude("bad", "The proof could not be fetched.", error.message);
  }
});

for (const picker of form.querySelectorAll('input[type="file"]')) {
  picker.addEventListener("change", async () => {
    const [file] = picker.files;
    if (!file) return;
    try {
      form.elements[picker.dataset.fills].value = text(new Uint8Array(await file.arrayBuffer()), file.name);
    } catch (error) {
      conclude("bad", "The file cannot be read.", error.message);
    }
  });
}
