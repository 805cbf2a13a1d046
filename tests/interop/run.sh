#!/usr/bin/env bash
# Lets independent implementations judge an export, and shows that each refuses a tampered copy.
# Usage: tests/interop/run.sh EXPORT
set -euo pipefail

[[ $# -eq 1 && -f $1/checkpoint ]] || { echo "usage: tests/interop/run.sh EXPORT" >&2; exit 2; }
export_dir=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
work=$(realpath "$here/../..")/target/interop
mkdir -p "$work"

source "$here/python.sh"

node_setup() {
    mkdir -p "$work/node"
    cp "$here/canonical.mjs" "$work/node/"
    [[ -e $work/node/node_modules/canonicalize ]] ||
        npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/node" canonicalize@5.1.0
}

# Debian ships golang.org/x/mod as a package for GOPATH builds.
have_go() { command -v go >/dev/null && [[ -d /usr/share/gocode/src/golang.org/x/mod/sumdb/tlog ]]; }
go_setup() { GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= go build -o "$work/tiles" "$here/tiles.go"; }

python_setup
node_setup
checks=(tiles dsse jcs canonicalize)
if have_go; then
    go_setup
    checks+=(sumdb)
elif [[ ${LEDGER_INTEROP_GO:-optional} == required ]]; then
    echo "Go or golang-golang-x-mod-dev is missing: apt-get install golang-go golang-golang-x-mod-dev" >&2
    exit 1
else
    echo "left out: golang.org/x/mod/sumdb (apt-get install golang-go golang-golang-x-mod-dev)"
fi

check() {
    case $1 in
        canonicalize) node "$work/node/canonical.mjs" "$2" ;;
        sumdb) "$work/tiles" "$2" ;;
        *) "$venv/bin/python" -B "$here/check.py" "$1" "$2" ;;
    esac
}

# Changes one byte of the first entry's text, so that every kind of check has something to refuse.
tamper() {
    python3 - "$1" "$2" <<'PY'
import base64, json, pathlib, sys
root, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
path = min((root / "tile/entries").rglob("*"), key=lambda p: (p.is_dir(), str(p)))
data = bytearray(path.read_bytes())
length = int.from_bytes(data[:2], "big")
envelope = json.loads(data[2 : 2 + length])
header = bytearray(base64.b64decode(envelope["payload"]))
if kind in ("jcs", "canonicalize"):
    # The same value, spelled otherwise: a space, which no canonical text has outside of strings.
    header = header.replace(b'"v":1', b'"v": 1')
else:
    header[header.index(b'"time":"') + 9] ^= 1
envelope["payload"] = base64.b64encode(bytes(header)).decode()
entry = json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode()
path.write_bytes(len(entry).to_bytes(2, "big") + entry + bytes(data[2 + length :]))
PY
}

failed=0
for name in "${checks[@]}"; do
    check "$name" "$export_dir" || failed=1
    copy=$(mktemp -d "$work/tampered.XXXXXX")
    cp -r "$export_dir/." "$copy"
    tamper "$copy" "$name"
    if refusal=$(check "$name" "$copy" 2>&1); then
        echo "NOT REFUSED: a tampered copy passes the check $name" >&2
        failed=1
    else
        echo "tampered copy: ${refusal%%$'\n'*}"
    fi
    rm -rf "$copy"
done
exit $failed
