#!/bin/sh
# Builds the guests in C into the folder given as the first argument. The bytes
# depend on the compiler alone (Debian clang 14, wasm-ld 14): digests.txt holds
# what they must be. CC overrides the compiler.
set -eu
cd "$(dirname "$0")"
out=${1:?usage: build.sh FOLDER}
mkdir -p "$out"

build() { # source, module, flags
  src=$1 module=$2
  shift 2
  "${CC:-clang-14}" --target=wasm32 -mbulk-memory -O2 -nostdlib -ffreestanding -std=c11 -Wall -Werror \
    -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=8192 "$@" -o "$out/$module.wasm" "$src"
}

build district-age-c/main.c district-age-c
build year-code-c/main.c year-code-c
n=0
for guest in loop loop-victim grow trap-victim print import far wrap flood remember recurse fill exit-victim late-trap guess ask; do
  n=$((n + 1))
  build hostile/hostile.c "hostile-$guest" -DGUEST=$n -Wno-unused-function
done
