#!/usr/bin/env bash
# Fuzzes what reads strangers' bytes: model files, text, templates, request bodies, streams, the settings file.
#   deploy/fuzz.sh                 lists the targets
#   deploy/fuzz.sh TARGET [RUNS]   builds with clang++-16 and libFuzzer, under AddressSanitizer and UBSan, and runs that
#                                  many inputs (1,000,000 if not said) on one core; 0 makes an end only at a finding
# What was found of interest stays in build/fuzz/corpus/TARGET for the next run. An input that crashes goes to
# build/fuzz/found/, and its name is said at the end: build/fuzz/tests/fuzz/fuzz_TARGET FILE runs it again.
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

targets=()
for source in "$root"/tests/fuzz/*_fuzz.cpp; do
  name=${source##*/}
  targets+=("${name%_fuzz.cpp}")
done

if [ $# -eq 0 ]; then
  printf '%s\n' "${targets[@]}"
  exit 0
fi
target=$1
runs=${2:-1000000}
[[ " ${targets[*]} " == *" $target "* ]] || die "There is no target $target: deploy/fuzz.sh lists them."
[[ $runs =~ ^[0-9]+$ ]] || die "The number of runs is $runs: give a whole number, or none."
if [ "$runs" -eq 0 ]; then runs=-1; fi # libFuzzer's word for endless

"$root/deploy/install_packages.sh" clang-16 libclang-rt-16-dev
mkdir -p "$root/build"
build_log=$root/build/fuzz.log
: >"$build_log"
configure fuzz || show_failure "Configuring"
build fuzz "fuzz_$target" fuzz_seeds || show_failure "The build"

cd "$root"
folder=$root/build/fuzz
mkdir -p "$folder/corpus/$target" "$folder/found"
"$folder/tests/fuzz/fuzz_seeds" "$folder/seeds"

# The largest real inputs are far longer, but a fuzzer learns nothing from length.
log=$folder/$target.log
rc=0
nice -n 15 "$folder/tests/fuzz/fuzz_$target" -runs="$runs" -dict="$folder/seeds/$target.dict" -max_len=8192 -timeout=20 \
  -rss_limit_mb=2048 -malloc_limit_mb=256 -reload=0 -print_final_stats=1 -artifact_prefix="$folder/found/$target-" \
  "$folder/corpus/$target" "$folder/seeds/$target" >"$log" 2>&1 || rc=$?
grep -E '^#.*(INITED|DONE)|^stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|^Done' "$log" || true
if [ "$rc" -ne 0 ]; then
  grep -E -A12 'ERROR:|SUMMARY:|does not hold|Test unit written' "$log" >&2 || tail -n 20 "$log" >&2
  die "$target found an input that it should survive: the lines above, from ${log#"$root"/}, name it."
fi
