#!/usr/bin/env python3
"""Prints the paths of the pixels in the messages of a service that does not run, one a line.

    pixels.py DATA_DIR
"""

import email
import email.policy
import re
import sqlite3
import sys

database = sqlite3.connect(f"file:{sys.argv[1]}/pillarbox.db?mode=ro", uri=True)
for (raw,) in database.execute("SELECT raw FROM messages"):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    html = message.get_body(("html",))
    for path in re.findall(r"/track/o/[\w-]+", html.get_content() if html else ""):
        print(path)
