#!/usr/bin/env bash
# Both commands of the README on a machine that has nothing: Debian 12 is put into a folder (debootstrap, minbase), a
# clone of this repository goes into it, and deploy/quickstart.sh and deploy/test.sh run there as root.
#   deploy/fresh_machine.sh FOLDER [--commit COMMIT] [--minutes N] [--only quickstart|test]
#   FOLDER           where the machine goes; must not exist or be empty, 6 GB; it is kept: rm -rf it when done
#   --commit COMMIT  what is cloned; HEAD where it is not given (uncommitted work is never in it)
#   --minutes N      a bound on all of it, 150 where it is not given
#   --only COMMAND   one of the two commands
# The host's settings for its package managers (/etc/apt, pip.conf, PIP_*, proxies, certificates, name servers) are
# visible in the machine while the commands run, by read-only mounts and variables. They are copied nowhere.
# Mounts and processes live in namespaces of their own, so all of them end with this script, however it ends.
# The last lines say what each phase took in minutes and added in megabytes.
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

release=bookworm
usage="use deploy/fresh_machine.sh FOLDER [--commit COMMIT] [--minutes N] [--only quickstart|test]."

# ---- on the host ----------------------------------------------------------------------------------------------------

start() {
  local folder='' commit=HEAD minutes=150 only=both
  while [ $# -gt 0 ]; do
    case $1 in
    --commit) commit=${2:-} && shift ;;
    --minutes)
      minutes=${2:-}
      [[ $minutes =~ ^[1-9][0-9]{0,3}$ ]] || die "--minutes needs a number from 1 to 9999."
      shift
      ;;
    --only)
      only=${2:-}
      [[ $only =~ ^(quickstart|test)$ ]] || die "--only needs quickstart or test."
      shift
      ;;
    -*) die "Unknown argument $1: $usage" ;;
    *)
      [ -z "$folder" ] || die "Two folders are one too many: $usage"
      folder=$1
      ;;
    esac
    shift
  done
  [ -n "$folder" ] || die "A folder is missing: $usage"
  [ "$(id -u)" -eq 0 ] || die "A machine in a folder needs root: run this as root."
  if [ -e "$folder" ] && [ -n "$(ls -A -- "$folder")" ]; then
    die "$folder is not empty, and nothing in it will be overwritten: name a new folder."
  fi
  commit=$(git -C "$root" rev-parse --verify --quiet "$commit^{commit}") ||
    die "There is no such commit in this repository: name one that git rev-parse knows."
  if ! command -v debootstrap >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; } ||
      die "debootstrap could not be installed: mend apt, then run this again."
  fi
  unshare --mount --pid --fork true 2>/dev/null ||
    die "This system allows no mount and process namespaces: run this in a container with CAP_SYS_ADMIN, or on a host."
  mkdir -p -- "$folder"
  folder=$(realpath -- "$folder")
  local rc=0
  timeout --foreground --kill-after=10 "${minutes}m" \
    unshare --mount --pid --fork --kill-child "$BASH" "${BASH_SOURCE[0]}" --inside "$folder" "$commit" "$only" || rc=$?
  [ "$rc" -ne 124 ] || die "Not done within $minutes minutes: see what is in $folder/root, or give more with --minutes."
  exit "$rc"
}

# ---- in the namespaces ----------------------------------------------------------------------------------------------

report=()
mark_s=0
mark_mb=0

# lap NAME: a line for the report, of what passed since the last one.
lap() {
  local mb
  mb=$(du -sxm -- "$folder" 2>/dev/null | cut -f1)
  report+=("$(printf '%-34s %6.1f min %+6d MB' "$1" "$(awk -v s="$((SECONDS - mark_s))" 'BEGIN { print s / 60 }')" "$((mb - mark_mb))")")
  say "-- ${report[-1]}"
  mark_s=$SECONDS
  mark_mb=$mb
}

# Addresses are the host's own business.
without_addresses() { sed -E 's#[a-z+]+://[^ ]*#ADDRESS#g'; }

bootstrap() {
  local log
  log=$(mktemp)
  if ! debootstrap --variant=minbase "$release" "$folder" "$(debian_mirror "$release")" >"$log" 2>&1; then
    without_addresses <"$log" | tail -n 15 >&2
    die "debootstrap failed: the lines above say why."
  fi
  rm -f "$log" "$folder/etc/apt/sources.list" "$folder/var/log/bootstrap.log"
}

# show PATH [TARGET]: what the host has at PATH is seen at TARGET in the machine, read-only.
show() {
  local target=$folder${2:-$1}
  [ -e "$1" ] || return 0
  if [ -d "$1" ]; then mkdir -p -- "$target"; else mkdir -p -- "$(dirname "$target")" && : >>"$target"; fi
  mount --bind -- "$1" "$target"
  mount -o remount,bind,ro -- "$target"
}

