#!/usr/bin/env bash
# New DKIM keys take the place of others while mail leaves: dkimpy, asking Knot, verifies it before, during and after.
#   needs knot, curl, jq, python3
. "$(dirname "$0")/support.bash"
. tests/peers/knot.bash
need curl jq python3 knotd knotc
trap 'knot_stop; cleanup' EXIT
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install -q --disable-pip-version-check dkimpy==1.1.8 pynacl==1.6.2 dnspython==2.9.2
knot_start
# shellcheck disable=SC2046
start $(knot_settings)
export PILLARBOX_DATA_DIR=$WORK/data PILLARBOX_BIN API KEY DNS_PORT PYTHONDONTWRITEBYTECODE=1
domain() { "$PILLARBOX_BIN" domain "$@"; }
judge() { "$WORK/venv/bin/python" tests/peers/rotation.py "$WORK/messages" "$@"; }

domain add acme.example --customer first@pillarbox.test >"$WORK/added"
domain records acme.example --format zone >"$WORK/old"
publish "$WORK/old"
domain check acme.example >"$WORK/checked" || fail "the domain did not pass: $(cat "$WORK/checked")"
old=$(domain show acme.example --json | jq -r '.domain.dkim_selector')
judge send before "$old"
judge verify before

domain rotate-dkim acme.example >"$WORK/rotated"
holds "the rotation says what to publish" "IN TXT" "$(cat "$WORK/rotated")"
if domain rotate-dkim acme.example 2>"$WORK/again"; then fail "a second rotation began"; fi
holds "a second one is refused" "wait for their records already" "$(cat "$WORK/again")"
judge send unpublished "$old"
judge verify before unpublished

domain records acme.example --format zone >"$WORK/both"
publish "$WORK/both"
# What was signed by the former keys is on its way while the new ones take over.
domain check acme.example >"$WORK/checked" || fail "the domain did not pass: $(cat "$WORK/checked")"
new=$(domain show acme.example --json | jq -r '.domain.dkim_selector')
[ "$new" != "$old" ] || fail "the new key does not sign"
judge send during "$new"
judge verify before unpublished during
is "the former keys keep their records" retiring \
    "$(domain show acme.example --json | jq -r "[.domain.records[] | select(.host | startswith(\"$old.\")) | .key_state] | join(\" \")")"

# As a week later: the former keys' records are gone.
domain show acme.example --json | jq -c '.domain.records[] | select(.key_state != "retiring")' >"$WORK/kept"
jq -r 'if .type == "TXT" then "\(.host). 60 IN TXT " + ([.strings[] | "\"\(.)\""] | join(" ")) else "\(.host). 60 IN \(.type) \(.value)." end' \
    "$WORK/kept" >"$WORK/new"
publish "$WORK/new"
domain check acme.example >"$WORK/checked" || fail "without the former keys the domain does not pass: $(cat "$WORK/checked")"
judge send after "$new"
judge verify during after
judge lost before
is "the history tells of it" "added verified rotation_began key_rotated key_rotated" \
    "$(domain show acme.example --json | jq -r '[.domain.history[].event] | reverse | join(" ")')"
