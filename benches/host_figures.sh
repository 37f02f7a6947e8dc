#!/usr/bin/env bash
# The figures of the plugin host beside the bare engine, in one run of about two minutes.
#   benches/host_figures.sh
set -euo pipefail
cd "$(dirname "$0")/.."
printf '%s, %s processors, load %s\n\n' "$(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)"
cargo bench --quiet --bench host