mounts() {
  mount -t proc proc "$folder/proc"
  mount --rbind /dev "$folder/dev"
  show /sys
  mount -t tmpfs -o mode=755 tmpfs "$folder/run"
  show /etc/apt
  show /etc/pip.conf
  show "${HOME:-/root}/.config/pip" /root/.config/pip
  show /etc/resolv.conf
  show /etc/hosts
  # The package ca-certificates makes the bundle and adds what lies here; apt, which has to fetch it, gets the host's.
  show /usr/local/share/ca-certificates
  show /etc/ssl/certs/ca-certificates.crt /run/host-certificates.crt
  echo 'Acquire::https::CaInfo "/run/host-certificates.crt";' >"$folder/run/apt.conf"
}

# A bare machine's environment, and the host's variables for its package managers.
environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb APT_CONFIG=/run/apt.conf)
pass_variables() {
  local name
  for name in $(compgen -e); do
    case $name in
    PIP_FIND_LINKS | PIP_CACHE_DIR) continue ;; # folders of the host
    PIP_* | http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | SSL_CERT_FILE | REQUESTS_CA_BUNDLE | CURL_CA_BUNDLE) ;;
    *) continue ;;
    esac
    environment+=("$name=${!name}")
    # A certificate outside of what the package ca-certificates makes.
    if [ -f "${!name}" ] && [[ ${!name} != /etc/ssl/certs/* ]]; then show "${!name}"; fi
  done
}

# What runs the command after it in the clone. An array and not a function: sent to the background it *is* that
# command, whose process id then takes signals.
in_machine=()
set_in_machine() {
  # shellcheck disable=SC2016 # expanded by the shell inside
  in_machine=(chroot "$folder" /usr/bin/env -i "${environment[@]}" /bin/bash -c 'cd /root/troupe && exec "$@"' -)
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  printf '%s' "$port"
}

# The quickstart serves until it is told to end: it is told once it has said how.
quickstart() {
  local output=$folder/root/quickstart.log line pid ended=no answered=no rc=0
  mkfifo "$folder/root/quickstart.pipe"
  "${in_machine[@]}" deploy/quickstart.sh --port "$(free_port)" </dev/null >"$folder/root/quickstart.pipe" 2>&1 &
  pid=$!
  while IFS= read -r line; do
    printf '%s\n' "$line" | tee -a "$output"
    case $line in
    fetching*) lap "quickstart: packages" ;;
    configuring*) lap "quickstart: model" ;;
    '> '*) lap "quickstart: build, start" ;;
    *'Ctrl-C ends it.')
      answered=yes
      lap "quickstart: answer"
      kill -TERM "$pid"
      ended=yes
      ;;
    esac
  done <"$folder/root/quickstart.pipe"
  rm -f "$folder/root/quickstart.pipe"
  wait "$pid" || rc=$?
  [ "$rc" -eq 0 ] || die "deploy/quickstart.sh ended with $rc: the lines above and $folder/root/troupe/build say why."
  [ "$answered$ended" = yesyes ] || die "deploy/quickstart.sh ended by itself without having served."
}

tests() {
  local output=$folder/root/test.log line rc
  { "${in_machine[@]}" deploy/test.sh </dev/null 2>&1 || echo "exit status $?"; } | while IFS= read -r line; do
    printf '%s\n' "$line"
  done | tee "$output"
  while IFS= read -r line; do report+=("$(sed -E 's/^== (.*): ([0-9.]+) min$/\1|\2/' <<<"$line" | awk -F'|' '{ printf "  %-32s %6.1f min", $1, $2 }')"); done \
    < <(grep -E '^== .*: [0-9.]+ min$' "$output")
  lap "test"
  rc=$(tail -n 1 "$output")
  [[ $rc =~ ^[0-9]+\ passed,\ 0\ failed$ ]] || die "deploy/test.sh failed in the bare machine: its output is $output."
}

inside() {
  folder=$1
  local commit=$2 only=$3
  say "a bare Debian 12 in $folder, commit ${commit:0:12}"
  bootstrap
  lap debootstrap
  mounts
  pass_variables
  set_in_machine
  git clone --quiet --no-hardlinks --no-checkout "$root" "$folder/root/troupe"
  git -C "$folder/root/troupe" -c advice.detachedHead=false checkout --quiet "$commit"
  lap clone
  [ "$only" = test ] || quickstart
  [ "$only" = quickstart ] || tests
  say ""
  say "commit ${commit:0:12}, $(nproc) cores:"
  printf '  %s\n' "${report[@]}"
  printf '  %-34s %6.1f min %6d MB\n' total "$(awk -v s="$SECONDS" 'BEGIN { print s / 60 }')" "$(du -sxm -- "$folder" | cut -f1)"
}

if [ "${1:-}" = --inside ]; then
  shift
  inside "$@"
else
  start "$@"
fi
