#!/usr/bin/env bash
# The quick start, twice, into an empty layout: what the README promises, read back by other programs.
#   quickstart.sh FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"
folder=$1
layout=$folder/model-runner
rm -rf "$folder"
mkdir -p "$folder"

expect() { grep -qE "$1" "$2" || { cat "$2"; echo "expected in $2: $1"; exit 1; }; }
content() { (cd "$layout" && find . -type f ! -name '*.lock' -print0 | sort -z | xargs -0 sha256sum); }

bash examples/quickstart.sh "$layout" >"$folder/first.txt" 2>&1 || { cat "$folder/first.txt"; exit 1; }
expect '14 tags, 7 indexes, 11 platform images, 11 SBOMs, 11 provenance statements' "$folder/first.txt"
content >"$folder/first.sha256"

bash examples/quickstart.sh "$layout" >"$folder/second.txt" 2>&1 || { cat "$folder/second.txt"; exit 1; }
expect '14 tags, 7 indexes, 11 platform images, 11 SBOMs, 11 provenance statements' "$folder/second.txt"
expect '\b0 bytes\b' "$folder/second.txt"
expect '\b0 tags\b' "$folder/second.txt"
content >"$folder/second.sha256"
diff "$folder/first.sha256" "$folder/second.sha256"

tags=()
for suffix in '' -cuda -vllm-cuda -sglang-cuda -rocm -musa -cann; do
  tags+=("v1.0.0$suffix" "latest$suffix")
done
diff <(printf '%s\n' "${tags[@]}" | sort) <(oras repo tags --oci-layout "$layout" | sort)
diff <(printf '%s\n' "${tags[@]}" | sort) <(regctl tag ls "ocidir://$layout" | sort)
for tag in "${tags[@]}"; do
  skopeo inspect "oci:$layout:$tag" >/dev/null
  skopeo inspect --raw "oci:$layout:$tag" | cmp - <(regctl manifest get --format raw-body "ocidir://$layout:$tag")
  oras manifest fetch --oci-layout "$layout:$tag" | cmp - <(skopeo inspect --raw "oci:$layout:$tag")
  regctl image config "ocidir://$layout:$tag" --platform linux/amd64 >/dev/null
done
echo "the quick start holds what it promises"
