#!/bin/sh
# Builds the hostile guests in C into the folder given as the first argument.
# The bytes depend on the compiler alone (Debian clang 14, wasm-ld 14):
# digests.txt holds what they must be. CC overrides the compiler.
set -eu
cd "$(dirname "$0")"
out=${1:?usage: build.sh FOLDER}
mkdir -p "$out"

build() { # source, then the guests in the order of their numbers
  src=$1 n=0
  shift
  for guest; do
    n=$((n + 1))
    "${CC:-clang-14}" --target=wasm32 -mbulk-memory -O2 -nostdlib -ffreestanding -std=c11 -Wall -Werror -Wno-unused-function -Wno-unused-variable \
      -Wl,--no-entry -Wl,--strip-all -Wl,-z,stack-size=8192 -DGUEST=$n -o "$out/hostile-$guest.wasm" "$src.c"
  done
}

build hostile loop loop-victim grow trap-victim print import far wrap flood remember recurse fill exit-victim late-trap guess ask
build state scribble stack-pointer allocator calls-left area-left blame
build cells choose add-secret bits stuff every million pile extremes wrap-sum nowhere unmeasured others
build victim depth-victim emits-victim memory-victim calls-victim sleep-victim poll-victim divide-victim init-peek
build wasi iovecs pointers files
