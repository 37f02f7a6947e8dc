#!/usr/bin/env bash
# The metrics in the eyes of those who read them: Prometheus's own checker, and the strict parser of OpenMetrics.
. "$(dirname "$0")/support.bash"
need promtool curl jq python3
start

curl -sSf -o /dev/null -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
    -d '{"to":"ada@example.com","subject":"Hello","text":"Hello"}' "http://$API/api/send"
curl -sS -o /dev/null "http://$API/nowhere"
curl -sS -o /dev/null -H 'Content-Type: application/json' -d '{"emailId":"018e4277-b940-7000-8000-000000000001"}' \
    "http://$API/webhooks/bounce"

METRICS=$(curl -sSf "http://$OPERATOR/metrics")
holds "the metrics tell of the email" 'pillarbox_http_requests_total{route="/api/send",status="2xx"} 1' "$METRICS"
CHECKED=$(promtool check metrics <<<"$METRICS" 2>&1) || fail "promtool: $CHECKED"
is "promtool has nothing to say" "" "$CHECKED"
! printf 'a_count 1\n' | promtool check metrics >/dev/null 2>&1 || fail "promtool takes anything"

curl -sSf -H 'Accept: application/openmetrics-text; version=1.0.0' "http://$OPERATOR/metrics" >"$WORK/open"
FAMILIES=$(/usr/bin/python3 -c '
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(sum(1 for _ in parse(open(sys.argv[1], encoding="utf-8").read())))' "$WORK/open") || fail "OpenMetrics is not read"
[ "$FAMILIES" -gt 10 ] || fail "only $FAMILIES families"
echo "ok: the strict parser of OpenMetrics reads $FAMILIES families"
