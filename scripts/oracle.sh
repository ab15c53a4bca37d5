#!/bin/sh
# Writes what tshark says of every capture in testdata/captures, beside it, and compares. Needs tshark 4.0.
set -eu
cd "$(dirname "$0")/.."
command -v tshark >/dev/null || { echo "oracle.sh: tshark is not installed" >&2; exit 1; }
go test ./internal/pipeline -run '^TestTshark' -count=1 -v -ask-tshark
