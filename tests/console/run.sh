#!/usr/bin/env bash
# The console's tests: the verifier under Node, then everything in a real headless Chromium.
# Installs what is missing on a fresh Debian machine. LEDGER_BIN names a server that is built already.
set -euo pipefail
cd "$(dirname "$0")"

need() { # command, package
  command -v "$1" >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${@:2}" >/dev/null; }
}
need node nodejs npm
need chromium chromium fonts-dejavu-core fonts-noto-color-emoji
[ -d node_modules/playwright-core ] || npm ci --silent

debug="$(cd ../.. && cargo metadata --format-version 1 --no-deps | node -p 'JSON.parse(require("fs").readFileSync(0)).target_directory')/debug"
if [ -z "${LEDGER_BIN:-}" ]; then
  (cd ../.. && cargo build --quiet --bin ledger)
  LEDGER_BIN="$debug/ledger"
fi
if [ -z "${FAKE_BIN:-}" ]; then
  (cd ../.. && cargo build --quiet -p ledger-fakes --example serve)
  FAKE_BIN="$debug/examples/serve"
fi
export LEDGER_BIN FAKE_BIN

node --test verify/
node --test --test-concurrency=1 browser/
