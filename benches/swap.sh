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
name=pillarbox-rules
"$pillarbox" plugin install "$folder/other.wasm" >"$folder/answer"

cat >"$folder/analyze.lua" <<END
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer $key"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"subject": "The autumn catalogue", "html": "<p>Dear reader, our <b>catalogue</b> is here.</p>"}]]
-- A plugin that fails is told in an answer of 200, so the answers are read.
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init() bad = 0 end
function response(status, headers, body)
    if status ~= 200 or not body:find('"error":null', 1, true) then bad = bad + 1 end
end
function done()
    for _, thread in ipairs(threads) do print("without a verdict: " .. thread:get("bad")) end
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
bad=$(($(failed "$folder/wrk") + $(sed -n 's/^without a verdict: //p' "$folder/wrk")))
row 'requests that failed' "$bad" ''
[[ $bad == 0 && ${requests:-0} -gt 0 ]] || fail "requests failed: $(cat "$folder/wrk")"
