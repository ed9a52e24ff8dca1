#!/bin/bash
# On a machine with a card: checks, then times, then prints the tables. Builds nothing.
#   before: cp BUILD/kernels/cuda/{libtroupe_cuda.so,test_cuda,bench_cuda} .gpu/   (and libfmt.so.9 where the card's machine lacks it)
#   run_on_card.sh FOLDER_FOR_RESULTS [ladder] [agreement] [attention] [step]
set -u
out=${1:?a folder for the results}
shift
here=$(cd "$(dirname "$0")/../.." && pwd)
if ! ldconfig -p | grep -q libcublasLt.so.13; then
  export LD_LIBRARY_PATH=$(dirname "$(find /usr/local /opt -name libcublasLt.so.13 2>/dev/null | head -1)")
fi
cd "$here" || exit 1
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm,clocks.max.mem,temperature.gpu,power.limit --format=csv | tee "$out/card.txt"
timeout 120 .gpu/test_cuda -d yes >"$out/tests.txt" 2>&1 || { tail -40 "$out/tests.txt"; echo "tests failed: nothing is timed"; exit 1; }
tail -3 "$out/tests.txt"
if sanitizer=$(command -v compute-sanitizer); then
  timeout 200 "$sanitizer" --tool memcheck --leak-check no .gpu/test_cuda >"$out/memcheck.txt" 2>&1
  echo "memcheck: $? $(tail -1 "$out/memcheck.txt")"
fi
timeout 300 .gpu/bench_cuda "$out/bench.txt" "$@" >"$out/bench.log" 2>&1
code=$?
cat "$out/bench.log"
exit $code
