#!/usr/bin/env bash
# Certificates for tracking hosts from Pebble, the test server of Let's Encrypt, which looks at the challenges itself and
# finds the hosts in the DNS of dnsmasq: issued, served by name, renewed, after failures and in the middle of a kill.
#   needs curl, dnsmasq, jq, openssl, pebble, python3
. "$(dirname "$0")/support.bash"
need curl dnsmasq jq openssl pebble python3
NAMES= PEBBLE=
end() {
    local process
    for process in $NAMES $PEBBLE; do kill "$process" 2>/dev/null || true; done
    cleanup
}
trap end EXIT

names_port=$(free_port) ca_port=$(free_port) management_port=$(free_port) https_port=$(free_port)
target=mail.pillarbox.example host=click.acme.example

# names [OPTION...]: a name server that knows the service's own name, and what the options add.
names() {
    [ -z "$NAMES" ] || { kill "$NAMES" && wait "$NAMES" || true; }
    dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file --bind-interfaces \
        --listen-address=127.0.0.1 --port="$names_port" --local=/example/ --host-record="$target,127.0.0.1" "$@" \
        2>>"$WORK/names" &
    NAMES=$!
}

# A root of our own for Pebble's own server; the certificates that it issues have others.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Lab" \
    -addext basicConstraints=critical,CA:TRUE -keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$WORK/pebble.key" \
    -out "$WORK/pebble.csr" 2>/dev/null
openssl x509 -req -in "$WORK/pebble.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 2 -out "$WORK/pebble.pem" \
    -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1') 2>/dev/null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$target" \
    -addext "subjectAltName=DNS:$target" -keyout "$WORK/own.key" -out "$WORK/own.pem" 2>/dev/null

