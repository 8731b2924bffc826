#!/usr/bin/env bash
# Installs the CMake package to a folder of its own, then builds and runs examples/embed against it, from a copy
# outside the tree, so that nothing of the tree can be found by accident.
#   find-package.sh CMAKE_BUILD_DIRECTORY
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --component dev --prefix "$work/prefix"
cp -r "$root/examples/embed" "$work/embed"
cmake -S "$work/embed" -B "$work/out" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix"
cmake --build "$work/out"
cd "$work"
"$work/out/embed" embed/shipset.toml 1.2.0 oci:layout | tee "$work/first.txt"
grep -q '^example.org/hello:1.2.0-slim (slim)$' "$work/first.txt"
grep -q ' 4 tags moved$' "$work/first.txt"
"$work/out/embed" embed/shipset.toml 1.2.0 oci:layout | tee "$work/second.txt"
grep -q ': 0 bytes, 0 tags moved$' "$work/second.txt"
