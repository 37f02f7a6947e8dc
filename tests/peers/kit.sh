#!/usr/bin/env bash
# The authoring kit with the real tools of each language: a new project is built, checked, tried and measured in an
# empty directory, and then judges a message in a running service. With languages as arguments, only those.
. "$(dirname "$0")/support.bash"
need curl jq python3 clang wasm-ld node npm cargo
export XDG_CACHE_HOME=$WORK/cache

# kit WORD...: a command of the kit.
kit() {
    "$PILLARBOX_BIN" plugin "$@"
}
# timed NAME COMMAND...: runs it and says how long it took.
timed() {
    local name=$1 began=$SECONDS
    shift
    "$@" >"$WORK/$LANGUAGE.out" 2>"$WORK/$LANGUAGE.err" || {
        tail -n 40 "$WORK/$LANGUAGE.err" "$WORK/$LANGUAGE.out" >&2
        fail "$LANGUAGE: $name"
    }
    echo "ok: $LANGUAGE: $name ($((SECONDS - began)) s)"
}

# make: from nothing to a plugin that passes its own fixtures.
make() {
    local dir=$WORK/first-$LANGUAGE world=scorer
    [ "$LANGUAGE" = "${LANGUAGE%-normalizer}" ] || world=normalizer
    timed new kit new "first-$LANGUAGE" --lang "${LANGUAGE%-normalizer}" --world "$world" --dir "$dir"
    # Where Rust's standard library is built along, once is enough for both of its projects.
    [ "${LANGUAGE%-normalizer}" != rust ] || { mkdir -p "$WORK/target" && ln -s "$WORK/target" "$dir/target"; }
    timed build kit build "$dir"
    timed check kit check "$dir" --json
    is "$LANGUAGE: it has fixtures, and all passed" true \
        "$(jq -c '[.fixtures[].passed] | length > 2 and all' "$WORK/$LANGUAGE.out")"
    timed test kit test "$dir"
    # A second plugin with the same engine in it would tell nothing new, and takes its time.
    case $LANGUAGE in js-normalizer | python-normalizer) return 0 ;; esac
    timed bench kit bench "$dir" --json
    jq -r '"    \(.size) bytes, ready in \(.ready_ms) ms", (.inputs[] |
        "    \(.input): p50 \(.p50_us) µs, p99 \(.p99_us) µs, \(.memory_bytes / 1048576 * 10 | floor / 10) MiB")' \
        "$WORK/$LANGUAGE.out"
}

# serve: the same plugin judges a message in the service.
serve() {
    local answer found='["LINK_SHORTENED",17,"PHRASE",11]'
    timed install env PILLARBOX_DATA_DIR="$WORK/data" \
        "$PILLARBOX_BIN" plugin install "$WORK/first-$LANGUAGE/dist/first-$LANGUAGE.wasm" --activate
    [ "$LANGUAGE" = "${LANGUAGE%-normalizer}" ] || return 0
    answer=$(curl -sSf -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
        -d '{"subject":"Für dich: act now","html":"<a href=\"https://bit.ly/x\">Hi</a>"}' \
        "http://$API/api/content-scoring/analyze")
    is "$LANGUAGE: it judges in the service" true "$(jq --arg name "first-$LANGUAGE" 'any(.plugins[]; .name == $name)' <<<"$answer")"
    is "$LANGUAGE: and finds what it looks for" "$found" \
        "$(jq -c '[.findings[] | select(.rule == "LINK_SHORTENED" or .rule == "PHRASE") | .rule, .location.offset]' <<<"$answer")"
}

LANGUAGES=(c rust rust-normalizer js python js-normalizer python-normalizer)
[ $# = 0 ] || LANGUAGES=("$@")
# The downloads of one and the compiler of the other go well side by side. The two in Rust share what they build.
MAKERS=()
for LANGUAGE in "${LANGUAGES[@]}"; do
    make &
    MAKERS+=($!)
    [ "$LANGUAGE" != rust ] || wait "${MAKERS[-1]}" || true
done
FAILED=0
for MAKER in "${MAKERS[@]}"; do
    wait "$MAKER" || FAILED=1
done
[ "$FAILED" = 0 ] || fail "not every language made its plugin; see above"
start
for LANGUAGE in "${LANGUAGES[@]}"; do
    serve
done
