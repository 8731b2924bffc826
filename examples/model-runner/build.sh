#!/usr/bin/env bash
# Compiles the example program for both architectures into build/<os>-<arch>/, the same bytes on every machine that
# has the same Go: static, without paths, times or version control data.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath -buildvcs=false" GOOS=linux GOWORK=off
for GOARCH in amd64 arm64; do
  export GOARCH
  out="build/$GOOS-$GOARCH"
  mkdir -p "$out"
  GOAMD64=v1 GOARM64=v8.0 go build -ldflags="-s -w -buildid=" -o "$out/model-runner" .
  if [[ $GOARCH == amd64 ]]; then
    GOAMD64=v1 go build -tags novllm -ldflags="-s -w -buildid=" -o "$out/model-runner-novllm" .
  fi
done
