#!/bin/sh
# Builds every committed guest into the folder named, in OUT/programs and
# OUT/sdk, and compares it with its digest: the bytes depend on the sources and
# the compilers alone (Debian 12's clang 14, lld 14 and rustc 1.63, npm's
# AssemblyScript as its lock file has it), not on where either stands.
#
#   build/guests.sh OUT         all of them
#   build/guests.sh --commit    rebuild them in the tree, and write the digests
#   build/guests.sh --install   install Debian's part of the compilers
set -eu
cd "$(dirname "$0")/.."
packages="clang-14 lld-14 rustc libstd-rust-dev-wasm32"
rustc=${RUSTC:-/usr/bin/rustc}

install() {
	if [ "$(id -u)" = 0 ]; then
		# shellcheck disable=SC2086 # a list
		apt-get update -qq
		apt-get install -qq -y --no-install-recommends $packages
	else
		echo "run as root: apt-get install -y --no-install-recommends $packages" >&2
		exit 1
	fi
}

need() {
	for tool in clang-14 wasm-ld-14 "$rustc" npm; do
		command -v "$tool" >/dev/null || { echo "no $tool: build/guests.sh --install as root (npm comes with Node.js 20)" >&2; exit 1; }
	done
	"$rustc" --version | grep -q '^rustc 1\.63\.0' || { echo "$rustc is not rustc 1.63.0" >&2; exit 1; }
}

jobs="life-table regression echo"

c() { # into the folder $1
	for job in $jobs district-age; do
		src=examples/sdk/c/$job.c
		[ $job != district-age ] || src=examples/programs/district-age-c/main.c
		clang-14 --target=wasm32 -mbulk-memory -O2 -nostdlib -ffreestanding -std=c11 -Wall -Wextra -Werror \
			-ffile-prefix-map="$PWD"=. -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=8192 -o "$1/c-$job.wasm" "$src"
	done
}

rust() {
	flags="--edition 2021 --target wasm32-unknown-unknown -D warnings -C opt-level=3 -C panic=abort -C codegen-units=1
		-C strip=symbols -C linker=wasm-ld-14 -C linker-flavor=wasm-ld -C link-arg=-zstack-size=16384"
	tmp=$(mktemp -d)
	# shellcheck disable=SC2086 # flags
	"$rustc" $flags --remap-path-prefix "$PWD"=. --crate-type rlib --crate-name yunei -o "$tmp/libyunei.rlib" examples/sdk/rust/yunei.rs
	for job in $jobs district-age; do
		# shellcheck disable=SC2086 # flags
		"$rustc" $flags --remap-path-prefix "$PWD"=. --crate-type cdylib -C lto=fat --extern yunei="$tmp/libyunei.rlib" \
			-o "$1/rust-$job.wasm" "examples/sdk/rust/jobs/$job.rs"
	done
	rm -r "$tmp"
}

assemblyscript() {
	tmp=$(mktemp -d)
	cp -r examples/sdk/assemblyscript/package.json examples/sdk/assemblyscript/package-lock.json examples/sdk/assemblyscript/*.ts examples/sdk/assemblyscript/jobs "$tmp"
	(cd "$tmp" && npm ci --silent --ignore-scripts --no-audit --no-fund 2>/dev/null)
	for job in $jobs district-age; do
		(cd "$tmp" && node node_modules/assemblyscript/bin/asc.js "jobs/$job.ts" -o "$job.wasm" --runtime stub --use abort= -O3 --pedantic)
		mv "$tmp/$job.wasm" "$1/assemblyscript-$job.wasm"
	done
	rm -r "$tmp"
}

build() { # into programs and sdk of the folder $1
	mkdir -p "$1/programs" "$1/sdk"
	out=$(cd "$1" && pwd)
	examples/programs/build.sh "$out/programs"
	c "$out/sdk"
	rust "$out/sdk"
	assemblyscript "$out/sdk"
}

case "${1:?usage: build/guests.sh OUT | --commit | --install}" in
--install) install ;;
--commit)
	need
	new=$(mktemp -d)
	build "$new"
	for of in programs sdk; do
		rm -f "examples/$of/prebuilt/"*.wasm
		cp "$new/$of/"*.wasm "examples/$of/prebuilt/"
		chmod 644 "examples/$of/prebuilt/"*.wasm
		(cd "$new/$of" && sha256sum -- *.wasm) >"examples/$of/digests.txt"
	done
	rm -r "$new"
	;;
-*)
	echo "no option $1" >&2
	exit 2
	;;
*)
	need
	build "$1"
	here=$PWD
	for of in programs sdk; do
		(cd "$1/$of" && sha256sum --check --quiet "$here/examples/$of/digests.txt")
		[ "$(find "$1/$of" -name '*.wasm' | wc -l)" = "$(wc -l <"examples/$of/digests.txt")" ] || { echo "$1/$of and its digests differ in number" >&2; exit 1; }
	done
	;;
esac
