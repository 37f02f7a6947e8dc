#!/usr/bin/env bash
# Replaces the scorer again and again while 64 connections have content analyzed: not one request may fail.
#   benches/swap.sh [ACTIVATIONS]
. "$(dirname "$0")/service.sh"
activations=${1:-200}
seconds_max=600
need curl wrk

start_service
make_customer
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' plugins/Cargo.toml | head -n 1)
other=${version%?}$(((${version: -1} + 1) % 10))
# The same rules under another version: the number stands in the module's data as text of the same length.
sed "s/${version//./\\.}/$other/g" plugins/dist/scorer.wasm >"$folder/other.wasm"
name=$("$pillarbox" plugin check "$folder/other.wasm" --json | sed -n 's/.*"name": *"\([^"]*\)".*/\1/p' | head -n 1)
"$pillarbox" plugin install "$folder/other.wasm" >"$folder/answer"

cat >"$folder/analyze.lua" <<END
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer $key"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"subject": "The autumn catalogue", "html": "<p>Dear reader, our <b>catalogue</b> is here.</p>"}]]
local answered_by = {}
function response(status, headers, body)
    if not body:find('"plugins"') then wrk.thread:stop() end
end
END
wrk -t1 -c64 -d${seconds_max}s --latency -s "$folder/analyze.lua" "$url/api/content-scoring/analyze" >"$folder/wrk" &
load=$!
sleep 1
began=${EPOCHREALTIME/./}
for ((done = 1; done <= activations; done++)); do
    if ((done % 2)); then next=$other; else next=$version; fi
    "$pillarbox" plugin activate "$name@$next" >"$folder/answer"
done
took_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
sleep 1
kill -INT "$load" && wait "$load" || true

requests=$(awk '/requests in/ { print $1 }' "$folder/wrk")
row() { printf '%-28s %10s %s\n' "$@"; }
row activations "$activations" "in $took_ms ms"
row 'requests meanwhile' "$requests" "$(rate "$folder/wrk") a second, p99 $(p99 "$folder/wrk")"
row 'requests that failed' "$(failed "$folder/wrk")" ''
[[ $(failed "$folder/wrk") == 0 && ${requests:-0} -gt 0 ]] || fail "requests failed: $(cat "$folder/wrk")"
