#!/bin/sh
# Puts the MinIO server that the tests run against into the cache, unless it is
# there. MinIO is licensed under the AGPL: it is built as a program of its own,
# from its public source, and nothing of ours links it. Takes about five minutes.
set -eu

commit=7aac2a2c5b7c
version=v0.0.0-20260212201848-$commit
cache=${XDG_CACHE_HOME:-$HOME/.cache}/yunei
want=$cache/minio-$commit

if [ -x "$want" ]; then
	exit 0
fi
mkdir -p "$cache"
# In the cache itself, so that the move below stays in one file system.
tmp=$(mktemp -d "$cache/minio-build.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# Outside of any module: this repository's go.mod has no say in it.
(cd "$tmp" && GOFLAGS= GOWORK=off GOBIN=$tmp go install "github.com/minio/minio@$version")
mv "$tmp/minio" "$want"
echo "$want"
