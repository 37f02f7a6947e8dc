#!/usr/bin/env bash
# Notifications as others sign them: the libraries of Svix and of Standard Webhooks, SendGrid's and Mailgun's signatures by
# Python, and a server that signs as Amazon SNS does, with an authority of its own.
#   needs curl, openssl, python3 with venv
. "$(dirname "$0")/support.bash"
need curl openssl python3
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install --quiet --disable-pip-version-check svix==2.9.1 standardwebhooks==1.1.0 cryptography==50.0.2

sns_port=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Lab" -addext basicConstraints=critical,CA:TRUE \
    -keyout "$WORK/ca.key" -out "$WORK/ca.pem" 2>/dev/null
# certificate NAME SUBJECT EXTENSIONS: issued by that authority.
certificate() {
    openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$WORK/$1.key" -out "$WORK/$1.csr" 2>/dev/null
    openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 2 -out "$WORK/$1.pem" \
        -extfile <(printf '%s' "$3") 2>/dev/null
}
certificate server localhost subjectAltName=IP:127.0.0.1
certificate signer sns.amazonaws.com basicConstraints=CA:FALSE

start PILLARBOX_SNS_HOST="127.0.0.1:$sns_port" PILLARBOX_SNS_CA="$WORK/ca.pem"
PILLARBOX_BIN=$PILLARBOX_BIN PILLARBOX_DATA_DIR="$WORK/data" \
    "$WORK/venv/bin/python3" -P tests/peers/webhooks.py "$WORK" "$sns_port"
is "secrets in the log" 0 "$(grep -c -e whsec_ -e /webhooks/in/[0-9a-f] -e a-signing-key "$WORK/log" || true)"
