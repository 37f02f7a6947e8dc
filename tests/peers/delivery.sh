#!/usr/bin/env bash
# Mail out into real servers: a Postfix as smarthost, which wants TLS and a password, and a Postfix as the exchanger of a
# domain in the DNS of dnsmasq. Every message must arrive as it was meant, over TLS, with both signatures good.
#   needs root (for Postfix), curl, dnsmasq, dovecot, openssl, postfix, python3 with venv
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
. "$(dirname "$0")/support.bash"
. "$(dirname "$0")/postfix.bash"
need curl dnsmasq dovecot openssl postfix python3
end() {
    stop_postfixes
    [ -z "${NAMES:-}" ] || kill "$NAMES" 2>/dev/null || true
    cleanup
}
trap end EXIT

relay_port=$(free_port) mx_port=$(free_port) names_port=$(free_port)
start_postfix relay "$relay_port" with-auth
start_postfix friends "$mx_port"
dnsmasq --keep-in-foreground --no-resolv --no-hosts --conf-file=/dev/null --pid-file --bind-interfaces \
    --listen-address=127.0.0.1 --port="$names_port" --local=/example/ \
    --mx-host=friends.example,mail.friends.example,10 --host-record=mail.friends.example,127.0.0.1 2>"$WORK/names" &
NAMES=$!

python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check dkimpy pynacl

start PILLARBOX_OUTLET=relay "PILLARBOX_RELAY_URL=smtp://relay%40relay.example:secret@localhost:$relay_port" \
    PILLARBOX_RELAY_CA="$WORK/relay/cert.pem" PILLARBOX_DNS_SERVERS="127.0.0.1:$names_port" PILLARBOX_MX_PORT="$mx_port" \
    PILLARBOX_MX_PRIVATE_ADDRESSES=allow PILLARBOX_SMTP_LISTEN=off
export PILLARBOX_DATA_DIR=$WORK/data
"$PILLARBOX_BIN" customer show --email first@pillarbox.test >"$WORK/customer"
"$PILLARBOX_BIN" domain add acme.example --customer first@pillarbox.test --assume-verified >"$WORK/domain"
"$PILLARBOX_BIN" domain add beta.example --customer first@pillarbox.test --assume-verified --outlet mx >"$WORK/domain"

PILLARBOX_BIN=$PILLARBOX_BIN "$WORK/venv/bin/python3" -P tests/peers/delivery.py "$WORK" "http://$API" "$KEY"

# What no server takes comes to its end, and says why.
refused=$(curl -s "http://$API/api/send" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
    -d '{"from": "a@beta.example", "to": "ada@nowhere.example", "subject": "Hello", "text": "Hello"}' | jq -r .email_id)
for _ in $(seq 100); do
    status=$(curl -s "http://$API/api/emails/$refused" -H "Authorization: Bearer $KEY" | jq -r .email.status)
    [ "$status" = queued ] || [ "$status" = sent ] || break
    sleep 0.1
done
is "mail to a domain that does not exist" bounced "$status"
holds "the queue in the end" "Nothing waits" "$("$PILLARBOX_BIN" queue list)"
