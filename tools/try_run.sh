#!/usr/bin/env bash
# Start `make run` as a newcomer would, wait until it serves, ask it three questions, stop it.
set -euo pipefail
port=$(python3 - <<'P'
import socket
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    print(free.getsockname()[1])
P
)
folder=$(mktemp -d)
export ANLAN_PORT=$port ANLAN_WORKSPACE=$folder/workspace
setsid make run >"$folder/out" 2>&1 &
runner=$!
stop() {
    kill -TERM -- "-$runner" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$runner" 2>/dev/null || break; sleep 0.2; done
    kill -KILL -- "-$runner" 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT
for _ in $(seq 1200); do  # the first start compiles the judge
    if curl -fsS -o "$folder/health" "http://127.0.0.1:$port/healthz" 2>/dev/null; then break; fi
    if ! kill -0 "$runner" 2>/dev/null; then cat "$folder/out"; echo "make run ended early"; exit 1; fi
    sleep 0.5
done
cat "$folder/out"
curl -fsS "http://127.0.0.1:$port/healthz"
echo
curl -fsS "http://127.0.0.1:$port/" | grep -q "安澜"
curl -fsS "http://127.0.0.1:$port/api/openapi.json" | python3 -c 'import json,sys; print(len(json.load(sys.stdin)["paths"]), "paths in the interface description")'
grep -q "zhengzhou-2021" "$folder/out"
echo "make run serves on a fresh machine after ${SECONDS}s"
