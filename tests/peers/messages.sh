#!/usr/bin/env bash
# Messages as Python's email package reads them: what goes in by the API comes out of the finished message.
. "$(dirname "$0")/support.bash"
need curl jq python3
start
export PILLARBOX_BIN API KEY PILLARBOX_DATA_DIR=$WORK/data
python3 tests/peers/messages.py
