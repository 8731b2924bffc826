# Installs what the two commands of the README need, each thing only where it is missing.
# Sourced by tests/run.sh and examples/quickstart.sh, which set `root` to the top of the tree and `set -euo pipefail`.
# shellcheck shell=bash

: "${root:?set by the script that sources this file}"
venv="$root/build/venv"
tools="$root/build/tools"
cpp_build="$root/build/cpp"
# Clones in other folders share what is compiled already.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
export PATH="$tools/bin:$PATH"

# shellcheck disable=SC2034  # used by the scripts that source this file
build_packages=(build-essential ca-certificates ccache cmake git libcurl4-openssl-dev libdeflate-dev libfmt-dev
  libisal-dev libpcre2-dev libssl-dev libtomlplusplus-dev libzstd-dev ninja-build nlohmann-json3-dev pkg-config)

say() { printf '\n==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    sudo "$@"
  else
    return 126
  fi
}

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# need_packages PACKAGE…: by apt on Debian and its relatives; elsewhere CMake names what is missing.
need_packages() {
  command -v apt-get >/dev/null || return 0
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return 0
  say "installing ${missing[*]}"
  local options=(-o DPkg::Lock::Timeout=120 -o APT::Acquire::Retries=3)
  as_root apt-get "${options[@]}" update -qq || die "cannot refresh the package lists; as root: apt-get install ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${options[@]}" install -qq -y --no-install-recommends "${missing[@]}" \
    >"$root/build/apt.log" 2>&1 || { tail -20 "$root/build/apt.log" >&2; die "apt-get install ${missing[*]} failed"; }
}

# A Python ≥ 3.11 that can make environments and compile extensions.
python_fits() {
  "$1" - 2>/dev/null <<'PY'
import ensurepip, os, sys, sysconfig, venv
sys.exit(sys.version_info < (3, 11) or not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))
PY
}

# need_venv: build/venv with what compiles the package, so that builds share one CMake directory.
need_venv() {
  if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    local python=python3
    if ! command -v python3 >/dev/null || ! python_fits python3; then
      need_packages python3 python3-dev python3-venv
      python=/usr/bin/python3
      python_fits "$python" || die "Python 3.11 or newer with headers and venv is needed (Debian: python3-dev python3-venv)"
    fi
    rm -rf "$venv"
    "$python" -m venv "$venv"
  fi
  if ! "$venv/bin/python" -c 'import scikit_build_core, pybind11' 2>/dev/null; then
    "$venv/bin/pip" install -q "scikit-build-core>=0.10" "pybind11>=3.0,<4"
  fi
}

# install_shipset EXTRAS [pip options]: compiles (again only what changed) and installs into build/venv.
install_shipset() {
  local extras=$1
  shift
  "$venv/bin/pip" install -q --no-build-isolation --config-settings "build-dir=$cpp_build" "$@" "${root}[$extras]"
}

# version_at_least HAVE WANT
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n1) == "$2" ]]; }

go_version() { GOTOOLCHAIN=local "$1" env GOVERSION 2>/dev/null | sed 's/^go//; s/[^0-9.].*//'; }

# need_go VERSION: puts a Go of at least VERSION on the PATH: the one there is, Debian's, or that very version as a
# module of the Go proxy, fetched and verified by the Go there is.
need_go() {
  local want=$1 have
  if ! command -v go >/dev/null && [[ -x /usr/local/go/bin/go ]]; then
    PATH="$PATH:/usr/local/go/bin"
  fi
  if [[ -x $tools/go-$want/bin/go ]]; then
    PATH="$tools/go-$want/bin:$PATH"
  fi
  command -v go >/dev/null || need_packages golang-go
  command -v go >/dev/null || die "Go $want or newer is needed (Debian: golang-go, Fedora: golang, macOS: go)"
  have=$(go_version "$(command -v go)")
  version_at_least "$have" "$want" && return 0
  say "fetching Go $want (this machine has $have)"
  local module folder
  module="golang.org/toolchain@v0.0.1-go$want.$(go env GOHOSTOS)-$(go env GOHOSTARCH)"
  mkdir -p "$tools"
  folder=$(cd "$tools" && GOTOOLCHAIN=local GOFLAGS='' go mod download -json "$module" | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p')
  [[ -d $folder ]] || die "Go $want could not be fetched as $module"
  # A module holds no execute bits, and its go.mod files under another name.
  rm -rf "$tools/go-$want.new"
  cp -r "$folder" "$tools/go-$want.new"
  chmod -R u+w "$tools/go-$want.new"
  chmod +x "$tools/go-$want.new"/bin/* "$tools/go-$want.new"/pkg/tool/*/*
  find "$tools/go-$want.new" -name _go.mod -execdir mv _go.mod go.mod \;
  mv "$tools/go-$want.new" "$tools/go-$want"
  PATH="$tools/go-$want/bin:$PATH"
}

mkdir -p "$root/build"
