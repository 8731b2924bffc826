#!/usr/bin/env bash
# A repaired wheel, installed into an environment of its own without any index, must carry or may expect every library
# that it is linked to, and must work without the extras.
#   wheel.sh BUILD_ENVIRONMENT CMAKE_BUILD_DIRECTORY
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$venv/bin/pip" wheel -q --no-build-isolation --no-deps --config-settings "build-dir=$build" -w "$work/raw" "$root"
PATH="$venv/bin:$PATH" auditwheel repair --wheel-dir "$work/wheels" "$work/raw"/*.whl
PATH="$venv/bin:$PATH" auditwheel show "$work/wheels"/*.whl

"$venv/bin/python" -m venv "$work/env"
"$work/env/bin/pip" install -q --no-index --no-deps "$work/wheels"/*.whl
"$work/env/bin/python" "$root/tests/lib/wheel_libraries.py"
cd "$work" && "$work/env/bin/python" -W error -c '
import sys, shipset
assert "site-packages" in shipset.__file__, shipset.__file__
loaded = {"rich", "click", "jinja2", "IPython", "ssl"} & set(sys.modules)
assert not loaded, loaded
matrix = shipset.load(sys.argv[1]).matrix(release_tag="v1.0.0", push_latest=True)
print(matrix)
' "$root/examples/model-runner/shipset.toml"
