#!/usr/bin/env bash
# Builds the libraries that a wheel carries as small static ones into PREFIX, from the pinned sources in static-deps.txt.
# For the manylinux image of cibuildwheel: [tool.cibuildwheel] before-all calls it. Not part of the test command.
#   build-static-deps.sh PREFIX
set -euo pipefail
prefix=${1:?usage: build-static-deps.sh PREFIX}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jobs=$(nproc)

dnf install -y autoconf automake libtool nasm perl-core

# source_of NAME: fetched, checked, unpacked; prints the folder.
source_of() {
  local name address sha256
  read -r name address sha256 < <(grep "^$1 " "$here/static-deps.txt")
  curl -fsSL --retry 3 -o "$work/$name.tar" "$address"
  echo "$sha256  $work/$name.tar" | sha256sum -c - >&2
  mkdir -p "$work/$name"
  tar -xf "$work/$name.tar" -C "$work/$name" --strip-components=1
  echo "$work/$name"
}

# by_cmake FOLDER OPTIONS…
by_cmake() {
  local folder=$1
  shift
  cmake -S "$folder" -B "$folder/shipset-build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" \
    -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTING=OFF "$@"
  cmake --build "$folder/shipset-build" --parallel "$jobs"
  cmake --install "$folder/shipset-build"
}

cd "$(source_of openssl)"
./config --prefix="$prefix" --libdir=lib --openssldir=/etc/ssl no-shared no-apps no-docs no-tests no-legacy no-engine -fPIC
make -j "$jobs"
make install_sw

folder=$(source_of zstd)
by_cmake "$folder/build/cmake" -DZSTD_BUILD_SHARED=OFF -DZSTD_BUILD_PROGRAMS=OFF
by_cmake "$(source_of libdeflate)" -DLIBDEFLATE_BUILD_SHARED_LIB=OFF -DLIBDEFLATE_BUILD_GZIP=OFF
by_cmake "$(source_of pcre2)" -DPCRE2_BUILD_TESTS=OFF -DPCRE2_BUILD_PCRE2GREP=OFF -DBUILD_STATIC_LIBS=ON
by_cmake "$(source_of fmt)" -DFMT_TEST=OFF -DFMT_DOC=OFF
by_cmake "$(source_of json)" -DJSON_BuildTests=OFF
by_cmake "$(source_of tomlplusplus)"
# HTTP and HTTPS only; the CA bundle is found at run time, because each distribution keeps it elsewhere.
by_cmake "$(source_of curl)" -DHTTP_ONLY=ON -DBUILD_CURL_EXE=OFF -DCURL_USE_OPENSSL=ON -DCURL_CA_BUNDLE=none \
  -DCURL_CA_PATH=none -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF \
  -DUSE_LIBIDN2=OFF -DUSE_NGHTTP2=OFF -DBUILD_LIBCURL_DOCS=OFF -DBUILD_MISC_DOCS=OFF

cd "$(source_of isa-l)"
./autogen.sh
./configure --prefix="$prefix" --libdir="$prefix/lib" --disable-shared --with-pic
make -j "$jobs"
make install
