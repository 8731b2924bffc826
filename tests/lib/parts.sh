# The parts of tests/run.sh, one function each. They run under set -e, and their output goes to a log.
# shellcheck shell=bash disable=SC2154  # root, venv, tools, cpp_build and build_packages come from setup.sh

go_for_peers=1.26.8
interop_packages=(apache2-utils busybox-static docker-registry g++-aarch64-linux-gnu isal openssl pigz qemu-user-static runc
  skopeo umoci zstd)
interop_programs=(actionlint buildctl buildkitd buildx busybox crane docker-registry htpasswd oras qemu-aarch64-static
  qemu-x86_64-static registry regctl runc skopeo toxiproxy-server umoci)

# One CMake directory for extension, library and tests, and the same options as the quick start: nothing is compiled
# twice. Warnings are no errors here: GCC 12 sees ghosts in std::variant under the sanitizers.
part_build() {
  need_packages "${build_packages[@]}" catch2 clang-format shellcheck
  need_venv
  install_shipset test,lint --config-settings cmake.define.SHIPSET_TESTS=ON --config-settings cmake.define.SHIPSET_BENCH=ON \
    --config-settings cmake.define.SHIPSET_FUZZ=ON
  cmake --build "$cpp_build"
}

part_lint() {
  local sources
  "$venv/bin/ruff" check python tests examples
  "$venv/bin/ruff" format --check python tests examples
  "$venv/bin/mypy"
  PYTHONPATH=python "$venv/bin/lint-imports"
  mapfile -t sources < <(git ls-files '*.cpp' '*.hpp')
  clang-format --dry-run -Werror "${sources[@]}"
  mapfile -t sources < <(git ls-files '*.sh' .ci/run)
  shellcheck -x "${sources[@]}"
}

part_cpp() { ctest --test-dir "$cpp_build" -V -j "$CMAKE_BUILD_PARALLEL_LEVEL"; }

# sanitized DIRECTORY SANITIZERS [MODULE…]: own build of the C++ tests, of the named modules or of all.
sanitized() {
  local folder=$1 sanitizers=$2 targets=()
  shift 2
  need_packages "${build_packages[@]}" catch2
  cmake -S . -B "$folder" -G Ninja -DSHIPSET_TESTS=ON -DSHIPSET_INSTALL=OFF -DSHIPSET_SANITIZE="$sanitizers" \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1"
  for module in "$@"; do
    targets+=("test_$module")
  done
  cmake --build "$folder" ${targets[@]:+--target "${targets[@]}"}
  ctest --test-dir "$folder" -V -j "$CMAKE_BUILD_PARALLEL_LEVEL" ${1:+-R "^cpp_($(IFS='|'; echo "$*"))\$"}
}

part_asan() {
  ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    sanitized "$root/build/asan" address,undefined
}

part_tsan() {
  # The modules that own threads; with --full also those that only use them.
  local modules=(base oci registry)
  [[ $full == true ]] && modules+=(attest build release)
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 sanitized "$root/build/tsan" thread "${modules[@]}"
}

