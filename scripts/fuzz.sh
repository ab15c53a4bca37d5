#!/usr/bin/env bash
# Runs every fuzz target for the given time (default 3s), one after the other. Go fuzzes one target at a time.
set -euo pipefail
time=${1:-3s}
cd "$(dirname "$0")/.."

# Two workers: more only wait for the cores.
run() { go test -run='^$' -fuzz="^$2\$" -fuzztime="$time" -fuzzminimizetime=10x -parallel=2 "$1"; }

log=$(mktemp)
trap 'rm -f "$log"' EXIT
targets=0
for dir in $(grep -rl --include='*_test.go' '^func Fuzz[A-Z].*\*testing\.F' . | xargs -r -n1 dirname | sort -u); do
	for target in $(grep -ho '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go | cut -c6- | sort); do
		echo "fuzz $dir $target $time"
		if ! run "$dir" "$target" >"$log" 2>&1; then
			# A busy machine can stop a worker at the very end, which go test reports as a failure
			# without an input. One more try tells; a failing input never gets one.
			if grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input written' "$log"; then
				run "$dir" "$target" >"$log" 2>&1 || { cat "$log"; exit 1; }
			else
				cat "$log"
				exit 1
			fi
		fi
		tail -n 1 "$log"
		targets=$((targets + 1))
	done
done
[ $targets -gt 0 ] || { echo "fuzz: no target found" >&2; exit 1; }
echo "fuzzed $targets targets"
