#!/usr/bin/env bash
# The pages as a browser shows them: the mailbox, a message, the inbox, the reference, at 360 and 1280 pixels.
# With a directory as argument, the screenshots are kept there.
. "$(dirname "$0")/support.bash"
need chromium curl jq python3
SHOTS=${1:-$WORK/shots}
mkdir -p "$SHOTS"
start

send() {
    curl -sSf -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' -d "$1" "http://$API/api/send" | jq -r .email_id
}
event_count() {
    curl -sSf -H "Authorization: Bearer $KEY" "http://$API/api/v1/emails/$ID/events" | jq "[.events[] | select(.event_type == \"$1\")] | length"
}
# browse OPTION... URL: one run of the browser with a profile of its own.
browse() {
    local profile
    profile=$(mktemp -d "$WORK/profile.XXXXXX")
    timeout 90 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
        --user-data-dir="$profile" "$@" 2>"$WORK/chromium" || fail "chromium $*: $(tail -n 5 "$WORK/chromium")"
}
# shoot NAME URL: a screenshot of the page in a narrow and in a wide window.
shoot() {
    local pixels
    for pixels in 360 1280; do
        browse --window-size="$pixels,900" --screenshot="$SHOTS/$1-$pixels.png" "$2" >/dev/null
        [ "$(stat -c %s "$SHOTS/$1-$pixels.png")" -gt 3000 ] || fail "$1-$pixels.png is empty"
        echo "ok: $1 at $pixels px"
    done
}

DOM=$(browse --dump-dom "http://$OPERATOR/mailbox")
holds "the empty mailbox says how to fill it" "/api/send" "$DOM"
ID=$(send '{"to":"Ada <ada@example.com>","subject":"Welcome to the box","html":"<h1>Hello Ada</h1><p>Your account is <a href=\"https://example.com/start\">ready</a>.</p><script>document.title=\"owned\"</script>"}')
sleep 1
DOM=$(browse --dump-dom "http://$OPERATOR/mailbox")
holds "the mailbox lists the message" "Welcome to the box" "$DOM"
holds "and leads to it" "/mailbox/$ID" "$DOM"
shoot mailbox "http://$OPERATOR/mailbox"
DOM=$(browse --dump-dom "http://$OPERATOR/mailbox/$ID")
holds "the message has its recipient" "ada@example.com" "$DOM"
holds "and a sandboxed frame" "sandbox" "$DOM"
shoot message "http://$OPERATOR/mailbox/$ID"
FRAME=$(browse --dump-dom "http://$OPERATOR/mailbox/$ID/html")
holds "the frame shows the html" "Hello Ada" "$FRAME"
case $FRAME in *"<title>owned"*) fail "a script of the message ran" ;; esac
echo "ok: no script of the message ran"
is "looking at it recorded no open" 0 "$(event_count opened)"
is "nor a click" 0 "$(event_count clicked)"
PIXEL=$(PILLARBOX_DATA_DIR=$WORK/data "$PILLARBOX_BIN" mailbox show "$ID" --html |
    grep -o '/track/o/[^"]*' | head -n 1)
curl -sSf -o /dev/null "http://$API$PIXEL"
sleep 1
is "while fetching the pixel does" 1 "$(event_count opened)"
curl -sSf -o /dev/null -H 'Content-Type: message/rfc822' --data-binary $'Subject: <b>not</b> a report\r\n\r\nHello' \
    "http://$API/webhooks/bounce"
DOM=$(browse --dump-dom "http://$OPERATOR/inbox")
holds "the inbox lists what came in" "message/rfc822" "$DOM"
shoot inbox "http://$OPERATOR/inbox"
ROW=$(PILLARBOX_DATA_DIR=$WORK/data "$PILLARBOX_BIN" inbox list --json | jq -r '.rows[0].id')
DOM=$(browse --dump-dom "http://$OPERATOR/inbox/$ROW")
holds "and shows it as text" "&lt;b&gt;not&lt;/b&gt;" "$DOM"
shoot inbox-row "http://$OPERATOR/inbox/$ROW"
DOM=$(browse --dump-dom "http://$API/docs")
holds "the reference explains sending" "/api/send" "$DOM"
shoot docs "http://$API/docs"
