#!/usr/bin/env bash
# Everything that is tested, from a fresh clone: installs, fetches and builds what it needs, then runs the unit
# tests (ctest) and the tests on real processes with real clients (pytest tests/system).
#   deploy/test.sh [--asan] [--tsan]
#   --asan   all but the longest test once more under AddressSanitizer, LeakSanitizer and UBSan, real processes too
#   --tsan   the rooms that have threads once more under ThreadSanitizer, with a CAF core that is built under it
# The last line is "N passed, N failed", over the test programs of ctest and the tests of pytest; a report of a
# sanitizer is a failure, whichever process wrote it.
# shellcheck disable=SC2317 # the functions are run by phase
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

asan=no
tsan=no
for argument in "$@"; do
  case $argument in
  --asan) asan=yes ;;
  --tsan) tsan=yes ;;
  *) die "Unknown argument $argument: use deploy/test.sh [--asan] [--tsan]." ;;
  esac
done

cd "$root"
mkdir -p build
build_log=$root/build/test-build.log
: >"$build_log"

# phase NAME COMMAND...: runs it, prints what it took.
phase() {
  local name=$1 start=$SECONDS rc=0
  shift
  say "== $name"
  "$@" || rc=$?
  say "== $name: $(awk -v s="$((SECONDS - start))" 'BEGIN { printf "%.1f", s / 60 }') min"
  return "$rc"
}

requirements() {
  ensure_venv
  local wanted stamp=.venv/requirements.sha256
  wanted=$(sha256sum tests/requirements.txt)
  if [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ]; then return 0; fi
  .venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt ||
    die "pip could not install tests/requirements.txt: check the connection to PyPI, then run deploy/test.sh again."
  printf '%s\n' "$wanted" >"$stamp"
}

# The presets build the tests; a folder that was configured without them is configured again.
build_all() {
  configure "$1" || show_failure "Configuring"
  build "$1" || show_failure "The build"
}

passed=0
failed=0

# unit_tests PRESET [OPTION...]: counts ctest's programs.
unit_tests() {
  local log=build/ctest-$1.log rc=0 bad all
  ctest --preset "$1" "${@:2}" 2>&1 | tee "$log" || rc=$?
  all=$(sed -nE 's/.*tests failed out of ([0-9]+).*/\1/p' "$log" | tail -n 1)
  bad=$(sed -nE 's/.* ([0-9]+) tests failed out of .*/\1/p' "$log" | tail -n 1)
  if [ -z "$all" ]; then # not one test ran: that is a failure too
    failed=$((failed + 1))
    return 1
  fi
  passed=$((passed + all - bad))
  failed=$((failed + bad))
  return "$rc"
}

# system_tests PRESET
system_tests() {
  local log=build/pytest-$1.log rc=0 good bad errors
  export TROUPE_TEST_BINARY=$root/build/$1/troupe
  .venv/bin/python -m pytest tests/system -p no:cacheprovider --color=no --durations=5 2>&1 | tee "$log" || rc=$?
  good=$(tail -n 1 "$log" | sed -nE 's/.*\b([0-9]+) passed.*/\1/p')
  bad=$(tail -n 1 "$log" | sed -nE 's/.*\b([0-9]+) failed.*/\1/p')
  errors=$(tail -n 1 "$log" | sed -nE 's/.*\b([0-9]+) errors?.*/\1/p')
  passed=$((passed + ${good:-0}))
  failed=$((failed + ${bad:-0} + ${errors:-0}))
  if [ "$rc" -ne 0 ] && [ "$((${bad:-0} + ${errors:-0}))" -eq 0 ]; then failed=$((failed + 1)); fi
  return "$rc"
}

# Every process writes its reports into files of its own: many tests end servers without looking at what they said.
reports=$root/build/sanitizer-reports
export ASAN_OPTIONS=log_path=$reports/asan:detect_stack_use_after_return=1:check_initialization_order=1
export UBSAN_OPTIONS=log_path=$reports/ubsan:print_stacktrace=1
export TSAN_OPTIONS=log_path=$reports/tsan:second_deadlock_stack=1

# under_sanitizer COMMAND...: bounds of time are three times as long, and a report fails it.
under_sanitizer() {
  local rc=0 report
  rm -rf "$reports"
  mkdir -p "$reports"
  export TROUPE_TEST_TIME_SCALE=3
  "$@" || rc=$?
  unset TROUPE_TEST_TIME_SCALE
  for report in "$reports"/*; do
    [ -e "$report" ] || break
    head -n 60 "$report" >&2
    failed=$((failed + 1))
    rc=1
  done
  return "$rc"
}

phase packages deploy/install_packages.sh
if [ -z "${TROUPE_TEST_MODEL:-}" ]; then
  phase model deploy/fetch_model.sh
  export TROUPE_TEST_MODEL=$model_file
fi
phase "python packages" requirements
phase build build_all release

result=0
phase "unit tests" unit_tests release --timeout 300 || result=1
phase "system tests" system_tests release || result=1
if [ "$asan" = yes ]; then
  phase "build (asan)" build_all asan
  phase "unit tests (asan)" under_sanitizer unit_tests asan --timeout 900 || result=1
  phase "system tests (asan)" under_sanitizer system_tests asan || result=1
fi
if [ "$tsan" = yes ]; then
  phase "CAF (tsan)" deploy/build_caf_tsan.sh
  phase "build (tsan)" build_all tsan
  phase "unit tests (tsan)" under_sanitizer unit_tests tsan --timeout 900 || result=1
fi

say "$passed passed, $failed failed"
exit "$result"
