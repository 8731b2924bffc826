#!/usr/bin/env bash
# Installs what the tests need, then runs all of them, or the parts that are asked for.
#   bash tests/run.sh [--full] [--only PART[,PART…]] [--list]
# Logs stand in build/test-logs/. Exit code 0: every part passed.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1
# shellcheck source=tests/lib/setup.sh
source tests/lib/setup.sh
# shellcheck source=tests/lib/parts.sh
source tests/lib/parts.sh

all_parts=(build peers lint cpp python example package interop campaign bench-smoke asan fuzz tsan)
full_parts=(tidy bench)
only='' full=false

usage() {
  sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  printf 'Parts: %s; with --full also: %s\n' "${all_parts[*]}" "${full_parts[*]}"
}

while [[ $# -gt 0 ]]; do
  case $1 in
    --only) only=${2:?--only needs a list of parts}; shift ;;
    --only=*) only=${1#*=} ;;
    --full) full=true ;;
    --list) printf '%s\n' "${all_parts[@]}" "${full_parts[@]}"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

parts=("${all_parts[@]}")
[[ $full == true ]] && parts+=("${full_parts[@]}")
if [[ -n $only ]]; then
  IFS=, read -r -a chosen <<<"$only"
  for part in "${chosen[@]}"; do
    [[ " ${all_parts[*]} ${full_parts[*]} " == *" $part "* ]] || { usage >&2; die "no part named '$part'"; }
  done
  parts=()
  for part in "${all_parts[@]}" "${full_parts[@]}"; do
    [[ ,$only, == *,$part,* ]] && parts+=("$part")
  done
  # These run what the build part makes, and need the peers.
  [[ ,$only, =~ ,(cpp|python|interop|example|bench|bench-smoke|asan|tsan), && ,$only, != *,peers,* ]] && parts=(peers "${parts[@]}")
  [[ ,$only, =~ ,(cpp|python|package|interop|campaign|lint|example|bench|bench-smoke), && ,$only, != *,build,* ]] && parts=(build "${parts[@]}")
fi

logs="$root/build/test-logs"
rm -rf "$logs"
mkdir -p "$logs"
declare -A result minutes
failures=0
started=$SECONDS
for part in "${parts[@]}"; do
  say "$part"
  begun=$SECONDS
  # A subshell with -e: the first command of a part that fails ends the part.
  (set -euo pipefail; "part_${part//-/_}") >"$logs/$part.log" 2>&1
  status=$?
  minutes[$part]=$(awk -v s=$((SECONDS - begun)) 'BEGIN { printf "%.1f", s / 60 }')
  if [[ $status == 0 ]]; then
    result[$part]=passed
  else
    result[$part]=FAILED
    failures=$((failures + 1))
    printf -- '--- the end of build/test-logs/%s.log\n' "$part" >&2
    tail -n 60 "$logs/$part.log" >&2
  fi
  printf '%s: %s after %s min\n' "$part" "${result[$part]}" "${minutes[$part]}" >&2
  [[ $part == build && $status != 0 ]] && break
done

printf '\n%-12s %8s  %s\n' part minutes result
for part in "${parts[@]}"; do
  printf '%-12s %8s  %s\n' "$part" "${minutes[$part]:--}" "${result[$part]:-not run}"
done
printf '%-12s %8s\n\n' total "$(awk -v s=$((SECONDS - started)) 'BEGIN { printf "%.1f", s / 60 }')"
closing_lines "$logs" "$failures"
[[ $failures == 0 ]]
