#!/usr/bin/env bash
# Builds shipset, then releases the example in examples/model-runner: seven variants, eleven platform images, fourteen
# tags, into the OCI layout dist/model-runner, or the one that is named as the only argument. Needs no Docker, no
# registry, and no network beyond the installs. Running it again changes nothing.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
# shellcheck source=tests/lib/setup.sh
source tests/lib/setup.sh

layout=${1:-dist/model-runner}
go_minimum=1.19

say "1/4 tools"
need_packages "${build_packages[@]}"
need_go "$go_minimum"
need_venv

say "2/4 shipset"
install_shipset cli
export PATH="$venv/bin:$PATH"

say "3/4 the program that the images hold"
bash examples/model-runner/build.sh

say "4/4 the release"
shipset release examples/model-runner/shipset.toml --backend native --to "oci:$layout" \
  --input release_tag=v1.0.0 --input push_latest=true --input build_musa_cann=true

python examples/model-runner/summary.py "$layout"
cat <<EOF

Look at it (skopeo is in Debian; bash tests/run.sh --only peers puts regctl and oras into build/tools/bin):
  source build/venv/bin/activate
  shipset inspect oci:$layout:v1.0.0-cuda
  shipset verify oci:$layout:latest
  skopeo inspect oci:$layout:latest-rocm
  regctl manifest get ocidir://$layout:v1.0.0
  oras repo tags --oci-layout $layout

The same into a real registry:
  shipset login registry.example.com
  shipset release examples/model-runner/shipset.toml --backend native --to registry.example.com/team \\
    --input release_tag=v1.0.0 --input push_latest=true --input build_musa_cann=true
or, as it stands, what lies in the layout:
  shipset copy --all-tags oci:$layout registry.example.com/team/docker/model-runner
EOF
