#!/usr/bin/env bash
# Compiles layer_digest for arm64, statically, with the libraries of this system's release, without touching its
# packages: they are fetched into a folder of their own. For Debian and its relatives whose mirror has arm64.
#   arm64_build.sh FOLDER      leaves FOLDER/layer_digest
# Debian packages used, each with the suffix :arm64, unpacked into FOLDER/root:
#   libdeflate-dev libfmt-dev libssl-dev libzstd-dev nlohmann-json3-dev
# To be installed before: g++-aarch64-linux-gnu.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mkdir -p "$1"
cd "$1"
rm -rf objects
mkdir -p apt/state/lists/partial apt/cache/archives/partial debs root objects
arm64_packages=(libdeflate-dev libfmt-dev libssl-dev libzstd-dev nlohmann-json3-dev)

if [[ ! -f root/.complete ]]; then
  # An apt of its own: other architecture, own lists, no package installed, no administrator.
  apt=(apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$PWD/apt/state"
    -o Dir::State::status=/dev/null -o Dir::Cache="$PWD/apt/cache" -o Debug::NoLocking=1 -o APT::Sandbox::User=
    -o Acquire::Retries=3)
  "${apt[@]}" update
  (cd debs && "${apt[@]}" download "${arm64_packages[@]}")
  for deb in debs/*.deb; do dpkg-deb -x "$deb" root; done
  touch root/.complete
fi

flags=(-std=c++20 -O2 -DFMT_HEADER_ONLY -isystem root/usr/include -isystem root/usr/include/aarch64-linux-gnu -I "$root/cpp/include"
  -I "$root/cpp/src/base" -I "$root/cpp/src/oci")
compiler=(aarch64-linux-gnu-g++)
command -v ccache >/dev/null && compiler=(ccache "${compiler[@]}")
# shellcheck disable=SC2016  # the inner shell expands it
printf '%s\n' "$root"/cpp/src/base/*.cpp "$root"/cpp/src/oci/layer*.cpp "$root/tests/cpp/tools/layer_digest.cpp" |
  xargs -P "$(nproc)" -I{} sh -c 'out=objects/$(basename "$1" .cpp).o; shift; exec "$@" -o "$out"' \
    _ {} "${compiler[@]}" "${flags[@]}" -c {}
aarch64-linux-gnu-g++ -static -pthread objects/*.o -o layer_digest -L root/usr/lib/aarch64-linux-gnu \
  -ldeflate -lzstd -lcrypto
