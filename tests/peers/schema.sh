#!/usr/bin/env bash
# Every route of the API in the eyes of Schemathesis: requests made from /openapi.json, right ones and wrong ones, by a caller
# with a key. No answer may be our fault, undocumented, or other than its schema.
#
# Two checks are left out unless CHECKS is `all`. `positive_data_acceptance` wants what a schema allows to succeed, and no schema
# says that an address is suppressed; `negative_data_rejection` wants refused what a schema does not allow, and what comes by
# webhooks is kept even where nobody understands it.
# SEED is another one to make requests from. SCHEMATHESIS names the program; without it, it is installed into a virtual environment.
. "$(dirname "$0")/support.bash"
need curl python3
if [ -z "${SCHEMATHESIS:-}" ]; then
    python3 -m venv "$WORK/venv"
    "$WORK/venv/bin/pip" install --quiet 'schemathesis>=4.32,<5' || fail "Schemathesis is not installed"
    SCHEMATHESIS=$WORK/venv/bin/schemathesis
fi
start
PILLARBOX_DATA_DIR="$WORK/data" "$PILLARBOX_BIN" customer features --email first@pillarbox.test --event-tracking on \
    --event-api on >/dev/null
export XDG_CACHE_HOME="$WORK/cache" HOME="$WORK"
cd "$WORK"
cat >schemathesis.toml <<'END'
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 402, 403, 404, 409, 413, 422, 429]
END
LEFT_OUT=(--exclude-checks positive_data_acceptance,negative_data_rejection)
[ "${CHECKS:-}" != all ] || LEFT_OUT=()

# try NAME OPTION...: what Schemathesis says of some routes.
try() {
    local name=$1
    shift
    "$SCHEMATHESIS" run "http://$API/openapi.json" --header "Authorization: Bearer $KEY" --checks all "${LEFT_OUT[@]}" --seed "${SEED:-7}" --workers 1 \
        --request-timeout 10 --continue-on-failure --suppress-health-check all --no-color "$@" >"$WORK/said" 2>&1 || fail "$name: $(tail -c 20000 "$WORK/said")"
    echo "ok: $name: $(grep -o '[0-9]* generated.*' "$WORK/said" || tail -n 1 "$WORK/said")"
}

# A stream does not end, and a key that is rotated is the one that is tried with: both come afterwards.
try "every route but two" --max-examples 25 --max-time 70 --exclude-path-regex '(/events/stream|/rotate-key)$'

stream() {
    curl -s -m 2 -o "$WORK/stream" -w '%{http_code} %{content_type}' "http://$API/api/v1/events/stream" "$@" || true
}
is "a stream of events" "200 text/event-stream" "$(stream -H "Authorization: Bearer $KEY")"
is "a stream behind no event" "400 application/json" "$(stream -H "Authorization: Bearer $KEY" -H 'Last-Event-ID: x')"
is "a stream of nobody" "401 application/json" "$(stream)"

try "the route that takes the key away" --max-examples 5 --phases examples,coverage --include-path-regex '/rotate-key$'

curl -sf -o /dev/null "http://$OPERATOR/healthz" || fail "the service is not there any more"
PANICS=$(grep -c 'panicked' "$WORK/log") || true
is "panics in the log" 0 "$PANICS"