# Every fuzzer for 20 s (--full: ten minutes) under address and undefined-behaviour sanitizer; a finding is left in
# build/fuzz/finding-fuzz_TARGET.
part_fuzz() {
  local folder=$root/build/asan seconds=20
  [[ $full == true ]] && seconds=600
  need_packages "${build_packages[@]}" catch2
  cmake -S . -B "$folder" -G Ninja -DSHIPSET_TESTS=ON -DSHIPSET_FUZZ=ON -DSHIPSET_INSTALL=OFF \
    -DSHIPSET_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1"
  cmake --build "$folder" --target fuzzers
  mkdir -p "$root/build/fuzz"
  cd "$root/build/fuzz" || return
  # shellcheck disable=SC2016  # for the shell that xargs starts
  printf '%s\n' "$root"/tests/fuzz/corpus/* |
    ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 xargs -P "$CMAKE_BUILD_PARALLEL_LEVEL" -I{} \
      bash -c '"$0/fuzz_$(basename "$1")" "$2" "$1"' "$folder/tests/fuzz" {} "$seconds"
}

# pytest answers 5 when nothing was collected; a folder without tests is no failure of its part.
run_pytest() {
  local status=0
  "$venv/bin/python" -m pytest -n "$CMAKE_BUILD_PARALLEL_LEVEL" --dist loadgroup "$@" || status=$?
  if [[ $status == 5 ]]; then
    echo "no tests were collected"
    status=0
  fi
  return "$status"
}

part_python() {
  need_go 1.19
  PATH="$venv/bin:$PATH" SHIPSET_TEST_BUILD="$cpp_build" run_pytest tests/python
}

part_example() {
  need_go 1.19
  (cd examples/model-runner && gofmt -l . | (! grep .) && go vet ./... && go test ./... && go test -tags novllm ./...)
  bash tests/lib/quickstart.sh "$root/build/quickstart"
}

# The CMake package from a C++ user's side, and a repaired wheel in an environment of its own.
part_package() {
  bash tests/lib/find-package.sh "$cpp_build"
  bash tests/lib/wheel.sh "$venv" "$cpp_build"
}

# Other programs and registries, their Go ones from the pinned module tests/peers. On CI a missing one is a failure;
# elsewhere the tests that want it say that they did not run.
part_peers() {
  local program missing=()
  need_packages "${interop_packages[@]}" || true
  build_peers github.com/google/go-containerregistry/cmd/crane github.com/regclient/regclient/cmd/regctl oras.land/oras/cmd/oras \
    github.com/distribution/distribution/v3/cmd/registry github.com/docker/buildx/cmd/buildx \
    github.com/moby/buildkit/cmd/buildctl github.com/moby/buildkit/cmd/buildkitd
  build_peer toxiproxy-server github.com/Shopify/toxiproxy/v2/cmd/server
  # A module of its own: it needs another version of the YAML package than the others.
  (cd tests/peers/actionlint && CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local go build -o "$tools/bin/" \
    github.com/rhysd/actionlint/cmd/actionlint)
  [[ -f $root/build/standins/busybox-arm64 ]] || bash tests/lib/arm64-busybox.sh "$root/build/standins/busybox-arm64" ||
    missing+=("busybox for arm64")
  for program in "${interop_programs[@]}"; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [[ ${#missing[@]} == 0 ]] && return 0
  echo "missing: ${missing[*]}"
  [[ ${CI:-} != true ]]
}

build_peers() {
  need_go "$go_for_peers"
  mkdir -p "$tools/bin"
  (cd tests/peers && CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local go build -o "$tools/bin/" "$@")
  hash -r
}

# build_peer NAME PACKAGE: for a program whose package has a name that says too little.
build_peer() {
  (cd tests/peers && CGO_ENABLED=0 GOFLAGS='' GOTOOLCHAIN=local go build -o "$tools/bin/$1" "$2")
  hash -r
}

part_interop() {
  need_go 1.19
  PATH="$venv/bin:$PATH" SHIPSET_TEST_BUILD="$cpp_build" run_pytest tests/interop
}

# Every fault of shipset.testing on every verb, and mixtures; then releases that are killed. The short forms take about a
# minute and a half each.
part_campaign() {
  local arguments=()
  [[ $full == true ]] && arguments+=(--full)
  "$venv/bin/python" -m pytest -q tests/campaign
  "$venv/bin/python" tests/campaign/run.py ${arguments[@]:+"${arguments[@]}"}
  command -v registry >/dev/null || build_peers github.com/distribution/distribution/v3/cmd/registry
  "$venv/bin/python" tests/campaign/kill.py ${arguments[@]:+"${arguments[@]}"}
}

# Benchmarks print their table. The smoke run proves that they run; the full one holds the limits.
part_bench_smoke() {
  run_bench plan.py --smoke
  run_bench packing.py --smoke
  run_bench push.py --smoke --only link,again,memory
  run_bench promotion.py --smoke
  run_bench journal.py --smoke
  run_bench build.py --smoke
}

part_bench() {
  run_bench plan.py
  run_bench packing.py
  run_bench push.py --check
  run_bench promotion.py --check
  run_bench journal.py --check
  run_bench build.py --check
}

run_bench() {
  local script=$1
  shift
  [[ -x $tools/bin/buildx ]] || build_peers github.com/docker/buildx/cmd/buildx
  echo "--- $script $*"
  PATH="$venv/bin:$PATH" SHIPSET_TEST_BUILD="$cpp_build" "$venv/bin/python" "tests/bench/$script" "$@"
}

# Debian's clang 14 cannot read the C++20 of three files: constants that point at each other, captured bindings.
part_tidy() {
  need_packages clang-tidy
  git ls-files -z 'cpp/src/*.cpp' | grep -zvE 'model/(description|description_build|check_variants)\.cpp$' |
    xargs -0 -n 4 -P "$CMAKE_BUILD_PARALLEL_LEVEL" \
      clang-tidy -p "$cpp_build" --quiet --extra-arg=-Wno-unknown-warning-option
}

# closing_lines LOGS FAILED_PARTS: what the runners said last, then one line of sums over all of them.
closing_lines() {
  local logs=$1 failed_parts=$2 part
  for part in cpp asan tsan; do
    [[ -f $logs/$part.log ]] || continue
    printf '%-8s %s\n' "$part" "$(grep -E '^[0-9]+% tests passed' "$logs/$part.log" | tail -n1)"
  done
  for part in python interop campaign; do
    [[ -f $logs/$part.log ]] || continue
    printf '%-8s %s\n' "$part" "$(tail -n1 "$logs/$part.log")"
  done
  python3 tests/lib/sums.py "$logs" "$failed_parts"
}
