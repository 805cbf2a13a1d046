#!/usr/bin/env bash
# Lets others judge the stand-ins for the vendors: a client library that was not written for them drives the fake
# Jira, and the vendor's own API description stands between connector and fake, where it is at hand.
# Usage: tests/interop/vendors.sh [FOLDER OF API DESCRIPTIONS]
set -euo pipefail

here=$(realpath "$(dirname "$0")")
root=$(realpath "$here/../..")
descriptions=${1:-$root/../shared/vendors/specs}
work=$root/target/interop
mkdir -p "$work"
cd "$root"

if [[ ! -x $work/vendors/bin/python ]]; then
    python3 -m venv "$work/vendors"
    "$work/vendors/bin/pip" install -q --disable-pip-version-check jira==3.10.5
fi
cargo build --quiet -p ledger-fakes --example serve
"$work/vendors/bin/python" -B "$here/fakes.py" "${CARGO_TARGET_DIR:-target}/debug/examples/serve"

if [[ ! -f $descriptions/jira-cloud-v3.subset.json ]]; then
    echo "left out: the API description of Jira Cloud is not at hand ($descriptions)"
    exit 0
fi
[[ -x $work/prism/node_modules/.bin/prism ]] ||
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/prism" @stoplight/prism-cli@5.16.0
cargo test --quiet -p ledger-connectors --test vendors -- \
    --judge "$work/prism/node_modules/.bin/prism" "$descriptions/jira-cloud-v3.subset.json"
