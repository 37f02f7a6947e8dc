#!/usr/bin/env bash
# Durable sends a second at 64 connections: each is merged, scored by the sandboxed scorer, built, and on disk with its
# event before its answer; the delivery worker takes them out of the queue meanwhile.
#   benches/send.sh [ROUNDS] [SECONDS]
. "$(dirname "$0")/service.sh"
rounds=${1:-3} seconds=${2:-5}
need curl wrk

start_service
make_customer
cat >"$folder/send.lua" <<END
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer $key"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{"to": "Ada <ada@example.org>", "subject": "Your parcel is on its way, {{name}}", "vars": {"name": "Ada"},
  "html": "<p>Hello {{name}},</p><p>your parcel left the house this morning.</p><p><a href=\"https://example.com/parcels/7\">See where it is</a></p>"}]]
END

printf '%-6s %12s %12s %12s %8s\n' round 'sends/s' 'us of CPU' p99 failed
rates=()
for ((round = 1; round <= rounds; round++)); do
    before=$(cpu_us "$service")
    wrk -t1 -c64 -d"${seconds}s" --latency -s "$folder/send.lua" "$url/api/send" >"$folder/wrk"
    after=$(cpu_us "$service")
    rates+=("$(rate "$folder/wrk")")
    printf '%-6s %12s %12s %12s %8s\n' "$round" "${rates[-1]}" \
        "$(awk -v us=$((after - before)) '/requests in/ { printf "%.0f", us / $1 }' "$folder/wrk")" \
        "$(p99 "$folder/wrk")" "$(failed "$folder/wrk")"
done
printf '%-6s %12s\n' median "$(median "${rates[@]}")"