# pebble [NAME=VALUE...]: the authority, whose certificates hold for so many seconds. It forgets everything when it ends.
pebble_for() {
    local seconds=$1
    shift
    cat >"$WORK/pebble.json" <<END
{"pebble": {"listenAddress": "127.0.0.1:$ca_port", "managementListenAddress": "127.0.0.1:$management_port",
  "certificate": "$WORK/pebble.pem", "privateKey": "$WORK/pebble.key", "httpPort": ${API##*:}, "tlsPort": $https_port,
  "certificateValidityPeriod": $seconds}}
END
    env PEBBLE_VA_NOSLEEP=1 "$@" pebble -config "$WORK/pebble.json" -dnsserver "127.0.0.1:$names_port" \
        >>"$WORK/pebble.log" 2>&1 &
    PEBBLE=$!
    local tries
    for tries in $(seq 100); do
        curl -sf -o /dev/null --cacert "$WORK/ca.pem" "https://localhost:$ca_port/dir" && return
        sleep 0.1
    done
    tail "$WORK/pebble.log" >&2
    fail "pebble is not ready"
}

no_pebble() {
    kill "$PEBBLE"
    wait "$PEBBLE" 2>/dev/null || true
    PEBBLE=
}

# again: starts the service on the data and the ports that it had.
again() {
    env "${SETTINGS[@]}" PILLARBOX_DATA_DIR="$WORK/data" PILLARBOX_LISTEN="$API" PILLARBOX_OPERATOR_LISTEN="$OPERATOR" \
        PILLARBOX_SMTP_LISTEN="$SMTP" "$PILLARBOX_BIN" serve >>"$WORK/out" 2>>"$WORK/log" &
    SERVICE=$!
    local tries
    for tries in $(seq 300); do
        curl -sf -o /dev/null "http://$OPERATOR/readyz" && return
        sleep 0.1
    done
    fail "the service is not ready again"
}

# shown FIELD: of the tracking host.
shown() {
    "$PILLARBOX_BIN" domain show acme.example --json | jq -r ".domain.tracking.$1"
}

# becomes STATE [SECONDS]: the host is in this state by then.
becomes() {
    local tries state
    for tries in $(seq $((${2:-30} * 5))); do
        state=$(shown state)
        [ "$state" != "$1" ] || { echo "ok: the host is $1: $(shown reason)"; return; }
        sleep 0.2
    done
    fail "the host is $state and not $1: $(shown reason)"
}

# try_now: has the host looked at now.
try_now() {
    "$PILLARBOX_BIN" domain tracking acme.example "$host" >/dev/null
}

# served NAME: the serial number of the certificate that is served by that name.
served() {
    openssl s_client -connect "127.0.0.1:$https_port" -servername "$1" </dev/null 2>/dev/null |
        openssl x509 -noout -serial 2>/dev/null || true
}

# links: what the link of an email that is sent now begins with, and all of it in LINK.
links() {
    local id
    id=$(curl -sS "http://$API/api/send" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d '{
        "from": "news@acme.example", "to": "ada@example.com", "subject": "Hello",
        "html": "<p><a href=\"https://example.com/a\">Read</a></p>"}' | jq -r .email_id)
    for _ in $(seq 50); do
        LINK=$("$PILLARBOX_BIN" mailbox show "$id" --html 2>/dev/null | grep -o 'http[^"]*/track/c/[^"]*') && break
        sleep 0.1
    done
    LINKS=${LINK%%/track/*}
}

names
SETTINGS=(PILLARBOX_PUBLIC_URL="https://$target" PILLARBOX_DNS_SERVERS="127.0.0.1:$names_port"
    PILLARBOX_HTTPS_LISTEN="127.0.0.1:$https_port" PILLARBOX_TLS_CERTIFICATE="$WORK/own.pem" PILLARBOX_TLS_KEY="$WORK/own.key"
    PILLARBOX_ACME_DIRECTORY="https://localhost:$ca_port/dir" PILLARBOX_ACME_TERMS_AGREED=yes
    PILLARBOX_ACME_CONTACT=postmaster@acme.example PILLARBOX_ACME_CA="$WORK/ca.pem")
start "${SETTINGS[@]}"
export PILLARBOX_DATA_DIR=$WORK/data
"$PILLARBOX_BIN" domain add acme.example --customer first@pillarbox.test --assume-verified >/dev/null

# No CNAME, then no authority, then both.
try_now
for _ in $(seq 50); do [ "$(shown reason)" = null ] || break; sleep 0.2; done
holds "without a CNAME" "there is no CNAME record for $host" "$(shown reason)"
links && is "links begin as they did" "https://$target" "$LINKS"
names --cname="$host,$target"
sleep 0.5
try_now
becomes failed
holds "the reason without an authority" "cannot be reached" "$(shown reason)"
links && is "links are plain so far" "http://$host" "$LINKS"
is "a plain link leads on" "302" "$(curl -s -o /dev/null -w '%{http_code}' --connect-to "::$API" "$LINK")"
is "unknown to TLS, the default certificate" "subject=CN = $target" \
    "$(openssl s_client -connect "127.0.0.1:$https_port" -servername "$host" </dev/null 2>/dev/null | openssl x509 -noout -subject)"
pebble_for 7776000 PEBBLE_WFE_NONCEREJECT=0
try_now
becomes active
curl -sf --cacert "$WORK/ca.pem" "https://localhost:$management_port/roots/0" >"$WORK/root.pem"
links && is "links have TLS" "https://$host" "$LINKS"
secure=(--cacert "$WORK/root.pem" --connect-to "::127.0.0.1:$https_port")
is "and lead on, with a certificate that curl trusts" "302 2" \
    "$(curl -sS -o /dev/null -w '%{http_code} %{http_version}' "${secure[@]}" "$LINK")"
is "the same link without TLS" "302" "$(curl -s -o /dev/null -w '%{http_code}' --connect-to "::$API" "http${LINK#https}")"
is "the API is not there" "404" "$(curl -sS -o /dev/null -w '%{http_code}' "${secure[@]}" "https://$host/api/emails")"
is "it is on its own name" "401" \
    "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$WORK/own.pem" --connect-to "::127.0.0.1:$https_port" "https://$target/api/emails")"
first=$(served "$host")
[ "$first" != "$(served "$target")" ] || fail "both names have one certificate"

# The private parts are nowhere to be read.
! grep -q -a "PRIVATE KEY" "$WORK/data/pillarbox.db" "$WORK/data/pillarbox.db-wal" || fail "a private key lies open in the database"

# A service that is killed has it again, without asking anybody.
no_pebble
kill -9 "$SERVICE"; wait "$SERVICE" 2>/dev/null || true
again
is "after a kill the same certificate is served" "$first" "$(served "$host")"

# Another root, new nonces that are refused now and then, an account that is unknown: certificates of 45 s, renewed at 30 s.
host=other.acme.example
names --cname="click.acme.example,$target" --cname="other.acme.example,$target"
pebble_for 45 PEBBLE_WFE_NONCEREJECT=5
try_now
becomes active
renewed=$(served "$host")
is "the former name is served on" "$first" "$(served click.acme.example)"
for _ in $(seq 150); do
    next=$(served "$host")
    [ "$next" = "$renewed" ] || break
    sleep 0.5
done
[ "$next" != "$renewed" ] || fail "the certificate was not renewed"
is "it was renewed by itself" "active" "$(shown state)"

# Killed in the middle of orders, at several moments: it ends with a whole certificate every time.
for pause in 0.05 0.3 0.6 1.0 1.6; do
    "$PILLARBOX_BIN" domain tracking acme.example none >/dev/null
    host=n${pause/./}.acme.example
    names --cname="$host,$target"
    sleep 0.3
    try_now
    sleep "$pause"
    echo "killed while the host is $(shown state)"
    kill -9 "$SERVICE"; wait "$SERVICE" 2>/dev/null || true
    again
    becomes active 60
    holds "killed after $pause s: the certificate names its host" "$host" \
        "$(openssl s_client -connect "127.0.0.1:$https_port" -servername "$host" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName)"
done

# An authority that cannot see the host says so.
"$PILLARBOX_BIN" domain tracking acme.example none >/dev/null
host=far.acme.example
no_pebble
names --cname="$host,$target"
pebble_with_wrong_port() { API=127.0.0.1:1 pebble_for 45 PEBBLE_WFE_NONCEREJECT=0; }
pebble_with_wrong_port
try_now
becomes failed 60
holds "the authority's words" "the certificate authority says:" "$(shown reason)"
no_pebble
pebble_for 45 PEBBLE_WFE_NONCEREJECT=0
try_now
becomes active 60
"$PILLARBOX_BIN" domain show acme.example | grep -A4 '^tracking'
