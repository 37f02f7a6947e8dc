#!/usr/bin/env bash
# TLS as other programs speak it: openssl and curl, over HTTP/2 and HTTP/1.1, and clients that have it wrong.
. "$(dirname "$0")/support.bash"
need openssl curl jq python3

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pillarbox.test \
    -addext subjectAltName=DNS:pillarbox.test,IP:127.0.0.1 -keyout "$WORK/key.pem" -out "$WORK/cert.pem" 2>/dev/null
start PILLARBOX_TLS_CERTIFICATE="$WORK/cert.pem" PILLARBOX_TLS_KEY="$WORK/key.pem" PILLARBOX_HEAD_READ_SECS=2

# greet OPTION...: what openssl says about a connection of its own.
greet() {
    openssl s_client -connect "$API" -CAfile "$WORK/cert.pem" "$@" </dev/null 2>&1 || true
}
holds "openssl offers h2 alone" "ALPN protocol: h2" "$(greet -servername pillarbox.test -alpn h2)"
holds "openssl offers http/1.1 alone" "ALPN protocol: http/1.1" "$(greet -alpn http/1.1)"
holds "openssl offers both" "ALPN protocol: h2" "$(greet -alpn http/1.1,h2)"
holds "openssl offers neither" "No ALPN negotiated" "$(greet)"
holds "the certificate is the one of the settings" "Verify return code: 0 (ok)" "$(greet)"
holds "a name that is not ours is served all the same" "Verify return code: 0 (ok)" "$(greet -servername elsewhere.test)"
holds "TLS 1.3 is spoken" "TLSv1.3" "$(greet -tls1_3)"
holds "TLS 1.2 is spoken" "TLSv1.2" "$(greet -tls1_2)"
holds "TLS 1.1 is not" "SSL alert number" "$(greet -tls1_1 -cipher DEFAULT@SECLEVEL=0)"
holds "a protocol that is not ours is refused" "alert no application protocol" "$(greet -alpn smtp)"

# send OPTION...: sends one email with curl and prints the status and the version of HTTP.
send() {
    curl -sS --max-time 20 --cacert "$WORK/cert.pem" -o "$WORK/answer" -w '%{http_code} %{http_version}' "$@" \
        -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
        -d '{"to":"ada@example.com","subject":"Hello","html":"<a href=\"https://example.com/\">x</a>"}' "https://$API/api/send"
}
is "curl sends over HTTP/2" "200 2" "$(send --http2)"
is "curl sends over HTTP/1.1" "200 1.1" "$(send --http1.1)"
ID=$(jq -r .email_id "$WORK/answer")
sleep 1
HTML=$(PILLARBOX_DATA_DIR=$WORK/data "$PILLARBOX_BIN" mailbox show "$ID" --html)
holds "tracked links begin with https" "https://$API/track/c/" "$HTML"

STATUS=0
curl -s --max-time 10 "http://$API/docs" >/dev/null || STATUS=$?
[ "$STATUS" != 0 ] && [ "$STATUS" != 28 ] || fail "plain HTTP to the TLS port: curl ended with $STATUS"
echo "ok: plain HTTP to the TLS port is refused at once (curl $STATUS)"

BEGUN=$(date +%s)
timeout 20 bash -c "exec 3<>/dev/tcp/${API/:/\/}; cat <&3 >/dev/null" || fail "who never greets is not closed"
TOOK=$(($(date +%s) - BEGUN))
[ "$TOOK" -ge 1 ] && [ "$TOOK" -le 8 ] || fail "who never greets is closed after $TOOK s"
echo "ok: who never greets is closed after $TOOK s"
is "and the next request is served" "200 2" "$(send --http2)"
