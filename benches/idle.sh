#!/usr/bin/env bash
# What the service costs before it does anything: time to its first answer, memory, size.
#   benches/idle.sh [STARTS]
. "$(dirname "$0")/service.sh"
starts=${1:-5}
sends=1000
need curl xargs

# Sets `took_ms` to the time from the start of the process to its first answer.
timed_start() {
    local began=${EPOCHREALTIME/./}
    start_service
    took_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
}

cold=() warm=()
for ((start = 1; start <= starts; start++)); do
    rm -rf "$PILLARBOX_DATA_DIR"
    timed_start
    cold+=("$took_ms")
    stop_service
    timed_start
    warm+=("$took_ms")
    stop_service
done
start_service
make_customer
sleep 2
idle_pss=$(memory_kib "$service" Pss) idle_rss=$(memory_kib "$service" Rss)
before=$(cpu_us "$service")
sleep 5
idle_cpu=$((($(cpu_us "$service") - before) / 5))

body='{"to":"ada@example.org","subject":"Hello","html":"<p>Hello Ada</p>"}'
# One process with one connection for all of them.
for ((send = 0; send < sends; send++)); do echo "$url/api/send"; done |
    xargs curl -sf -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$body" >"$folder/answer"
sent=$(grep -o '"email_id"' "$folder/answer" | wc -l)
((sent == sends)) || fail "$sent of $sends emails were taken."
sleep 2
stripped=$folder/stripped
strip -o "$stripped" "$pillarbox" 2>>"$folder/log" || cp "$pillarbox" "$stripped"

row() { printf '%-44s %10s %s\n' "$@"; }
row 'first start to first answer (median)' "$(median "${cold[@]}")" ms
row 'later start to first answer (median)' "$(median "${warm[@]}")" ms
row 'memory when idle, PSS' "$((idle_pss / 1024))" MiB
row 'memory when idle, RSS' "$((idle_rss / 1024))" MiB
row "memory after $sends sends, PSS" "$(($(memory_kib "$service" Pss) / 1024))" MiB
row "memory after $sends sends, RSS" "$(($(memory_kib "$service" Rss) / 1024))" MiB
row 'processor time when idle' "$idle_cpu" 'us a second'
row 'binary without debug information' "$(($(wc -c <"$stripped") / 1024 / 1024))" MiB
