#!/usr/bin/env bash
# Opens a second at 64 connections, each on disk before its answer, beside nginx's `empty_gif`, which stores nothing.
#
# The two take turns in one run, so that both meet the same machine; compare the ratio only.
#   benches/pixel.sh [ROUNDS] [SECONDS]
. "$(dirname "$0")/service.sh"
rounds=${1:-3} seconds=${2:-5}
connections=64 nginx_port=18490
need curl wrk nginx

start_service
make_customer
id=$(send '{"to":"ada@example.org","subject":"Hello","html":"<p>Hello Ada</p>"}')
for _ in {1..100}; do
    token=$("$pillarbox" mailbox show "$id" --html 2>>"$folder/log" | sed -n 's|.*/track/o/\([A-Za-z0-9_-]*\).*|\1|p') || true
    [[ -z $token ]] || break
    sleep 0.05
done
[[ -n $token ]] || fail "the email has no pixel."
pixel=$url/track/o/$token

mkdir "$folder/nginx"
cat >"$folder/nginx/nginx.conf" <<END
worker_processes 1;
daemon off;
pid $folder/nginx/pid;
error_log $folder/nginx/errors;
events { worker_connections 1024; }
http {
    access_log $folder/nginx/access;
    client_body_temp_path $folder/nginx/body;
    proxy_temp_path $folder/nginx/proxy;
    fastcgi_temp_path $folder/nginx/fastcgi;
    uwsgi_temp_path $folder/nginx/uwsgi;
    scgi_temp_path $folder/nginx/scgi;
    server { listen 127.0.0.1:$nginx_port; location / { empty_gif; } }
}
END
nginx -p "$folder/nginx" -c "$folder/nginx/nginx.conf" &
nginx=$!
until curl -sf -o "$folder/answer" "http://127.0.0.1:$nginx_port/"; do
    kill -0 "$nginx" 2>/dev/null || fail "nginx did not start: $(cat "$folder/nginx/errors")"
    sleep 0.05
done
worker=$(pgrep -P "$nginx")

# measure URL PID: sets `per_second` and `us_each`.
measure() {
    local before after
    before=$(cpu_us "$2")
    wrk -t1 -c$connections -d"${seconds}s" --latency "$1" >"$folder/wrk"
    after=$(cpu_us "$2")
    per_second=$(rate "$folder/wrk") late=$(p99 "$folder/wrk")
    us_each=$(awk -v us=$((after - before)) '/requests in/ { printf "%.1f", us / $1 }' "$folder/wrk")
    [[ $(failed "$folder/wrk") == 0 ]] || fail "requests failed: $(cat "$folder/wrk")"
}

printf '%-6s %12s %12s %8s %12s %12s %9s\n' round pillarbox nginx ratio 'us of CPU' 'nginx us' p99
ours=() theirs=() ours_us=() theirs_us=()
for ((round = 1; round <= rounds; round++)); do
    measure "$pixel" "$service"
    ours+=("$per_second") ours_us+=("$us_each") our_p99=$late
    measure "http://127.0.0.1:$nginx_port/" "$worker"
    theirs+=("$per_second") theirs_us+=("$us_each")
    printf '%-6s %12s %12s %8s %12s %12s %9s\n' "$round" "${ours[-1]}" "$per_second" \
        "$(awk -v a="${ours[-1]}" -v b="$per_second" 'BEGIN { printf "%.2f", a / b }')" "${ours_us[-1]}" "$us_each" "$our_p99"
done
ours=$(median "${ours[@]}") theirs=$(median "${theirs[@]}")
printf '%-6s %12s %12s %8s %12s %12s\n' median "$ours" "$theirs" \
    "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')" \
    "$(median "${ours_us[@]}")" "$(median "${theirs_us[@]}")"
