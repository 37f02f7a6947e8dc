#!/usr/bin/env bash
# benches/stats.sh [EVENTS] [OPENS_PER_SECOND], or both in EVENTS and RATE
#
# Statistics, pages of events, an export and live streams over so many events of 200 customers in 90 days, while opens come
# in. It also says what an event takes on disk, and how fast everything is counted again. 10 million need 8 GB of disk, 1 GB
# of memory and ten minutes to make.
source "$(dirname "$0")/service.sh"
need python3 curl jq

events=${1:-${EVENTS:-1000000}} rate=${2:-${RATE:-5000}}
scripts=$(dirname "$0")/stats

start_service
stop_service
before=$(stat -c %s "$PILLARBOX_DATA_DIR/pillarbox.db")
python3 "$scripts/generate.py" "$PILLARBOX_DATA_DIR" "$events" >"$folder/keys"
bytes=$(($(stat -c %s "$PILLARBOX_DATA_DIR/pillarbox.db") - before))
printf '%s events: %d bytes each on disk with their emails, recipients and indexes\n' "$events" $((bytes / events))

began=$SECONDS
"$pillarbox" stats rebuild --json | jq -r '"counted again: \(.days) days of customers, \(.rows) rows, \(.wrong) not there before"'
printf 'that took %s s\n' $((SECONDS - began))
printf 'counters: %d bytes for each event\n' $((($(stat -c %s "$PILLARBOX_DATA_DIR/pillarbox.db") - before - bytes) / events))

# Emails whose pixels are fetched, of the first 20 customers, the largest left out.
start_service
sed -n 2,21p "$folder/keys" | while read -r key; do
    jq -n '{emails: [range(500) | {to: "ada\(.)@example.com", subject: "Hello", html: "<p>Hello</p>", track_opens: true}]}' |
        curl -sf -o "$folder/answer" "$url/api/batch" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d @-
done
sleep 20
stop_service
python3 "$scripts/pixels.py" "$PILLARBOX_DATA_DIR" >"$folder/pixels"
[[ $(wc -l <"$folder/pixels") -ge 10000 ]] || fail "there are too few pixels."
start_service
python3 "$scripts/measure.py" "$url" "http://$PILLARBOX_OPERATOR_LISTEN" "$service" "$folder/keys" "$folder/pixels" "$rate"
