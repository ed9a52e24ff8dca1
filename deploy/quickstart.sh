#!/usr/bin/env bash
# From a fresh clone to a running server that has answered a question. A second start takes seconds.
#   deploy/quickstart.sh [--once] [--port N]
#   --once     end after the answer, with 0 if there was one
#   --port N   listen on 127.0.0.1:N instead of 8080
set -euo pipefail
# shellcheck source=deploy/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

once=no
port=8080
while [ $# -gt 0 ]; do
  case $1 in
  --once) once=yes ;;
  --port)
    port=${2:-}
    if ! [[ $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
      die "--port needs a number from 1 to 65535."
    fi
    shift
    ;;
  *) die "Unknown argument $1: use deploy/quickstart.sh [--once] [--port N]." ;;
  esac
  shift
done

port_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if port_taken; then
  die "Port $port on 127.0.0.1 is taken: end the program that listens there, or give another one with --port."
fi

server_pid=
stop_server() {
  if [ -n "$server_pid" ] && kill -TERM "$server_pid" 2>/dev/null; then
    wait "$server_pid" || true
  fi
  server_pid=
}
trap stop_server EXIT

"$root/deploy/install_packages.sh"
"$root/deploy/fetch_model.sh"

mkdir -p "$root/build"
build_log=$root/build/quickstart.log
: >"$build_log"
configure release || show_failure "Configuring"
build release troupe || show_failure "The build"

server_log=$root/build/quickstart-server.log
"$root/build/release/troupe" serve --host 127.0.0.1 --port "$port" --model "$model_file" >"$server_log" 2>&1 &
server_pid=$!
trap 'stop_server; exit 0' INT TERM

url=http://127.0.0.1:$port
for ((attempt = 0; ; attempt++)); do
  if curl -sf -m 2 -o /dev/null "$url/readyz"; then break; fi
  if ! kill -0 "$server_pid" 2>/dev/null; then
    tail -n 20 "$server_log" >&2
    die "The server ended at its start: the lines above, from build/quickstart-server.log, say why."
  fi
  if [ "$attempt" -ge 240 ]; then # 60 s and more
    tail -n 20 "$server_log" >&2
    die "The server was not ready within a minute: the lines above, from build/quickstart-server.log, say what it was doing."
  fi
  sleep 0.25
done

say ""
say "> What is the capital of France?"
body='{"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 64, "stream": true}'
answered=0
curl -sSN -m 120 "$url/v1/chat/completions" -H 'Content-Type: application/json' -d "$body" |
  "$python" "$root/deploy/print_stream.py" || answered=1
if [ "$answered" -ne 0 ]; then
  die "The question got no answer: build/quickstart-server.log has the server's side of it."
fi
say ""
if [ "$once" = yes ]; then exit 0; fi

cat <<TEXT
Troupe is serving $(basename "$model_file" .gguf):
  OpenAI API   $url/v1          (point an OpenAI SDK's base_url here; any api_key will do)
  WebSocket    ws://127.0.0.1:$port/v1/responses
  metrics      $url/metrics
  health       $url/livez  $url/readyz

Try:
  curl -N $url/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"messages": [{"role": "user", "content": "Tell me a story."}], "stream": true}'

Its log is build/quickstart-server.log. Ctrl-C ends it.
TEXT

wait "$server_pid" || {
  server_pid=
  tail -n 20 "$server_log" >&2
  die "The server ended by itself: the lines above, from build/quickstart-server.log, say why."
}
