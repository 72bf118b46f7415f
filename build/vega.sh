#!/bin/sh
# Puts data/birdstrikes.csv of npm's vega-datasets 3.2.1 into the folder named,
# and checks that it is the file that the documents speak of.
set -eu
dir=$1
want=45777edf69984b37599e73dbfb34dbc976055243547407214261a4fcb9466462
if [ -f "$dir/birdstrikes.csv" ] && echo "$want  $dir/birdstrikes.csv" | sha256sum -c --status; then exit 0; fi
mkdir -p "$dir"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
(cd "$tmp" && npm pack --silent vega-datasets@3.2.1 >/dev/null && tar xzf vega-datasets-3.2.1.tgz package/data/birdstrikes.csv)
echo "$want  $tmp/package/data/birdstrikes.csv" | sha256sum -c --status || { echo "birdstrikes.csv is not the expected file" >&2; exit 1; }
mv "$tmp/package/data/birdstrikes.csv" "$dir/birdstrikes.csv"
