# shellcheck shell=bash
# What the scripts in this folder share: paths, messages, a progress bar, the virtual environment. Sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian's own interpreter: a python3 earlier in PATH may lack venv or be another version than the pins are for.
python=/usr/bin/python3
model_name=SmolLM2-135M-Instruct.Q4_1.gguf
# shellcheck disable=SC2034 # used by the scripts that source this file
model_file=$root/models/$model_name

# ccache then finds in a clone what was compiled in another folder.
export CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

say() { printf '%s\n' "$*"; }
die() {
  printf '%s\n' "$*" >&2
  exit 1
}

# bar LABEL DONE TOTAL: one line, redrawn in place on a terminal; nothing elsewhere.
bar() {
  [ -t 1 ] || return 0
  local label=$1 done=$2 total=$3 width=32 filled
  [ "$total" -gt 0 ] || return 0
  filled=$((done * width / total))
  printf '\r\033[K%-12s [%s%s] %d/%d' "$label" "$(printf '%*s' "$filled" '' | tr ' ' '#')" \
    "$(printf '%*s' "$((width - filled))" '' | tr ' ' '.')" "$done" "$total"
}
end_bar() { if [ -t 1 ]; then printf '\r\033[K'; fi; }

# as_root COMMAND...: with sudo where we are not root.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "Packages must be installed as root and there is no sudo: run deploy/install_packages.sh as root, then this again."
  fi
}

# debian_mirror RELEASE: the host's own, where it has one for this release; Debian's otherwise.
debian_mirror() {
  local uri
  # shellcheck disable=SC2016 # apt expands it
  uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $1" 'Component: main' 2>/dev/null | head -n 1)
  printf '%s' "${uri:-http://deb.debian.org/debian}"
}

# A virtual environment in .venv, from Debian's python3. Prints nothing when it is there.
ensure_venv() {
  if [ ! -x "$root/.venv/bin/pip" ]; then
    "$python" -m venv "$root/.venv" ||
      die "No virtual environment could be made in .venv: run deploy/install_packages.sh (it brings python3-venv), then this again."
  fi
}

# configure PRESET: cmake once; later ninja itself notices what changed. Appends to the file named by $build_log.
configure() {
  if [ -f "$root/build/$1/build.ninja" ]; then return 0; fi
  say "configuring  cmake --preset $1"
  # shellcheck disable=SC2154 # set by the script that sources this file
  (cd "$root" && cmake --preset "$1") >>"$build_log" 2>&1
}

# build PRESET [TARGET...]: the preset's folder.
build() {
  local preset=$1
  shift
  ninja_in "$root/build/$preset" "$@"
}

# ninja_in FOLDER [ARGUMENT...]: ninja's [n/m] as a bar on a terminal, a line every tenth step elsewhere.
# The whole output goes to the file named by $build_log; what failed is shown by show_failure.
ninja_in() {
  local folder=$1 line step total told=-1
  shift
  local counter='^\[([0-9]+)/([0-9]+)\]'
  ninja -C "$folder" -j "$(nproc)" "$@" 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line" >>"$build_log"
    [[ $line =~ $counter ]] || continue
    step=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [ -t 1 ]; then
      bar building "$step" "$total"
    elif [ $((step * 10 / total)) -gt "$told" ]; then
      told=$((step * 10 / total))
      printf 'building     %d/%d\n' "$step" "$total"
    fi
  done
  local rc=${PIPESTATUS[0]}
  end_bar
  return "$rc"
}

# show_failure WHAT: the part of the build log that says why, then one sentence.
show_failure() {
  grep -n -E -A12 'error[: ]|Error |FAILED:' "$build_log" | tail -n 60 >&2 || tail -n 40 "$build_log" >&2
  die "$1 failed: the lines above come from ${build_log#"$root"/}, which has the whole output."
}
