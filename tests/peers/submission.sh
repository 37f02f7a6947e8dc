#!/usr/bin/env bash
# Submission by the programs that people have: Python's smtplib, swaks, curl and nodemailer, over STARTTLS and TLS from
# the start. Each message that was taken is compared with what was sent.
. "$(dirname "$0")/support.bash"
need curl jq npm node openssl python3 swaks
tools=$PWD/tests/peers

SMTPS=127.0.0.1:$(free_port)
start PILLARBOX_SMTPS_LISTEN="$SMTPS" PILLARBOX_SCORING_POLICY=off
export PILLARBOX_DATA_DIR=$WORK/data
PORT=${SMTP##*:} SMTPS_PORT=${SMTPS##*:}
CERTIFICATE=$PILLARBOX_DATA_DIR/smtp.pem
holds "the log says where the certificate comes from" "no tls_certificate is set" "$(cat "$WORK/log")"

api() {
    curl -sS --max-time 20 -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"
}
CREDENTIALS=$(api -X POST "http://$API/api/smtp-credentials/rotate")
USER_NAME=$(jq -r .smtp_credentials.username <<<"$CREDENTIALS")
PASSWORD=$(jq -r .smtp_credentials.password <<<"$CREDENTIALS")
is "the password is shown once" null "$(api "http://$API/api/smtp-credentials" | jq -r .smtp_credentials.password)"
# What is compared must not have been given tracked links.
api -X PATCH -d '{"tracking_enabled": false}' "http://$API/api/customer/profile" >/dev/null

# captured NUMBER: waits for the message of this number and gives its id.
captured() {
    local list tries
    for tries in $(seq 100); do
        list=$("$PILLARBOX_BIN" mailbox list --json --limit 1000)
        if [ "$(jq .total <<<"$list")" -ge "$1" ]; then
            jq -r --argjson number "$1" '.emails[.total - $number].email_id' <<<"$list"
            return
        fi
        sleep 0.1
    done
    fail "message $1 is not in the mailbox after $tries looks: $(jq .total <<<"$list") are"
}

# arrived NAME FILE: the next message is this file, and nothing was changed but for the trace and the id in front.
COUNT=0
arrived() {
    COUNT=$((COUNT + 1))
    local id
    id=$(captured "$COUNT")
    "$PILLARBOX_BIN" mailbox show "$id" --source >"$WORK/source"
    is "$1: its parts" "$("$tools/parts.py" <"$2")" "$("$tools/parts.py" <"$WORK/source")"
    sed -n '1{/^Received: by localhost with ESMTPS\{0,1\}A id .*;\r$/!q1}' "$WORK/source" || fail "$1: it has no trace"
    { printf 'X-Pillarbox-Email-Id: %s\r\n' "$id" && cat "$2"; } | cmp - <(tail -n +3 "$WORK/source") ||
        fail "$1: a byte was changed"
    echo "ok: $1: every byte"
}

mkdir "$WORK/mail"
"$tools/mail.py" make "$WORK/mail" hello@first-customer.sandbox.pillarbox.test
for mail in "$WORK"/mail/*.eml; do
    name=$(basename "$mail" .eml)
    "$tools/mail.py" send "$mail" localhost "$PORT" "$USER_NAME" "$PASSWORD" "$CERTIFICATE"
    arrived "smtplib, STARTTLS, $name" "$mail"
    # swaks sends the file as it is, so the dots are doubled here.
    { LC_ALL=C sed 's/^\./../' "$mail" && printf '.'; } >"$WORK/stuffed"
    swaks --server "$SMTP" --tls --auth PLAIN --auth-user "$USER_NAME" --auth-password "$PASSWORD" --no-data-fixup \
        --from bounces@example.org --to ada@example.com --data "@$WORK/stuffed" >"$WORK/swaks" 2>&1 ||
        fail "swaks: $(tail -n 5 "$WORK/swaks")"
    arrived "swaks, STARTTLS, PLAIN, $name" "$mail"
    curl -sS --max-time 20 --ssl-reqd --cacert "$CERTIFICATE" --user "$USER_NAME:$PASSWORD" \
        --mail-from bounces@example.org --mail-rcpt ada@example.com --upload-file "$mail" "smtp://localhost:$PORT"
    arrived "curl smtp://, $name" "$mail"
    curl -sS --max-time 20 --cacert "$CERTIFICATE" --user "$USER_NAME:$PASSWORD" --login-options AUTH=LOGIN \
        --mail-from bounces@example.org --mail-rcpt ada@example.com --upload-file "$mail" "smtps://localhost:$SMTPS_PORT"
    arrived "curl smtps://, LOGIN, $name" "$mail"
done

# A message that swaks makes itself, which asks for nothing but to be sent.
swaks --server "$SMTP" --auth LOGIN --auth-user "$USER_NAME" --auth-password "$PASSWORD" --to ada@example.com \
    --from hello@first-customer.sandbox.pillarbox.test --body $'Hello\n.\n..\n' >"$WORK/swaks" 2>&1 ||
    fail "swaks: $(tail -n 5 "$WORK/swaks")"
COUNT=$((COUNT + 1))
holds "swaks makes a message" $'Hello\r\n.\r\n..\r\n' "$("$PILLARBOX_BIN" mailbox show "$(captured $COUNT)" --source)"
! swaks --server "$SMTP" --auth PLAIN --auth-user "$USER_NAME" --auth-password wrong --to ada@example.com \
    >"$WORK/swaks" 2>&1 || fail "a wrong password was taken"
holds "a wrong password is refused" "535 5.7.8" "$(cat "$WORK/swaks")"

# nodemailer builds messages by itself, so their parts are compared.
npm install --silent --no-audit --no-fund --prefix "$WORK/node" nodemailer >/dev/null 2>"$WORK/npm" ||
    fail "npm: $(tail -n 3 "$WORK/npm")"
head -c 300000 /dev/urandom >"$WORK/file.bin"
NODE_PATH=$WORK/node/node_modules NODE_EXTRA_CA_CERTS=$CERTIFICATE node "$tools/nodemailer.js" "$PORT" "$SMTPS_PORT" \
    "$USER_NAME" "$PASSWORD" "$WORK/file.bin" >"$WORK/expected"
while read -r name expected; do
    COUNT=$((COUNT + 1))
    "$PILLARBOX_BIN" mailbox show "$(captured $COUNT)" --source >"$WORK/source"
    is "nodemailer, $name" "$expected" "$("$tools/parts.py" <"$WORK/source" | tr '\n' ' ' | sed 's/ $//')"
done <"$WORK/expected"
[ "$(wc -l <"$WORK/expected")" = 3 ] || fail "nodemailer sent $(wc -l <"$WORK/expected") messages"

# A line longer than mail may have is refused in words, whoever sends it.
{ head -n 5 "$WORK/mail/plain.eml" && printf '\r\n%01000d\r\n' 0; } >"$WORK/long.eml"
! curl -sS --max-time 20 --user "$USER_NAME:$PASSWORD" --mail-from a@example.org --mail-rcpt ada@example.com -v \
    --upload-file "$WORK/long.eml" "smtp://localhost:$PORT" 2>"$WORK/curl" || fail "a long line was taken"
holds "a long line is refused" "554 5.6.0 A line has more than 998 bytes" "$(cat "$WORK/curl")"

# say OPTION...: what openssl says about a connection of its own, and the service behind it.
say() {
    (printf 'EHLO client\r\n'; sleep 1; printf 'QUIT\r\n'; sleep 1) |
        openssl s_client -CAfile "$CERTIFICATE" -verify_hostname localhost -crlf "$@" 2>&1 || true
}
STARTTLS=$(say -starttls smtp -connect "$SMTP")
holds "openssl over STARTTLS" "Verify return code: 0 (ok)" "$STARTTLS"
holds "openssl over STARTTLS" "250 AUTH PLAIN LOGIN" "$STARTTLS"
holds "TLS from the start" "Verify return code: 0 (ok)" "$(say -connect "$SMTPS")"
holds "TLS 1.2 over STARTTLS" "TLSv1.2" "$(say -starttls smtp -connect "$SMTP" -tls1_2)"
holds "TLS 1.1 is not spoken" "alert" "$(say -starttls smtp -connect "$SMTP" -tls1_1 -cipher DEFAULT@SECLEVEL=0)"
