#!/usr/bin/env bash
# Signatures as dkimpy understands them: every shape of message verifies with both keys, and no changed one does.
. "$(dirname "$0")/support.bash"
need curl jq python3
python3 -m venv "$WORK/venv"
"$WORK/venv/bin/pip" install -q --disable-pip-version-check dkimpy==1.1.8 pynacl==1.6.2
start
export PILLARBOX_BIN API KEY PILLARBOX_DATA_DIR=$WORK/data
"$PILLARBOX_BIN" domain add acme.example --customer first@pillarbox.test --assume-verified --outlet capture >/dev/null
"$WORK/venv/bin/python" tests/peers/signed.py
