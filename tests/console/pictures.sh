#!/usr/bin/env bash
# Makes the pictures of docs/guides/console.md: the browser tests take them, this makes them small.
set -euo pipefail
cd "$(dirname "$0")"
command -v pngquant >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pngquant >/dev/null; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
PICTURES="$work" ./run.sh
out=../../docs/guides/images
mkdir -p "$out"
keep() { # picture, name
  pngquant --force --speed 1 --quality 60-90 --output "$out/console-$2.png" "$work/$1.png"
}
keep overview-light-wide overview
keep evidence-light-wide evidence
keep framework-dark-wide framework
keep verified verified
keep refused refused
keep key key
keep integrations-light-wide integrations
keep ticket-light-wide ticket
