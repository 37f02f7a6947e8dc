#!/usr/bin/env bash
# Tracked links as a browser follows them: Chromium finds the same links in a newsletter with tracking as without, and each
# leads where it led.
. "$(dirname "$0")/support.bash"
need chromium python3
start
export PILLARBOX_BIN API KEY WORK PILLARBOX_DATA_DIR=$WORK/data
python3 tests/peers/links.py
