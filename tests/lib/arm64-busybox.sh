#!/usr/bin/env bash
# Fetches Debian's static busybox for linux/arm64, for images that run under emulation:
#   arm64-busybox.sh FILE
# apt works in a folder of its own: the machine learns no second architecture. Needs no root.
set -euo pipefail
file=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$(dirname "$file")"
: >"$work/status"
options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o "Dir::State=$work/state" -o "Dir::State::status=$work/status"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none -o APT::Acquire::Retries=3)
apt-get "${options[@]}" update
cd "$work"
apt-get "${options[@]}" download busybox-static
dpkg-deb -x ./*.deb unpacked
[[ $file == /* ]] || file=$OLDPWD/$file
install -m 0755 unpacked/bin/busybox "$file.new"
mv "$file.new" "$file"
