#!/usr/bin/env bash
# Opens and clicks a second, each on disk before its answer, beside nginx, which stores nothing: `empty_gif` and `return 302`.
#
# `invalid` is a pixel whose token is not ours: what HTTP costs without recording. All take turns in one run, so that they meet
# the same machine; compare the ratios only. What goes into the database meanwhile is in our figures; what waits afterwards is waited
# for, so that it is in nobody else's.
#   benches/pixel.sh [ROUNDS] [SECONDS]
# CONNECTIONS ("1 64 256"), DURABILITY ("disk", or "process"), HTTP_THREADS (1) and ACCESS_LOG ("on", or "off": of both) may be
# set, and TLS ("off", or "on": both are spoken to by HTTP/2 in TLS, with 16 requests at once on each of 8 connections).
. "$(dirname "$0")/service.sh"
rounds=${1:-3} seconds=${2:-5}
nginx_port=18490 origin=$url nginx_origin=http://127.0.0.1:$nginx_port
need curl wrk nginx
if [[ ${TLS:-off} == on ]]; then
    need h2load openssl
    connections=${CONNECTIONS:-8} streams=16
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench -keyout "$folder/key.pem" \
        -out "$folder/certificate.pem" 2>"$folder/answer"
    export PILLARBOX_HTTPS_LISTEN=127.0.0.1:18482 PILLARBOX_TLS_CERTIFICATE=$folder/certificate.pem PILLARBOX_TLS_KEY=$folder/key.pem
    origin=https://$PILLARBOX_HTTPS_LISTEN nginx_origin=https://127.0.0.1:$nginx_port
    nginx_tls="ssl http2; ssl_certificate $folder/certificate.pem; ssl_certificate_key $folder/key.pem"
else
    connections=${CONNECTIONS:-1 64 256} nginx_tls=
fi
# One thread that serves, as nginx has one worker; what it leaves to other threads is counted all the same.
export PILLARBOX_HIT_DURABILITY=${DURABILITY:-disk} PILLARBOX_HTTP_THREADS=${HTTP_THREADS:-1}
nginx_log=$folder/access
if [[ ${ACCESS_LOG:-on} == off ]]; then
    nginx_log=off
    export PILLARBOX_LOG_LEVEL=info,access=off
fi

start_service
make_customer
id=$(send '{"to":"ada@example.org","subject":"Hello","html":"<p>Hello <a href=\"https://example.com/start\">Ada</a></p>"}')
# path_of PURPOSE: prints the path of the email's pixel (o) or link (c).
path_of() {
    local path
    for _ in {1..100}; do
        path=$("$pillarbox" mailbox show "$id" --html 2>>"$folder/log" | grep -o "/track/$1/[A-Za-z0-9_-]*" | head -n 1) || true
        [[ -z $path ]] || break
        sleep 0.05
    done
    [[ -n $path ]] || fail "the email has no /track/$1/."
    printf %s "$path"
}
pixel=$(path_of o) click=$(path_of c)

mkdir "$folder/nginx"
cat >"$folder/nginx/nginx.conf" <<END
worker_processes 1;
daemon off;
pid $folder/nginx/pid;
error_log $folder/nginx/errors;
events { worker_connections 1024; }
http {
    access_log $nginx_log;
    keepalive_requests 1000000000;
    client_body_temp_path $folder/nginx/body;
    proxy_temp_path $folder/nginx/proxy;
    fastcgi_temp_path $folder/nginx/fastcgi;
    uwsgi_temp_path $folder/nginx/uwsgi;
    scgi_temp_path $folder/nginx/scgi;
    server {
        listen 127.0.0.1:$nginx_port $nginx_tls;
        location /gif { empty_gif; }
        location /302 { return 302 https://example.com/start; }
    }
}
END
nginx -p "$folder/nginx" -c "$folder/nginx/nginx.conf" &
nginx=$!
until curl -skf -o "$folder/answer" "$nginx_origin/gif"; do
    kill -0 "$nginx" 2>/dev/null || fail "nginx did not start: $(cat "$folder/nginx/errors")"
    sleep 0.05
done
worker=$(pgrep -P "$nginx")

# load URL: the requests that were answered, a second, failed, and the milliseconds in which 99 of 100 were.
load() {
    if [[ ${TLS:-off} == off ]]; then
        wrk -t1 -c"$count" -d"${seconds}s" --latency "$1" >"$folder/load"
        awk '/requests in/ { print $1 }' "$folder/load"
        rate "$folder/load"
        failed "$folder/load"
        p99 "$folder/load" | awk '/us$/ { print $1 / 1000 } /ms$/ { print $1 + 0 } /[0-9]s$/ && !/us$|ms$/ { print $1 * 1000 }'
    else
        rm -f "$folder/times"
        h2load -t1 -c"$count" -m"$streams" -D"$seconds" --log-file="$folder/times" "$1" >"$folder/load"
        awk -F'[ ,]+' '/^requests:/ { done = $6; failed = $10 } /^finished in/ { rate = $4 } END { print done; print rate; print failed }' \
            "$folder/load"
        # Of each request: when it began, its status, and the microseconds that it took.
        awk '{ count[$3]++; all++ } END { for (us = 0; sum < all * 0.99; us++) sum += count[us]; print us / 1000 }' "$folder/times"
    fi
}

# journal_waits: bytes of hits that are not in the database yet.
journal_waits() {
    curl -s "http://$PILLARBOX_OPERATOR_LISTEN/metrics" | awk '/^pillarbox_hit_journal_bytes / { print $2 }'
}

declare -A figures
# measure NAME URL PID: adds to figures[NAME], and the microseconds of CPU and the p99 beside it.
measure() {
    local name=$1 before after answered
    until [[ $(journal_waits) == 0 ]]; do sleep 0.2; done
    before=$(cpu_us "$3")
    mapfile -t answered < <(load "$2")
    after=$(cpu_us "$3")
    # A pixel that is not ours is a 404 by design.
    [[ $name == invalid || ${answered[2]} == 0 ]] || fail "$name: ${answered[2]} requests failed: $(cat "$folder/load")"
    figures[$name]+=" ${answered[1]}"
    figures[$name us]+=" $(awk -v us=$((after - before)) -v n="${answered[0]}" 'BEGIN { printf "%.1f", us / n }')"
    figures[$name p99]+=" ${answered[3]}"
}

# middle NAME: the median of a figure.
middle() {
    local values
    read -ra values <<<"${figures[$1]}"
    median "${values[@]}"
}

printf '%-12s %-8s %10s %10s %7s %9s %9s %9s\n' connections what 'per sec' nginx ratio 'CPU us' 'nginx us' 'p99 ms'
for count in $connections; do
    figures=()
    for ((round = 1; round <= rounds; round++)); do
        measure invalid "$origin/track/o/AAAA" "$service"
        measure gif "$nginx_origin/gif" "$worker"
        measure pixel "$origin$pixel" "$service"
        measure click "$origin$click" "$service"
        measure 302 "$nginx_origin/302" "$worker"
    done
    for pair in invalid:gif pixel:gif click:302; do
        ours=${pair%:*} theirs=${pair#*:}
        printf '%-12s %-8s %10.0f %10.0f %7s %9s %9s %9s\n' "$count" "$ours" "$(middle "$ours")" "$(middle "$theirs")" \
            "$(awk -v a="$(middle "$ours")" -v b="$(middle "$theirs")" 'BEGIN { printf "%.2f", a / b }')" \
            "$(middle "$ours us")" "$(middle "$theirs us")" "$(middle "$ours p99")"
    done
done
