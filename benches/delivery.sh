#!/usr/bin/env bash
# Emails a second from an SMTP client to an SMTP server, through Pillarbox and through Postfix, in turns on one machine:
# smtp-source sends, smtp-sink takes. Both keep each message on disk before they answer for it; Pillarbox also judges,
# parses and signs it, twice. Needs root, for Postfix.
#   benches/delivery.sh [ROUNDS] [MESSAGES]
. "$(dirname "$0")/service.sh"
rounds=${1:-3} messages=${2:-5000}
source_sessions=20
need curl postfix smtp-source smtp-sink

sink_port=18482 postfix_port=18483 smtp_port=18484
end_all() {
    postfix -c "$folder/postfix/config" stop 2>>"$folder/log" || true
    [[ -z ${sink:-} ]] || kill "$sink" 2>/dev/null || true
    cleanup
}
trap end_all EXIT

start_sink() {
    smtp-sink -u nobody -c "127.0.0.1:$sink_port" 500 >"$folder/sink" 2>&1 &
    sink=$!
}

start_postfix() {
    chmod 755 "$folder"
    mkdir -p "$folder/postfix/"{queue,data,config}
    chown postfix "$folder/postfix/data"
    cat >"$folder/postfix/config/main.cf" <<END
compatibility_level = 3.6
queue_directory = $folder/postfix/queue
data_directory = $folder/postfix/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example
mydestination =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:$sink_port
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
default_destination_concurrency_limit = $source_sessions
initial_destination_concurrency = $source_sessions
default_process_limit = 100
in_flow_delay = 0
smtpd_client_connection_count_limit = 0
maillog_file = $folder/postfix/log
maillog_file_prefixes = $folder
END
    cat >"$folder/postfix/config/master.cf" <<END
127.0.0.1:$postfix_port inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
END
    postfix -c "$folder/postfix/config" start 2>>"$folder/log"
    # Its processes, however they are called, are those of this master.
    postfix_master=$(tr -d ' ' <"$folder/postfix/queue/pid/master.pid")
}

# Processor time so far of Postfix, in microseconds: of its processes and of those that ended.
postfix_us() {
    local pid stat total=0
    for pid in "$postfix_master" $(pgrep -P "$postfix_master"); do
        stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
        set -- ${stat##*) }
        total=$((total + ${12} + ${13}))
        [[ $pid != "$postfix_master" ]] || total=$((total + ${14} + ${15}))
    done
    echo $((total * 1000000 / $(getconf CLK_TCK)))
}
pillarbox_us() { cpu_us "$service"; }
postfix_waits() { find "$folder/postfix/queue/"{maildrop,incoming,active,deferred} -type f 2>/dev/null | wc -l; }
pillarbox_waits() { "$pillarbox" queue list --json | sed -n 's/.*"total": *\([0-9]*\).*/\1/p' | tail -n 1; }

# measure NAME PORT BYTES: from the first connection until the last message left; sets per_second and us_each.
measure() {
    local before began took
    before=$("${1}_us") began=${EPOCHREALTIME/./}
    smtp-source -d -s $source_sessions -m "$messages" -l "$3" -f news@acme.example -t ada@example.org "127.0.0.1:$2" 2>"$folder/source" ||
        fail "smtp-source with $1: $(cat "$folder/source")"
    while [[ $("${1}_waits") != 0 ]]; do sleep 0.02; done
    took=$((${EPOCHREALTIME/./} - began))
    per_second=$((messages * 1000000 / took))
    us_each=$((($("${1}_us") - before) / messages))
}

export PILLARBOX_OUTLET=relay PILLARBOX_RELAY_URL=smtp://127.0.0.1:$sink_port PILLARBOX_SMTP_LISTEN=127.0.0.1:$smtp_port
export PILLARBOX_SMTP_LOOPBACK_CUSTOMER=bench@example.org
start_sink
start_service
make_customer
"$pillarbox" domain add acme.example --customer bench@example.org --assume-verified >"$folder/answer"
start_postfix
sleep 1

printf '%-6s %8s %12s %12s %8s %12s %12s\n' round bytes pillarbox postfix ratio 'us of CPU' 'postfix us'
for bytes in 1024 51200; do
    ours=() theirs=() ours_us=() theirs_us=()
    for ((round = 1; round <= rounds; round++)); do
        measure pillarbox $smtp_port $bytes
        ours+=("$per_second") ours_us+=("$us_each")
        measure postfix $postfix_port $bytes
        theirs+=("$per_second") theirs_us+=("$us_each")
        printf '%-6s %8s %12s %12s %8s %12s %12s\n' "$round" $bytes "${ours[-1]}" "$per_second" \
            "$(awk -v a="${ours[-1]}" -v b="$per_second" 'BEGIN { printf "%.2f", a / b }')" "${ours_us[-1]}" "$us_each"
    done
    ours=$(median "${ours[@]}") theirs=$(median "${theirs[@]}")
    printf '%-6s %8s %12s %12s %8s %12s %12s\n' median $bytes "$ours" "$theirs" \
        "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { printf "%.2f", a / b }')" "$(median "${ours_us[@]}")" "$(median "${theirs_us[@]}")"
done
