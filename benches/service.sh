# What the scripts beside this file share: a service of their own on a data directory that is gone afterwards.
#
# Sourced, from the root of the repository. It needs a release build (`cargo build --release`), curl and, where a
# script measures load, wrk. PILLARBOX names another binary; TMPDIR another disk.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C
# A backtrace for each error that is made would be measured too.
unset RUST_BACKTRACE RUST_LIB_BACKTRACE

pillarbox=$(readlink -f "${PILLARBOX:-target/release/pillarbox}") || true
folder=$(mktemp -d)
service=
export PILLARBOX_DATA_DIR=$folder/data PILLARBOX_LISTEN=127.0.0.1:18480 PILLARBOX_OPERATOR_LISTEN=127.0.0.1:18481 PILLARBOX_SMTP_LISTEN=off
url=http://$PILLARBOX_LISTEN

# Ends what was started, by its process id, and leaves nothing behind.
cleanup() {
    stop_service
    if [[ -n ${nginx:-} ]]; then kill "$nginx" 2>/dev/null && wait "$nginx" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap cleanup EXIT

fail() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# need TOOL...: every tool is there, and the binary.
need() {
    local tool
    [[ -x $pillarbox ]] || fail "there is no $pillarbox: run 'cargo build --release'."
    for tool in "$@"; do command -v "$tool" >/dev/null || fail "it needs $tool."; done
}

# Starts the service and returns with its first answer.
start_service() {
    "$pillarbox" serve >>"$folder/welcome" 2>>"$folder/log" &
    service=$!
    until curl -sf -o "$folder/answer" "$url/api/openapi.json" || curl -s -o "$folder/answer" "$url/"; do
        kill -0 "$service" 2>/dev/null || fail "the service did not start: $(tail -n 3 "$folder/log")"
        sleep 0.005
    done
}

stop_service() {
    if [[ -n $service ]]; then kill "$service" 2>/dev/null && wait "$service" 2>/dev/null || true; fi
    service=
}

# Sets `key` to that of a customer without limits.
make_customer() {
    key=$("$pillarbox" customer create --name Bench --email bench@example.org --json |
        sed -n 's/.*"api_key": *"\([^"]*\)".*/\1/p')
    [[ -n $key ]] || fail "no customer could be made."
    "$pillarbox" customer limits --email bench@example.org --requests-per-minute 0 --monthly 1000000000 >"$folder/answer"
}

# send BODY: sends an email and prints its id.
send() {
    curl -sf "$url/api/send" -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -d "$1" |
        sed -n 's/.*"email_id": *"\([^"]*\)".*/\1/p'
}

# cpu_us PID: processor time so far, in microseconds, of the process with all its threads.
cpu_us() {
    local stat
    stat=$(<"/proc/$1/stat")
    # Fields 14 and 15, counted behind the name, which may hold anything.
    set -- ${stat##*) }
    echo $(((${12} + ${13}) * 1000000 / $(getconf CLK_TCK)))
}

# memory_kib PID FIELD: a line of smaps_rollup, for example Pss.
memory_kib() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/smaps_rollup"; }

# median NUMBER...
median() { printf '%s\n' "$@" | sort -n | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }'; }

# rate FILE, failed FILE, p99 FILE: from wrk's report.
rate() { awk '/^Requests\/sec:/ { print $2 }' "$1"; }
failed() { awk '/Non-2xx/ { bad += $NF } /Socket errors/ { gsub(",", ""); bad += $4 + $6 + $8 + $10 } END { print bad + 0 }' "$1"; }
p99() { awk '$1 == "99%" { print $2 }' "$1"; }
