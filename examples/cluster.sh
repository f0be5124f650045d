#!/bin/sh
# A search on a Ray cluster of two nodes. Here both are on this machine; on a real cluster the same
# `ray start` lines are typed on a machine each, with plugnas of one version installed on all of them,
# and the address is the first one's. What follows the script's name goes to `nas search`.
#   sh examples/cluster.sh
# With --set stop.trials=12 a minute on a busy machine; at its end, a row for each node's worker.
set -eu
here=$(dirname "$0")
port=${PORT:-6379}
logs=$(mktemp -d)
export RAY_USAGE_STATS_ENABLED=0
# where there is a token, a head asks for it, and other nodes show it only when they are told to
[ ! -f "${RAY_AUTH_TOKEN_PATH:-$HOME/.ray/auth_token}" ] || export RAY_AUTH_MODE="${RAY_AUTH_MODE:-token}"
ports='--min-worker-port=0 --max-worker-port=0' # any that are free: both nodes have this machine's
head='' node=''
# --block: a node ends with its command, and `ray stop`, which ends every Ray of this machine, is not needed
trap 'kill -9 $head $node 2>/dev/null || true; rm -r "$logs"' EXIT
trap 'exit 130' INT TERM

started() { # PID LOG: wait until a node is there
    until grep -q 'Ray runtime started' "$2"; do
        kill -0 "$1" 2>/dev/null || { cat "$2" >&2; exit 1; }
        sleep 0.2
    done
}

ray start --head --node-ip-address=127.0.0.1 --port="$port" --num-cpus=1 \
    $ports --include-dashboard=false --block >"$logs/head" 2>&1 &
head=$!
started $head "$logs/head"

ray start --address="127.0.0.1:$port" --node-ip-address=127.0.0.1 --num-cpus=1 \
    $ports --block >"$logs/node" 2>&1 &
node=$!
started $node "$logs/node"

nas search "$here/digits.toml" --address "127.0.0.1:$port" "$@"
nas query nas.db 'SELECT worker, count(*) AS trials, round(sum(seconds)) AS seconds
    FROM trials WHERE status = "complete" GROUP BY worker'
