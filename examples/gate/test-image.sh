#!/bin/sh
# A gate on staged bytes: fetches an image of this machine's platform by its digest, unpacks it, and runs a command in
# its root file system. Needs shipset and umoci, and either root or user namespaces.
#   test-image.sh VARIANT COMMAND [ARGUMENT…]      VARIANT as in the names of shipset's variables: HELLO
# shipset sets SHIPSET_IMAGE_<VARIANT>_<OS>_<ARCH>, a pullable reference by digest.
set -eu

variant=$1
shift
case $(uname -m) in
  x86_64) arch=AMD64 ;;
  aarch64) arch=ARM64 ;;
  *) arch=$(uname -m | tr '[:lower:]-' '[:upper:]_') ;;
esac
variable="SHIPSET_IMAGE_${variant}_LINUX_${arch}"
image=$(printenv "$variable") || {
  echo "nothing to test: $variable is not set (is this platform among those of the variant?)" >&2
  exit 1
}
for program in shipset umoci; do
  command -v "$program" >/dev/null || {
    echo "$program is not installed" >&2
    exit 1
  }
done

work=$(mktemp -d)
trap 'chmod -R u+rwX "$work" && rm -rf "$work"' EXIT
shipset copy --quiet "$image" "oci:$work/layout:image" >/dev/null
umoci unpack --rootless --image "$work/layout:image" "$work/bundle" >/dev/null
root=$work/bundle/rootfs

echo "testing $image"
if [ "$(id -u)" = 0 ]; then
  env -i PATH=/bin:/usr/bin "$(command -v chroot)" "$root" "$@"
elif unshare --user --map-root-user true 2>/dev/null; then
  env -i PATH=/bin:/usr/bin:/usr/sbin:/sbin unshare --user --map-root-user chroot "$root" "$@"
else
  echo "cannot enter the root file system: run this gate as root, or allow user namespaces for this user" >&2
  exit 1
fi
