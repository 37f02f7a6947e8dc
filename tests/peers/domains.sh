#!/usr/bin/env bash
# The doctor with real name servers: BIND and Knot have the zones of 51 domains, most of them with one mistake, and
# Unbound is the resolver. Each domain is added and checked by command line, and each mistake has to be named.
#   needs bind9, bind9-dnsutils, bind9-utils, knot, python3, unbound
. "$(dirname "$0")/support.bash"
need dig dnssec-keygen dnssec-signzone knotd named python3 unbound
end() {
    # The name servers write their process ids themselves.
    for file in "$WORK"/*.pid; do
        [ ! -s "$file" ] || kill "$(cat "$file")" 2>/dev/null || true
    done
    cleanup
}
trap end EXIT

authority_port=$(free_port) resolver_port=$(free_port)
start PILLARBOX_DNS_SERVERS="127.0.0.1:$resolver_port" PILLARBOX_DNS_AUTHORITY_PORT="$authority_port" \
    PILLARBOX_DNS_PRIVATE_ADDRESSES=allow PILLARBOX_HELO_NAME=mail.service.example PILLARBOX_SMTP_LISTEN=off
export PILLARBOX_BIN PILLARBOX_DATA_DIR=$WORK/data PILLARBOX_DNS_SERVERS="127.0.0.1:$resolver_port"
export PILLARBOX_DNS_AUTHORITY_PORT=$authority_port PILLARBOX_DNS_PRIVATE_ADDRESSES=allow
export PILLARBOX_HELO_NAME=mail.service.example
"$PILLARBOX_BIN" customer limits --email first@pillarbox.test --max-domains 100 >"$WORK/limits"
python3 -P tests/peers/domains.py "$WORK" "$authority_port" "$resolver_port"
