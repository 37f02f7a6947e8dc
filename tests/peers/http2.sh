#!/usr/bin/env bash
# HTTP/2 without TLS, by prior knowledge, as curl speaks it: one request, a hundred at once, large and refused bodies.
. "$(dirname "$0")/support.bash"
need curl jq python3
start

# call OPTION...: one request over HTTP/2; prints its status and the version of HTTP.
call() {
    curl -sS --max-time 30 --http2-prior-knowledge -o "$WORK/answer" -w '%{http_code} %{http_version}' \
        -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' "$@"
}
is "an email is sent" "200 2" "$(call -d '{"to":"ada@example.com","subject":"Hello","text":"Hello"}' "http://$API/api/send")"
is "HEAD is answered" "200 2" "$(call -I "http://$API/openapi.json")"
is "OPTIONS is 405" "405 2" "$(call -X OPTIONS "http://$API/api/send")"

for number in $(seq 100); do
    echo "url = \"http://$API/api/send\""
    echo "output = \"$WORK/answer-$number\""
    echo "data = \"{\\\"to\\\":\\\"ada$number@example.com\\\",\\\"subject\\\":\\\"Hello\\\",\\\"text\\\":\\\"$number\\\"}\""
    echo "header = \"Authorization: Bearer $KEY\""
    echo 'header = "Content-Type: application/json"'
    echo 'write-out = "%{http_code} %{http_version} %{num_connects}\n"'
    [ "$number" = 100 ] || echo next
done >"$WORK/hundred"
curl -sS --http2-prior-knowledge --parallel --parallel-max 100 --max-time 60 -K "$WORK/hundred" >"$WORK/statuses" 2>"$WORK/progress" ||
    fail "curl: $(cat "$WORK/progress")"
is "a hundred streams are served" 100 "$(grep -c '^200 2 ' "$WORK/statuses")"
is "each email has an id of its own" 100 "$(jq -r .email_id "$WORK"/answer-* | sort -u | wc -l)"
TOTAL=$(curl -sS -H "Authorization: Bearer $KEY" "http://$API/api/emails" | jq .pagination.total)
is "and nothing was lost or doubled" 101 "$TOTAL"

head -c 20000000 /dev/zero | tr '\0' x >"$WORK/text"
jq -nR --rawfile text "$WORK/text" '{to: "ada@example.com", subject: "Large", text: $text}' >"$WORK/large"
is "a body of 20 MB is taken" "200 2" "$(call -d "@$WORK/large" "http://$API/api/send")"
head -c 40000000 /dev/zero >"$WORK/zeros"
is "a body over the limit is 413" "413 2" "$(call --data-binary "@$WORK/zeros" "http://$API/api/send" || true)"
LONG=$(head -c 40000 /dev/zero | tr '\0' x)
LONG_STATUS=$(call -H "X-Long: $LONG" "http://$API/openapi.json" || true)
is "a head over the limit is 431" "431 2" "$LONG_STATUS"
is "and the next request is served" "200 2" "$(call "http://$API/openapi.json")"
