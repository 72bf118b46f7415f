#!/usr/bin/env bash
# Runs every fuzz target one after another for the time given first, in the
# folders given after it, or else everywhere.
set -euo pipefail
time=${1:?usage: fuzz.sh TIME [FOLDER ...]}
shift
grep -rlE '^func Fuzz[A-Z]' --include='*_test.go' "${@:-.}" | xargs -n1 dirname | sort -u | while read -r pkg; do
	grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$pkg"/*_test.go | sed 's/^func //' | while read -r name; do
		echo "== $pkg $name"
		go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "./${pkg#./}"
	done
done
