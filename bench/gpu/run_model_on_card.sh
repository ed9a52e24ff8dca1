#!/bin/bash
# A real model on a machine with a card: bits and accuracy first, then the program, then rates. Builds nothing.
#   before: cp BUILD/kernels/cuda/{libtroupe_cuda.so,test_cuda,test_device} BUILD/troupe .gpu/   (and shared libraries that machine lacks)
#   run_model_on_card.sh FOLDER_FOR_RESULTS MODEL.gguf [tests] [program] [rates] [load] [steps] [8b] [memcheck]
set -u
out=${1:?a folder for the results}
model=$(realpath "${2:?a GGUF file}")
shift 2
parts=" ${*:-tests program rates load steps 8b memcheck} "
here=$PWD # the top of the tree
bin=${GPU_BIN:-.gpu}
export LD_LIBRARY_PATH=$here/$bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
if ! ldconfig -p | grep -q libcublasLt.so.13; then
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$(dirname "$(find /usr/local /opt -name libcublasLt.so.13 2>/dev/null | head -1)")
fi
export TROUPE_TEST_MODEL=$model
port=$((20000 + RANDOM % 20000))
failed=0

said() { # NAME SECONDS COMMAND...: its last lines, and whether it worked
  local name=$1 limit=$2 code
  shift 2
  if [ "$(type -t "$1")" = function ]; then
    "$@" >"$out/$name.txt" 2>&1 # its parts have limits
  else
    timeout "$limit" "$@" >"$out/$name.txt" 2>&1
  fi
  code=$?
  [ $code -eq 0 ] || failed=1
  echo "== $name: exit $code"
  tail -"${lines:-12}" "$out/$name.txt"
}

ask() { # QUESTION TOKENS [MORE_FIELDS]: the server's answer, but for what differs from one time to the next
  curl -s --max-time 60 "http://127.0.0.1:$port/v1/chat/completions" -H 'Content-Type: application/json' \
    -d "{\"messages\": [{\"role\": \"user\", \"content\": \"$1\"}], \"max_tokens\": $2, \"temperature\": 0${3:-}}" |
    sed -E 's/"(id|request_id|system_fingerprint)":"[^"]*",?//g; s/"(created|cached_tokens)":[0-9]+,?//g'
}

cut_short() { # WHAT COMMAND...: a long answer in whose middle the command runs, against one without
  local what=$1 alone writer
  shift
  alone=$(ask "Tell a long story about a river." 1500 ', "ignore_eos": true')
  ask "Tell a long story about a river." 1500 ', "ignore_eos": true' >"$out/cut_short" &
  writer=$!
  sleep 0.4
  kill -0 $writer && echo "in the middle of an answer:" && "$@" && echo
  wait $writer
  [ "$(cat "$out/cut_short")" = "$alone" ] && echo "the $what died: the same answer, ${#alone} bytes" || cat "$out/cut_short"
}

serve_apart() {
  "$bin"/troupe serve --model "$model" --device cuda:0 --port $port --engine-process 2>"$out/apart.log" &
  local server=$! i
  for i in $(seq 150); do
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.1
  done
  cut_short "engine's process" bash -c "kill -9 \$(pgrep -P $server)"
  kill $server
  wait $server
  echo "server: exit $?"
  grep -E 'model_loaded|engine_|actor_down|warn|error' "$out/apart.log"
}

