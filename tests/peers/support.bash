# What the scripts for real peers share: a service in an empty data directory, and sentences about what was checked.
# They install nothing; .ci/run says which Debian packages they need. PILLARBOX_BIN names the binary to try.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PILLARBOX_BIN=${PILLARBOX_BIN:-$PWD/target/release/pillarbox}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/pillarbox-peers.XXXXXX")
SERVICE=

cleanup() {
    local code=$?
    if [ -n "$SERVICE" ]; then
        kill "$SERVICE" 2>/dev/null || true
        wait "$SERVICE" 2>/dev/null || true
    fi
    if [ "$code" != 0 ] && [ -e "$WORK/log" ]; then
        echo "the end of the service's log:" >&2
        tail -n 20 "$WORK/log" >&2
    fi
    rm -rf "$WORK"
}
trap cleanup EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# need TOOL...: every one of them is installed.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || fail "$tool is not installed"
    done
    [ -x "$PILLARBOX_BIN" ] || fail "$PILLARBOX_BIN is not there; build it with cargo build --release"
}

# is NAME EXPECTED GIVEN: says what was checked, and fails where it is not so.
is() {
    [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
    echo "ok: $1: $3"
}

# holds NAME PART TEXT
holds() {
    case $3 in
    *"$2"*) echo "ok: $1: it holds '$2'" ;;
    *) fail "$1: '$2' is not in: $(printf '%s' "$3" | head -c 2000)" ;;
    esac
}

# free_port: a port of the loopback address that was free a moment ago.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start [NAME=VALUE...]: starts the service with these settings and sets API, OPERATOR, SMTP (host:port) and KEY.
start() {
    API=127.0.0.1:$(free_port)
    OPERATOR=127.0.0.1:$(free_port)
    SMTP=127.0.0.1:$(free_port)
    env PILLARBOX_DATA_DIR="$WORK/data" PILLARBOX_LISTEN="$API" PILLARBOX_OPERATOR_LISTEN="$OPERATOR" \
        PILLARBOX_SMTP_LISTEN="$SMTP" PILLARBOX_REQUESTS_PER_MINUTE=0 "$@" "$PILLARBOX_BIN" serve >"$WORK/out" 2>"$WORK/log" &
    SERVICE=$!
    local tries
    for tries in $(seq 300); do
        if curl -sf -o /dev/null "http://$OPERATOR/readyz"; then
            KEY=$(grep -m 1 -o '^ml_live_[0-9a-f]*' "$WORK/out") || fail "the first start printed no key"
            echo "the service is ready after $tries looks: $API, for operators $OPERATOR, SMTP $SMTP"
            return
        fi
        kill -0 "$SERVICE" 2>/dev/null || fail "the service ended at its start"
        sleep 0.1
    done
    fail "the service is not ready"
}
