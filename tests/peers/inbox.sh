#!/usr/bin/env bash
# Bounces of a real Postfix: it takes the mail, finds out later that nobody lives there, and returns a report to the bounce
# address that this service made. One domain's reports come back by SMTP, the other's through the pipe of the README.
#   needs root (for Postfix), curl, jq, openssl, postfix, python3
[ "$(id -u)" = 0 ] || exec sudo -E "$0" "$@"
. "$(dirname "$0")/support.bash"
. "$(dirname "$0")/postfix.bash"
need curl jq openssl postfix python3
end() {
    stop_postfixes
    cleanup
}
trap end EXIT

relay_port=$(free_port)
start_postfix relay "$relay_port"
start PILLARBOX_OUTLET=relay "PILLARBOX_RELAY_URL=smtp://localhost:$relay_port" PILLARBOX_RELAY_CA="$WORK/relay/cert.pem"
export PILLARBOX_DATA_DIR=$WORK/data

# The pipe of the README.
cat >"$WORK/pillarbox-pipe" <<END
#!/bin/sh
curl -sf --data-binary @- -H 'Content-Type: message/rfc822' -H "X-Envelope-To: \$1" \\
    http://$API/webhooks/bounce >/dev/null || exit 75
END
chmod 755 "$WORK" "$WORK/pillarbox-pipe"
cat >"$WORK/relay/config/transport" <<END
gone.example nobody-here:
smtp.example smtp:[127.0.0.1]:${SMTP##*:}
pipe.example pillarbox:
END
echo "transport_maps = texthash:$WORK/relay/config/transport" >>"$WORK/relay/config/main.cf"
cat >>"$WORK/relay/config/master.cf" <<END
smtp unix - - n - - smtp
nobody-here unix - n n - - pipe user=nobody argv=/bin/sh -c {exit 67}
pillarbox unix - n n - 4 pipe flags=Rq user=nobody argv=$WORK/pillarbox-pipe \${recipient}
END
postfix -c "$WORK/relay/config" reload 2>>"$WORK/relay/start"

"$PILLARBOX_BIN" customer show --email first@pillarbox.test >"$WORK/customer"
for way in smtp pipe; do
    "$PILLARBOX_BIN" domain add "$way.example" --customer first@pillarbox.test --assume-verified >"$WORK/domain"
    id=$(curl -s "http://$API/api/send" -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
        -d "{\"from\": \"news@$way.example\", \"to\": \"$way@gone.example\", \"subject\": \"Hello\", \"text\": \"Hello\"}" |
        jq -r .email_id)
    for _ in $(seq 300); do
        status=$(curl -s "http://$API/api/emails/$id" -H "Authorization: Bearer $KEY" | jq -r .email.status)
        [ "$status" != bounced ] || break
        sleep 0.1
    done
    [ "$status" = bounced ] || tail -n 30 "$WORK/relay/log" >&2
    is "mail from $way.example to nobody" bounced "$status"
    row=$("$PILLARBOX_BIN" inbox list --state matched --limit 1 --json | jq -r '.rows[0].id')
    shown=$("$PILLARBOX_BIN" inbox show "$row" --json)
    is "what led from $way.example's report to its email" "bounce_address $id" \
        "$(jq -r '.matches[0] | "\(.by) \(.email_id)"' <<<"$shown")"
    is "what kind of bounce it is" "bounce hard" "$(jq -r '.outcome.events[0] | "\(.kind) \(.bounce_type)"' <<<"$shown")"
done

# Reading all of it again changes nothing.
"$PILLARBOX_BIN" inbox replay --all --json >"$WORK/replay"
is "reports that were read again" 2 "$(jq .read "$WORK/replay")"
is "what that changed" "0 0" "$(jq -r '"\(.changed) \(.accepted)"' "$WORK/replay")"
