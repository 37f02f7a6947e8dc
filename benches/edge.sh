#!/usr/bin/env bash
# An edge node whose origin is away for so many hits: its memory meanwhile, what a hit costs on its disk, and how fast it
# catches up.
#
# Hits are opens and clicks in turn, of 1,000 EMAILS, by 200 browsers whose words for themselves have about 110 bytes, on links
# whose destinations have 60. How much a hit costs depends on how much of that comes again, which is much of it in life too.
#   benches/edge.sh [HITS]
# CONNECTIONS (64), EMAILS and DURABILITY ("disk", or "process") may be set.
. "$(dirname "$0")/service.sh"
hits=${1:-5000000} emails=${EMAILS:-1000}
connections=${CONNECTIONS:-64}
need curl wrk
export PILLARBOX_HIT_DURABILITY=${DURABILITY:-disk} PILLARBOX_LOG_LEVEL=warn PILLARBOX_NODE_LISTEN=127.0.0.1:18482
edge=
edge_operator=127.0.0.1:18484

cleanup_edge() {
    if [[ -n $edge ]]; then kill "$edge" 2>/dev/null && wait "$edge" 2>/dev/null || true; fi
    cleanup
}
trap cleanup_edge EXIT

# at_edge COMMAND...: the binary with the settings of the node.
at_edge() {
    PILLARBOX_DATA_DIR=$folder/edge PILLARBOX_LISTEN=127.0.0.1:18483 PILLARBOX_OPERATOR_LISTEN=$edge_operator \
        PILLARBOX_NODE_LISTEN=off PILLARBOX_HIT_JOURNAL_BYTES_MAX=17179869184 exec "$pillarbox" "$@"
}

# metric NAME: of the node.
metric() { curl -s "http://$edge_operator/metrics" | awk -v name="$1" '$1 == name { printf "%.0f", $2 }'; }

start_service
make_customer
for ((number = 1; number <= emails; number++)); do
    printf -v destination 'https://shop.example.com/offers/%04d/autumn?source=newsletter' "$number"
    send "{\"to\":\"reader$number@example.org\",\"subject\":\"Hello\",\"html\":\"<p>Hello <a href=\\\"$destination\\\">you</a></p>\"}"
    echo
done >"$folder/ids"
until [[ $("$pillarbox" mailbox list --json --limit 10000 | grep -o '"email_id"' | wc -l) -ge $emails ]]; do sleep 0.1; done
while read -r id; do
    "$pillarbox" mailbox show "$id" --html | grep -o '/track/[oc]/[A-Za-z0-9_-]*'
done <"$folder/ids" >"$folder/paths"
token=$("$pillarbox" node invite bench --json | sed -n 's/.*"token": *"\([^"]*\)".*/\1/p')
(at_edge edge join "$token") >"$folder/answer"
(at_edge edge) >>"$folder/welcome" 2>>"$folder/log" &
edge=$!
until curl -sf -o "$folder/answer" "http://$edge_operator/readyz"; do
    kill -0 "$edge" 2>/dev/null || fail "the node did not start: $(tail -n 3 "$folder/log")"
    sleep 0.05
done
stop_service

cat >"$folder/hits.lua" <<END
local paths, at = {}, 0
for path in io.lines("$folder/paths") do paths[#paths + 1] = path end
local systems = { "Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64", "Linux; Android 10; K" }
request = function()
    at = at + 1
    local agent = string.format("Mozilla/5.0 (%s) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Safari/537.36",
        systems[at * 7 % #systems + 1], 80 + at * 13 % 50)
    return wrk.format("GET", paths[at * 31 % #paths + 1], { ["User-Agent"] = agent })
end
END

idle=$(memory_kib "$edge" Pss)
printf '%12s %12s %14s %10s\n' hits 'PSS KiB' 'spool bytes' 'per second'
while before=$(metric pillarbox_hit_journal_records_total) && ((before < hits)); do
    wrk -t1 -c"$connections" -d5s -s "$folder/hits.lua" http://127.0.0.1:18483 >"$folder/wrk"
    [[ $(failed "$folder/wrk") == "0" ]] || fail "requests failed: $(cat "$folder/wrk")"
    now=$(metric pillarbox_hit_journal_records_total) pss=$(memory_kib "$edge" Pss)
    printf '%12s %12s %14s %10.0f\n' "$now" "$pss" "$(metric pillarbox_hit_journal_bytes)" "$(rate "$folder/wrk")"
done
spool=$(metric pillarbox_hit_journal_bytes)
printf 'The node has %s hits in %s bytes: %s bytes each. It had %s KiB when idle and has %s.\n' "$now" "$spool" \
    "$(awk -v a="$spool" -v b="$now" 'BEGIN { printf "%.1f", a / b }')" "$idle" "$pss"

start_service
# Up to a minute may pass before the node asks again; from then on it counts.
until (($(metric pillarbox_edge_handed_over_records_total) > 0)); do sleep 0.2; done
began=$(date +%s%N) had=$(metric pillarbox_edge_handed_over_records_total)
until (($(metric pillarbox_hit_journal_bytes) == 0)); do sleep 0.2; done
took=$((($(date +%s%N) - began) / 1000000)) all=$(metric pillarbox_edge_handed_over_records_total)
printf 'With the origin back it hands over %.0f hits a second (%s in %s ms); it has %s KiB, the origin %s.\n' \
    "$(awk -v n=$((all - had)) -v ms="$took" 'BEGIN { print n * 1000 / ms }')" $((all - had)) "$took" \
    "$(memory_kib "$edge" Pss)" "$(memory_kib "$service" Pss)"
stored=$(curl -s "http://$PILLARBOX_OPERATOR_LISTEN/metrics" | awk '$1 == "pillarbox_events_stored_total" { printf "%.0f", $2 }')
printf 'The origin has %s events beside those of the emails themselves.\n' $((stored - 3 * emails))
