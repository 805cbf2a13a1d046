#!/usr/bin/env bash
# Holds the vendored scripts against the packages of the npm registry; --update takes them from there.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
vendor="$here/../../src/console/assets/vendor"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

take() { # package@version, file in it, name here
  local archive
  archive=$(npm pack --silent "$1" 2>/dev/null | tail -n 1)
  mkdir -p unpacked && tar -xzf "$archive" -C unpacked
  if [ "${mode:-}" = --update ]; then
    cp "unpacked/package/$2" "$vendor/$3"
  else
    cmp "unpacked/package/$2" "$vendor/$3" && echo "same: $3 ($1)"
  fi
  rm -rf unpacked "$archive"
}

mode=${1:-}
take htmx.org@2.0.11 dist/htmx.min.js htmx.min.js
take htmx.org@2.0.11 LICENSE htmx.LICENSE
take uplot@1.6.32 dist/uPlot.iife.min.js uplot.min.js
take uplot@1.6.32 dist/uPlot.min.css uplot.min.css
take uplot@1.6.32 LICENSE uplot.LICENSE
if [ "$mode" = --update ]; then
  (cd "$vendor" && sha256sum htmx.min.js uplot.min.js uplot.min.css >SHA256SUMS)
fi
