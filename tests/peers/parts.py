#!/usr/bin/env python3
"""Reads a message and prints each of its parts: type, name, and a hash of the decoded content."""

import hashlib
import sys
from email import message_from_binary_file
from email.policy import default

for part in message_from_binary_file(sys.stdin.buffer, policy=default).walk():
    if part.is_multipart():
        continue
    content = part.get_payload(decode=True)
    if part.get_content_maintype() == "text":
        # Line ends are the one thing that mail does not keep.
        content = content.replace(b"\r\n", b"\n").rstrip(b"\n")
    print(part.get_content_type(), part.get_filename() or "-", hashlib.sha256(content).hexdigest())
