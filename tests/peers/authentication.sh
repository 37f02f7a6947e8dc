#!/usr/bin/env bash
# A domain that publishes what `pillarbox domain records` says and nothing else passes SPF, DKIM and DMARC: with Knot as its
# name server and pyspf, dkimpy, authheaders and checkdmarc as the judges.
#   needs knot, curl, jq, python3
. "$(dirname "$0")/support.bash"
. tests/peers/knot.bash
need curl jq python3 knotd knotc
trap 'knot_stop; cleanup' EXIT
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install -q --disable-pip-version-check dkimpy==1.1.8 pynacl==1.6.2 pyspf==2.0.14 authheaders==0.16.3 \
    checkdmarc==6.0.4 dnspython==2.9.2
knot_start
# shellcheck disable=SC2046
start $(knot_settings)
export PILLARBOX_DATA_DIR=$WORK/data PILLARBOX_BIN API KEY DNS_PORT PYTHONDONTWRITEBYTECODE=1
domain() { "$PILLARBOX_BIN" domain "$@"; }

domain add acme.example --customer first@pillarbox.test >"$WORK/added"
holds "what was added says what comes next" "pillarbox domain check acme.example" "$(cat "$WORK/added")"
if domain check acme.example >"$WORK/unpublished"; then fail "a domain without records passed its check"; fi
holds "the check of nothing says what to do" "_pillarbox.acme.example" "$(cat "$WORK/unpublished")"
is "nothing is found" missing "$(domain check acme.example --json | jq -r '[.checks[].status] | unique | join(" ")')"

domain records acme.example --format zone >"$WORK/zone"
publish "$WORK/zone"
domain check acme.example >"$WORK/checked" || fail "the published domain did not pass: $(cat "$WORK/checked")"
is "everything is found" verified "$(domain check acme.example --json | jq -r '[.checks[].status] | unique | join(" ")')"
is "the domain is verified" "verified dns" \
    "$(domain show acme.example --json | jq -r '.domain | .status + " " + .verified_by')"
is "the export for Route 53 has every record" "$(jq -n "$(domain show acme.example --json).domain.records | length")" \
    "$(domain records acme.example --format json | jq '.route53.Changes | length')"
"$WORK/venv/bin/python" tests/peers/authentication.py
