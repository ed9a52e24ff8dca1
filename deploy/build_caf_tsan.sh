#!/usr/bin/env bash
# A CAF core built under ThreadSanitizer, from Debian's source package, into build/caf-tsan/. With Debian's own
# libcaf_core, ThreadSanitizer sees only one half of each hand-over between actors and reports races that are none.
# Takes two minutes, and no time when it is there already.
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

version=0.17.6
source_package=actor-framework=$version-2.1
sha256=e2bf5bd243f08bb7d8adde197cfe3e6d71314ed3378fe0692f8932f4c3b3928c
flags='-fsanitize=thread -fno-omit-frame-pointer -O1 -g1'
prefix=$root/build/caf-tsan

# What the library depends on; another one is built anew.
key=$(printf '%s\n' "$sha256" "$flags" "$(g++ --version | head -n 1)" | sha256sum)
if [ "$(cat "$prefix/key" 2>/dev/null || true)" = "$key" ]; then exit 0; fi

mkdir -p "$root/build"
build_log=$root/build/caf-tsan.log
: >"$build_log"
work=$root/build/caf-tsan-work
rm -rf "$work"
trap 'rm -rf "$work"' EXIT
export CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=$work # a second clone finds the first one's objects

# apt with lists and a cache of its own: the host's sources and their state stay as they are.
mkdir -p "$work/lists/partial" "$work/cache" "$work/source"
printf 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s bookworm main\n' \
  "$(debian_mirror bookworm)" >"$work/sources.list"
private=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=- -o "Dir::State::Lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3)
say "fetching     CAF $version, Debian's source package"
{
  apt-get "${private[@]}" update &&
    (cd "$work/source" && apt-get "${private[@]}" source --download-only --tar-only "$source_package")
} >>"$build_log" 2>&1 || show_failure "Fetching CAF's source package"
archive=$work/source/actor-framework_$version.orig.tar.gz
[ "$(sha256sum -- "$archive" | cut -d' ' -f1)" = "$sha256" ] ||
  die "CAF's source archive has another SHA-256 than expected ($sha256), so it is not built: run deploy/build_caf_tsan.sh again."
tar -xzf "$archive" -C "$work/source"

say "configuring  CAF under ThreadSanitizer"
cmake -S "$work/source/actor-framework-$version" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_INSTALL_PREFIX="$work/prefix" \
  -DCAF_BUILD_STATIC_ONLY=yes -DCAF_NO_IO=yes -DCAF_NO_OPENSSL=yes -DCAF_NO_OPENCL=yes -DCAF_NO_PYTHON=yes \
  -DCAF_NO_TOOLS=yes -DCAF_NO_EXAMPLES=yes -DCAF_NO_UNIT_TESTS=yes >>"$build_log" 2>&1 || show_failure "Configuring CAF"
ninja_in "$work/build" || show_failure "Building CAF"
cmake --install "$work/build" >>"$build_log" 2>&1 || show_failure "Installing CAF"
rm -rf "$prefix"
mv "$work/prefix" "$prefix"
printf '%s\n' "$key" >"$prefix/key"
