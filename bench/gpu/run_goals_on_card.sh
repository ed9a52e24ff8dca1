#!/bin/bash
# Goals G4, G5 and G7 with an 8 B model of random weights, and FAULTS 16. Builds nothing; files as for run_model_on_card.sh.
#   run_goals_on_card.sh FOLDER_FOR_RESULTS TOKENIZER.gguf [tests] [batches] [offline] [http] [idle] [fault]
set -u
out=${1:?a folder for the results}
tokenizer=${2:?a GGUF file with a tokenizer, or its beginning}
shift 2
parts=" ${*:-tests batches offline http idle fault} "
here=$(dirname "$0")
bin=${GPU_BIN:-.gpu}
export LD_LIBRARY_PATH=$PWD/$bin${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
if ! ldconfig -p | grep -q libcublasLt.so.13; then
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH:$(dirname "$(find /usr/local /opt -name libcublasLt.so.13 2>/dev/null | head -1)")
fi
model=${MODEL:-/tmp/random_8b.gguf}
port=$((20000 + RANDOM % 20000))
words=482 # and 30 tokens around them: 512
answer=128
common="--model $model --device cuda:0 --kv-cache-mib 28672 --requests-max 1024 --step-time-max-ms 1000 --prefix-cache=false"

offline() { # REQUESTS BATCH TOKENS STRETCH [DEVICE_US]
  python3 "$here/make_batch.py" /tmp/in.jsonl "$1" $words $answer
  rm -f /tmp/out.jsonl
  timeout 100 "$bin"/troupe batch /tmp/in.jsonl /tmp/out.jsonl $common --max-batch-size "$2" --max-batch-tokens "$3" \
    --step-stretch-percent "$4" --concurrency "$1" --log-level debug 2>"$out/offline.log" || tail -5 "$out/offline.log"
  echo "offline: $1 requests, max-batch-size $2, max-batch-tokens $3, step-stretch-percent $4"
  python3 "$here/answers_of.py" /tmp/out.jsonl
  python3 "$here/steps_of.py" "$out/offline.log" $(($1 * answer)) ${5:-}
}

start() { # FLAGS...
  "$bin"/troupe serve $common --port $port "$@" 2>"$out/serve.log" &
  server=$!
  for _ in $(seq 400); do
    curl -sf "http://127.0.0.1:$port/readyz" >/dev/null && return
    sleep 0.1
  done
  tail -5 "$out/serve.log"
}

http() { # REQUESTS BATCH TOKENS STRETCH
  start --max-batch-size "$2" --max-batch-tokens "$3" --step-stretch-percent "$4" --log-level warn
  echo "over HTTP: $1 requests, max-batch-size $2, max-batch-tokens $3, step-stretch-percent $4"
  for seed in 1 2; do
    timeout 100 "$bin"/troupe bench serve --url "http://127.0.0.1:$port" --concurrency "$1" --requests "$1" --prompt-tokens $words \
      --max-tokens $answer --ignore-eos --seed $seed
  done
  kill $server
  wait $server
  cat "$out/serve.log"
}

fault() { # a card that faults in the middle of a stream
  start --fault-injection --log-level info
  python3 "$here/fault_in_stream.py" "http://127.0.0.1:$port" 1000 500
  kill $server
  wait $server
  echo "server: exit $?"
  grep -E 'model_loaded|device_lost|engine_|actor_down|warn|error' "$out/serve.log" | cut -c1-300
}

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader
[ -e "$model" ] || time python3 "$here/make_random_gguf.py" "$model" bf16 --tokenizer "$tokenizer"
case $parts in *" tests "*)
  [ -e /tmp/random_2.gguf ] || python3 "$here/make_random_gguf.py" /tmp/random_2.gguf bf16 --layers 2 --tokenizer "$tokenizer"
  timeout 100 "$bin"/test_cuda "prefill*" | tail -3
  TROUPE_TEST_MODEL=/tmp/random_2.gguf timeout 100 "$bin"/test_device "~[accuracy]" | tail -20
  ;;
esac
case $parts in *" batches "*)
  timeout 120 "$bin"/troupe bench engine --model "$model" --device cuda:0 --batch 64,65,128,256 --prompt-tokens 2048,4096 --max-batch-tokens 4096 \
    --context 512 --rounds 3
  ;;
esac
case $parts in *" offline "*)
  for settings in ${OFFLINE:-256,2048,0 256,4096,0 256,8192,0 256,2048,250 64,2048,0}; do
    offline 256 ${settings//,/ }
  done
  ;;
esac
case $parts in *" http "*)
  for settings in ${HTTP:-256,2048,0 256,4096,0}; do
    http 256 ${settings//,/ }
  done
  ;;
esac
case $parts in *" idle "*)
  offline 1 64 2048 0 5163
  offline 64 64 8192 0 7823
  ;;
esac
case $parts in *" fault "*) fault ;; esac
