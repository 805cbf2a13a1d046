#!/usr/bin/env bash
# Has an independent witness (PyPI aics-witness, C2SP tlog-witness) cosign the system log of a real ledger, lets the
# offline tool demand its cosignature, and shows that a ledger set back behind the witness is refused.
# Usage: tests/interop/witness.sh LEDGER LEDGER_REPLAY
set -euo pipefail

[[ $# -eq 2 && -x $1 && -x $2 ]] || { echo "usage: tests/interop/witness.sh LEDGER LEDGER_REPLAY" >&2; exit 2; }
ledger=$(realpath "$1") replay=$(realpath "$2")
here=$(realpath "$(dirname "$0")")
source "$here/python.sh"
python_setup

work=$(mktemp -d)
pids=()
finish() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$work"
}
trap finish EXIT
fail() { echo "$1" >&2; exit 1; }

# Waits until a command succeeds, for half a minute at the most.
until_true() {
    local deadline=$((SECONDS + 30))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || fail "waited too long for: $*"
        sleep 0.1
    done
}

witness() { "$venv/bin/python" -B -m aics_witness "$@" --config "$work/witness.json"; }
vkey=$(witness init --name witness.example/w1 --listen 127.0.0.1:0 2>/dev/null)

witness_start() {
    : > "$work/witness.log"
    "$venv/bin/python" -B -m aics_witness serve --config "$work/witness.json" --listen "127.0.0.1:${port:-0}" 2>"$work/witness.log" &
    witness_pid=$!
    pids+=("$witness_pid")
    until_true grep -q "listening on" "$work/witness.log"
    url=$(sed -n 's/.*listening on \(http:[^ ]*\) .*/\1/p' "$work/witness.log")
    port=${url##*:}
}
witness_stop() { kill "$witness_pid"; wait "$witness_pid" || true; }

witness_start
printf 'witness w1 %s %s\nquorum w1\n' "$vkey" "$url" > "$work/witnesses"
export LEDGER_WITNESS_POLICY=$work/witnesses LEDGER_LOG_LEVEL=warn

refused() {
    if timeout 60 "$ledger" serve --data "$work/data" --listen 127.0.0.1:0 >"$work/out" 2>&1; then
        fail "the ledger started: $(cat "$work/out")"
    fi
    grep -q "$1" "$work/out" || fail "it was refused for another reason: $(cat "$work/out")"
}
ledger_start() {
    : > "$work/out"
    "$ledger" serve --data "$work/data" --listen 127.0.0.1:0 >"$work/out" 2>&1 &
    ledger_pid=$!
    pids+=("$ledger_pid")
    until_true grep -q listening "$work/out"
    address=$(sed -n 's/.*listening *//p' "$work/out")
    key=$(cat "$work/data/admin.key")
}
ledger_stop() { kill "$ledger_pid"; wait "$ledger_pid" || true; }
# A tenant more: the system log grows.
grow() {
    curl -sf -H "Authorization: Bearer $key" -H 'content-type: application/json' -d "{\"name\":\"$1\"}" \
        "$address/v1/tenants" >/dev/null
}
cosigned() { witness status --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["logs"][0]["size"] or 0)'; }
cosigned_more() { [[ $(cosigned) -gt $1 ]]; }

refused "register this key there"
log=$(sed -n 's/^ledger: .*register this key there: \([^ ]*\).*/\1/p' "$work/out")
witness add-log --origin "${log%%+*}" --vkey "$log" >/dev/null 2>&1
kill -HUP "$witness_pid"
until_true grep -q "reloaded" "$work/witness.log"
ledger_start
first=$(cosigned)
((first > 0)) || fail "nothing was cosigned at start"
grow one
until_true cosigned_more "$first"

"$ledger" export --data "$work/data" --out "$work/bundle" >/dev/null
curl -sf -H "Authorization: Bearer $key" "$address/v1/whoami" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["trust"].replace("quorum none", "quorum w1"), end="")' > "$work/trust"
"$replay" verify "$work/bundle" --policy "$work/trust" > "$work/report" || fail "$(cat "$work/report")"
grep -q "witnessed  the first .* by w1" "$work/report" || fail "$(cat "$work/report")"
echo "aics-witness cosigned $(cosigned) entries; $(grep witnessed "$work/report" | sed 's/ *witnessed  *//')"
# The control: the cosignature of another witness is not this one's.
other=$(WITNESS_SEED_HEX=$(printf '%064d' 7) "$venv/bin/python" -B -m aics_witness init --new-database --config "$work/other.json" --db other.db --name witness.example/w1 2>/dev/null)
sed "s|$vkey|$other|" "$work/trust" > "$work/strange"
if "$replay" verify "$work/bundle" --policy "$work/strange" >/dev/null 2>&1; then
    fail "another witness's key was believed"
fi

ledger_stop
cp -r "$work/data" "$work/older"
ledger_start
before=$(cosigned)
grow two
until_true cosigned_more "$before"
ledger_stop
mv "$work/data" "$work/newer"
cp -r "$work/older" "$work/data"
refused "it has cosigned $(cosigned) entries"
echo "set back: $(sed -n 's/^ledger: //; s/; restore.*//p' "$work/out")"
# It goes on by itself, and so forks: the witness keeps the proof that does not hold.
LEDGER_WITNESS_POLICY= ledger_start
for name in a b c d; do grow "$name"; done
ledger_stop
refused "it has cosigned another history"
[[ $(witness evidence | python3 -c 'import json,sys; print(len(json.load(sys.stdin)))') -gt 0 ]] || fail "the witness kept no evidence"
rm -rf "$work/data"
mv "$work/newer" "$work/data"
witness_stop
refused "cannot be asked"
witness_start
ledger_start
ledger_stop
echo "the newest database starts again, once the witness answers"