serve_and_ask() {
  "$bin"/troupe serve --model "$model" --device cuda:0 --port $port --fault-injection 2>"$out/serve.log" &
  local server=$! alone i
  for i in $(seq 150); do
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
    kill -0 $server 2>/dev/null || break
    sleep 0.1
  done
  alone=$(ask "Write two sentences about the sea." 60)
  echo "alone: ${alone:0:400}"
  for i in $(seq 24); do
    ask "Write two sentences about the sea." 60 >"$out/same_$i" &
    ask "Count from $i upwards, in words." $((20 + i * 3)) >/dev/null &
  done
  wait $(jobs -p | grep -v "^$server$")
  for i in $(seq 24); do
    [ "$(cat "$out/same_$i")" = "$alone" ] || echo "in company: $(cat "$out/same_$i")"
    rm "$out/same_$i"
  done
  cut_short executor curl -s "http://127.0.0.1:$port/admin/faults" -H 'Content-Type: application/json' -d '{"part": "executor", "fault": "kill"}'
  curl -s "http://127.0.0.1:$port/metrics" | grep -E '^troupe_(generation_tokens_total|actor_restarts_total.*engine|ready)'
  kill $server
  wait $server
  echo "server: exit $?"
  grep -E 'model_loaded|actor_down|engine_up|warn|error' "$out/serve.log"
}

load() { # the server under load, over HTTP with server-sent events
  "$bin"/troupe serve --model "$model" --device cuda:0 --port $port --max-batch-size 64 --max-batch-tokens 2048 --kv-cache-mib 16384 \
    --step-stretch-percent ${STRETCH:-250} --log-level warn 2>"$out/load.log" &
  local server=$! streams
  for streams in $(seq 150); do
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.1
  done
  for streams in 1 8 64; do
    echo "streams: $streams"
    timeout 60 "$bin"/troupe bench serve --url "http://127.0.0.1:$port" --concurrency $streams --requests $((streams * 4 + 8)) \
      --prompt-tokens 512 --max-tokens 128 --ignore-eos --seed $streams
  done
  curl -s "http://127.0.0.1:$port/metrics" | grep -E '^troupe_step_(overhead_)?seconds_(sum|count)'
  kill $server
  wait $server
  cat "$out/load.log"
}

nvidia-smi --query-gpu=name,driver_version,memory.used,temperature.gpu,power.limit --format=csv,noheader | tee "$out/card.txt"
case $parts in *" tests "*)
  lines=4 said test_cuda 120 "$bin"/test_cuda -d yes
  lines=60 said test_device 280 "$bin"/test_device -d yes
  ;;
esac
case $parts in *" program "*)
  said generate 60 "$bin"/troupe generate --model "$model" --device cuda:0 --max-tokens 60 "What is the capital of France?"
  said generate_cpu 60 "$bin"/troupe generate --model "$model" --device cpu --max-tokens 60 "What is the capital of France?"
  lines=40 said serve 120 serve_and_ask
  lines=20 said apart 120 serve_apart
  ;;
esac
case $parts in *" rates "*)
  lines=14 said rates 120 "$bin"/troupe bench engine --model "$model" --device cuda:0 --batch 1,8,32,64 --prompt-tokens 128,512,2048,8000 \
    --max-batch-tokens 2048 --context 512 --rounds 7 --json "$out/rates.json"
  ;;
esac
case $parts in *" load "*)
  lines=40 said load 120 load
  STRETCH=0 lines=40 said load_unstretched 120 load
  ;;
esac
case $parts in *" steps "*)
  lines=30 said steps 60 "$bin"/test_device "[rates]"
  ;;
esac
case $parts in *" 8b "*)
  for kind in bf16 q4_1; do
    said make_$kind 120 python3 "$(dirname "$0")/make_random_gguf.py" "/tmp/random_$kind.gguf" $kind
    lines=14 said rates_8b_$kind 200 "$bin"/troupe bench engine --model "/tmp/random_$kind.gguf" --device cuda:0 --batch 1,8,32,64 --prompt-tokens 512,2048,8192 \
      --max-batch-tokens 8192 --context 512 --rounds 5 --json "$out/rates_8b_$kind.json"
    rm -f "/tmp/random_$kind.gguf"
  done
  ;;
esac
case $parts in *" memcheck "*)
  lines=5 said memcheck 280 compute-sanitizer --tool memcheck --leak-check no "$bin"/test_device "~[accuracy]"
  ;;
esac
echo "failed: $failed"
exit $failed
