# Knot with the zone of acme.example and that of the service, for scripts that source support.bash before.
#   needs knot

# knot_start: starts Knot on a free port of 127.0.0.1 (DNS_PORT), with both zones and nothing of acme.example's mail.
knot_start() {
    DNS_PORT=$(free_port)
    mkdir -p "$WORK/knot"
    cat >"$WORK/knot/knot.conf" <<CONF
server:
    rundir: "$WORK/knot"
    listen: 127.0.0.1@$DNS_PORT
database:
    storage: "$WORK/knot"
log:
  - target: "$WORK/knot/log"
    any: info
template:
  - id: default
    storage: "$WORK/knot"
    file: "%s.zone"
    zonefile-load: whole
zone:
  - domain: acme.example
  - domain: service.example
CONF
    zone_head service.example >"$WORK/knot/service.example.zone"
    echo 'mail.service.example. 60 IN A 192.0.2.1' >>"$WORK/knot/service.example.zone"
    zone_head acme.example >"$WORK/knot/acme.example.zone"
    knotd -c "$WORK/knot/knot.conf" >"$WORK/knot/out" 2>&1 &
    KNOT=$!
    local tries
    for tries in $(seq 100); do
        if knotc -s "$WORK/knot/knot.sock" zone-status acme.example >/dev/null 2>&1; then
            echo "Knot is ready after $tries looks: 127.0.0.1:$DNS_PORT"
            return
        fi
        kill -0 "$KNOT" 2>/dev/null || fail "Knot ended at its start: $(cat "$WORK/knot/out")"
        sleep 0.1
    done
    fail "Knot is not ready"
}

# zone_head ZONE: what every zone begins with.
zone_head() {
    SERIAL=$((${SERIAL:-0} + 1))
    echo "$1. 60 IN SOA ns1.$1. hostmaster.$1. $SERIAL 3600 600 86400 1"
    echo "$1. 60 IN NS ns1.$1."
    echo "ns1.$1. 60 IN A 127.0.0.1"
}

# publish FILE: gives acme.example what the file says, and nothing else.
publish() {
    SERIAL=$((${SERIAL:-0} + 10))
    { zone_head acme.example; cat "$1"; } >"$WORK/knot/acme.example.zone"
    knotc -s "$WORK/knot/knot.sock" -b zone-reload acme.example >"$WORK/knot/reload" 2>&1 ||
        fail "Knot did not load the zone: $(cat "$WORK/knot/reload")"
}

knot_stop() {
    if [ -n "${KNOT:-}" ]; then
        kill "$KNOT" 2>/dev/null || true
        wait "$KNOT" 2>/dev/null || true
    fi
}

# The settings of a service that asks there.
knot_settings() {
    echo "PILLARBOX_DNS_SERVERS=127.0.0.1:$DNS_PORT" "PILLARBOX_DNS_AUTHORITY_PORT=$DNS_PORT" \
        PILLARBOX_DNS_PRIVATE_ADDRESSES=allow PILLARBOX_HELO_NAME=mail.service.example
}
