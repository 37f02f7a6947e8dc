#!/usr/bin/env bash
# Records calls of the scoring route, then replays the scorer that serves against itself, which must differ in nothing,
# and one in which a rule counts too much, which must be caught with the very messages that it would have held back.
#   benches/replay.sh [CALLS]
# WORSE names such a candidate, built before; without it plugins/build.sh makes one, which needs its toolchain.
. "$(dirname "$0")/service.sh"
calls=${1:-10000}
need curl jq python3
rule=LINK_NOT_HTTPS

# The rules as they are, except that a link without TLS is worth 3.5 points in the place of none.
build_worse() {
    cp -r plugins wit "$folder"
    sed -i "/id: \"$rule\"/,/points:/s/points: 0.0/points: 3.5/" "$folder/plugins/scorer/src/rules/links.rs"
    sed -i "0,/^version = .*/s//version = \"9.9.9\"/" "$folder/plugins/Cargo.toml"
    sed -i "/^name = \"pillarbox-/{n;s/^version = .*/version = \"9.9.9\"/}" "$folder/plugins/Cargo.lock"
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/plugins/target} "$folder/plugins/build.sh" scorer >"$folder/build" 2>&1 ||
        fail "the candidate could not be built: $(tail -n 3 "$folder/build")"
    worse=$folder/plugins/dist/scorer.wasm
}

# Sends messages of 1 to 12 KB to different people. Every fifth has a link without TLS and is honest otherwise, every
# twentieth is what nobody wants.
send_all() {
    python3 - "$PILLARBOX_LISTEN" "$key" "$calls" <<'END'
import http.client, json, sys, threading
address, key, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
words = "parcel garden letter autumn window table morning river station paper bread music harbour".split()

def message(n):
    say = lambda at: " ".join(words[(n * 7 + at * i) % len(words)] for i in range(12)).capitalize() + "."
    body = "".join(f"<p>{say(at)}</p>" for at in range(1, 8 + n % 90))
    scheme = "http" if n % 5 == 0 else "https"
    body += f'<p><a href="{scheme}://shop.example.com/news/{n}">See what is new</a></p>'
    subject = f"Your order {n} from the {words[n % len(words)]} shop"
    if n % 20 == 1:
        subject = "YOU WIN A FREE PRIZE!!! Act now"
        body += f'<a href="https://192.0.2.{n % 250}/x">https://bank.example.com</a> Verify your account, winner!'
    html = f"<!DOCTYPE html><html lang=\"en\"><head><title>News</title></head><body>{body}</body></html>"
    return {"from": "Shop <news@shop.example.com>", "to": f"Reader {n} <reader{n}@example.org>", "subject": subject,
            "html": html, "text": say(3) + f"\n{scheme}://shop.example.com/news/{n}\n"}

def worker(first):
    connection = http.client.HTTPConnection(address)
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
    for n in range(first, calls, 8):
        connection.request("POST", "/api/content-scoring/analyze", json.dumps(message(n)), headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            sys.exit(f"{answer.status}: {body[:200]}")

threads = [threading.Thread(target=worker, args=(first,)) for first in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
END
}

# replay NAME WORDS...: runs a replay into $folder/NAME.json and prints what it took.
replay() {
    local name=$1 before code=0
    shift
    before=$(cpu_us "$service")
    TIMEFORMAT='%R %U %S'
    { time "$pillarbox" plugin replay "$@" --json >"$folder/$name.json"; } 2>"$folder/$name.time" || code=$?
    [[ $code == 0 || $code == 2 ]] || fail "$name: $(cat "$folder/$name.time")"
    read -r real user system < <(tail -n 1 "$folder/$name.time")
    row "$name: calls" "$(jq .run.calls "$folder/$name.json")" "in $(jq .run.seconds "$folder/$name.json") s on $(jq .run.threads "$folder/$name.json") threads, exit code $code"
    row '  calls a second' "$(jq .run.calls_per_second "$folder/$name.json")" "$(jq .run.calls_per_cpu_second "$folder/$name.json") in a second of the guests' CPU time"
    row '  the whole command' "$real s" "$user s of CPU time, $system s of the kernel; the service used $((($(cpu_us "$service") - before) / 1000)) ms"
}
row() { printf '%-28s %10s  %s\n' "$@"; }
is() { [[ $(jq -c "$2" "$folder/$1.json") == "$3" ]] || fail "$1: $2 is $(jq -c "$2" "$folder/$1.json") and not $3"; }

worse=${WORSE:-}
[[ -n $worse ]] || build_worse
export PILLARBOX_RECORD_SCORING=full PILLARBOX_RECORD_ROWS_MAX=1000000 PILLARBOX_RECORD_BYTES_MAX=1099511627776
start_service
make_customer
before=$(cpu_us "$service") began=${EPOCHREALTIME/./}
send_all
took_us=$((${EPOCHREALTIME/./} - began))
row 'calls recorded' "$calls" "in $((took_us / 1000)) ms, $((($(cpu_us "$service") - before) / calls)) µs of CPU time each"
for ((tries = 0; tries < 200; tries++)); do
    "$pillarbox" plugin recordings --json >"$folder/status.json"
    [[ $(jq .scorer.inputs "$folder/status.json") == "$calls" ]] && break
    sleep 0.1
done
[[ $tries -lt 200 ]] || fail "not all were recorded: $(cat "$folder/status.json")"

serves=$("$pillarbox" plugin list --json | jq -r '.plugins[] | select(.world == "scorer" and .state == "active") | "\(.name)@\(.version)"')
replay itself "$serves"
is itself '[.inputs.replayed, .verdicts.flips, .scores.different, .rules, .outside]' "[$calls,0,0,[],[]]"
replay worse "$worse"
flips=$(((calls + 4) / 5))
is worse '[.verdicts.directions[] | [.from, .to, .count]]' "[[\"pass\",\"review\",$flips]]"
is worse '[.verdicts.directions[].examples[].reweighted] | unique' "[[\"$rule\"]]"
is worse '[.rules[].rule]' "[\"$rule\"]"
row '  flips' "$flips" "pass to review, each by $rule alone: every message with such a link, and no other"

TIMEFORMAT='%R'
{ time "$pillarbox" plugin explain "$serves" "$worse" --json >"$folder/explain.json"; } 2>"$folder/explain.time"
row 'explain: ratio in fuel' "$(jq .fuel.ratio "$folder/explain.json")" "$(jq .fuel.old.p50 "$folder/explain.json") at the median; $(tail -n 1 "$folder/explain.time") s, $(jq .run.calls_per_second "$folder/explain.json") calls a second"
