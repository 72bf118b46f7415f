#!/bin/sh
# Builds the guests in C into the folder given as the first argument. The bytes
# depend on the compiler alone (Debian clang 14, wasm-ld 14): digests.txt holds
# what they must be. CC overrides the compiler.
set -eu
out=${1:?usage: build.sh FOLDER}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")"

# The area of these two is small, as a person's is: room is instance to make.
for program in district-age-c sums-c year-code-c; do
  "${CC:-clang-14}" --target=wasm32 -mbulk-memory -O2 -nostdlib -ffreestanding -std=c11 -Wall -Wextra -Werror -DYUNEI_AREA=65536 \
    -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -Wl,-z,stack-size=8192 -o "$out/$program.wasm" "$program/main.c"
done
hostile/build.sh "$out"
