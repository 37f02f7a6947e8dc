#!/usr/bin/env bash
# The authoring kit with the real tools of each language: a new project is built, checked, tried and measured in an
# empty directory, and then judges a message in a running service. With languages as arguments, only those.
. "$(dirname "$0")/support.bash"
need curl jq python3 clang wasm-ld node npm cargo
export XDG_CACHE_HOME=$WORK/cache
start

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

try() {
    local dir=$WORK/first-$LANGUAGE plugin=$WORK/first-$LANGUAGE/dist/first-$LANGUAGE.wasm
    timed new kit new "first-$LANGUAGE" --lang "${LANGUAGE%-*}" --world "$WORLD" --dir "$dir"
    timed build kit build "$dir"
    timed check kit check "$dir" --json
    is "$LANGUAGE: every fixture of it passed" true "$(jq -c '[.fixtures[].passed] | length > 2 and all' "$WORK/$LANGUAGE.out")"
    timed test kit test "$dir"
    timed bench kit bench "$dir" --json
    jq -r '"    \(.size) bytes, ready in \(.ready_ms) ms; p50 µs, MiB: " +
        ([.inputs[] | "\(.input) \(.p50_us), \(.memory_bytes / 1048576 * 10 | floor / 10)"] | join("; "))' "$WORK/$LANGUAGE.out"
    timed install env PILLARBOX_DATA_DIR="$WORK/data" "$PILLARBOX_BIN" plugin install "$plugin" --activate
}

serves() {
    local answer
    answer=$(curl -sSf -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
        -d '{"subject":"Für dich: act now","html":"<a href=\"https://bit.ly/x\">Hi</a>"}' \
        "http://$API/api/content-scoring/analyze")
    is "$LANGUAGE: it judges in the service" "first-$LANGUAGE" "$(jq -r '.plugins[].name | select(startswith("first-"))' <<<"$answer")"
    is "$LANGUAGE: and finds what it looks for" '["LINK_SHORTENED",17,"PHRASE",11]' \
        "$(jq -c '[.findings[] | select(.rule == "LINK_SHORTENED" or .rule == "PHRASE") | .rule, .location.offset]' <<<"$answer")"
}

for LANGUAGE in "${@:-c rust js python rust-normalizer}"; do
    for LANGUAGE in $LANGUAGE; do
        WORLD=scorer
        [ "$LANGUAGE" != rust-normalizer ] || WORLD=normalizer
        try
        [ "$WORLD" = normalizer ] || serves
    done
done
