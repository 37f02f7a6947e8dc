#!/usr/bin/env bash
# Replaces the scorer again and again while 64 connections have content analyzed: not one request may fail, and the
# slowest hundredth may wait little longer than without. Rounds with and without activations alternate.
#   benches/swap.sh [ACTIVATIONS] [ROUNDS] [SECONDS]
. "$(dirname "$0")/service.sh"
activations=${1:-200}
rounds=${2:-4}
seconds=${3:-8}
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
load() { wrk -t1 -c64 -d"${seconds}s" --latency -s "$folder/analyze.lua" "$url/api/content-scoring/analyze" >"$folder/wrk"; }
# us TIME: a time of wrk's as a number of microseconds.
us() { awk -v time="$1" 'BEGIN { unit = time ~ /us$/ ? 1 : time ~ /ms$/ ? 1000 : 1000000; print int(time * unit) }'; }
# Adds the last run to the sums, and its p99 to the list that is named.
count() {
    local -n list=$1
    list+=("$(us "$(p99 "$folder/wrk")")")
    requests=$((requests + $(awk '/requests in/ { print $1 }' "$folder/wrk")))
    bad=$((bad + $(failed "$folder/wrk") + $(sed -n 's/^without a verdict: //p' "$folder/wrk")))
}
swap_each() {
    local pause
    pause=$(awk -v seconds="$seconds" -v each="$1" 'BEGIN { print seconds / each }')
    for ((swap = 0; swap < $1; swap++)); do
        if ((swap % 2)); then next=$version; else next=$other; fi
        "$pillarbox" plugin activate "$name@$next" --unchecked >"$folder/answer" || fail "$(<"$folder/answer")"
        done_swaps=$((done_swaps + 1))
        sleep "$pause"
    done
}
requests=0 bad=0 done_swaps=0
quiet=() swapping=()
for ((round = 0; round < rounds; round++)); do
    load
    count quiet
    load &
    running=$!
    swap_each $((activations / rounds))
    wait "$running"
    count swapping
done
row() { printf '%-28s %10s %s\n' "$@"; }
row activations "$done_swaps" ''
row requests "$requests" "$bad failed"
row 'p99 without, µs' "$(median "${quiet[@]}")" "(${quiet[*]})"
row 'p99 with activations, µs' "$(median "${swapping[@]}")" "(${swapping[*]})"
awk -v with="$(median "${swapping[@]}")" -v without="$(median "${quiet[@]}")" 'BEGIN { printf "%-28s %10.2f\n", "ratio", with / without }'
[[ $bad == 0 && $requests -gt 0 ]] || fail "requests failed: $(cat "$folder/wrk")"
