"""What delivery.sh sends, and how it arrives: each message is compared with what was asked for, by the parser of
Python, and both of its signatures are verified by dkimpy."""

import base64
import email
import email.policy
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import dkim

WORK, API, KEY = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
BINARY = os.environ["PILLARBOX_BIN"]
# By which Postfix a domain's mail arrives, and whom it is written to.
WAYS = {"acme.example": ("relay", "ada@elsewhere.example"), "beta.example": ("friends", "ada@friends.example")}

FILE = bytes(range(256)) * 300
MAILS = {
    "plain": {"text": "Hello Ada.\n\nYour parcel is here.\n"},
    "dots": {"text": ".\n..\n.a\n\n.\nthe end\n."},
    "unicode": {"text": "Grüße aus Zürich — 日本語 ✓\n", "html": "<p>Grüße aus Zürich — 日本語 ✓</p>"},
    "long lines": {"text": "word " * 2000 + "\n" + "x" * 5000},
    "control": {"text": "a\x00b\x07c\r\nd\re\n"},
    "file": {"text": "See the file.", "attachments": [
        {"filename": "Übersicht " + "lang " * 20 + "日本.bin", "content": base64.b64encode(FILE).decode()}]},
    "html with an image": {"html": '<p>Hello <img src="cid:logo"></p>', "track_opens": False, "attachments": [
        {"filename": "logo.png", "content": base64.b64encode(FILE[:999]).decode(), "content_type": "image/png",
         "content_id": "logo"}]},
}


def records():
    found = {}
    for domain in WAYS:
        shown = json.loads(subprocess.run([BINARY, "domain", "show", domain, "--json"], stdout=subprocess.PIPE, check=True).stdout)
        for record in shown["domain"]["records"]:
            found[f"{record['host']}.".encode()] = "".join(record["strings"]).encode()
    return found


def send(body):
    headers = {"Authorization": "Bearer " + KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(API + "/api/send", json.dumps(body).encode(), headers)
    return json.load(urllib.request.urlopen(request))["email_id"]


def digest(content):
    return hashlib.sha256(content).hexdigest()


def lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def arrive(folder, count):
    for _ in range(300):
        found = list((WORK / folder / "mail/inbox/new").glob("*")) if (WORK / folder / "mail/inbox/new").exists() else []
        if len(found) >= count:
            return [path.read_bytes() for path in found]
        time.sleep(0.1)
    sys.exit(f"FAILED: {len(found)} of {count} messages arrived at {folder}: {(WORK / folder / 'log').read_text()[-2000:]}")


def check(name, wanted, raw, dns):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Subject"] == f"Übung {name}", f"{name}: {message['Subject']!r}"
    assert max(map(len, raw.split(b"\n"))) <= 1000, f"{name}: a line is too long"
    if "text" in wanted:
        got = message.get_body(("plain",)).get_content()
        assert lines(got) == lines(wanted["text"]), f"{name}: the text is {got[:200]!r}"
    for file, asked in zip(list(message.iter_attachments()) or [part for part in message.walk() if part.get_content_type() == "image/png"],
                           wanted.get("attachments", [])):
        content = file.get_payload(decode=True)
        assert digest(content) == digest(base64.b64decode(asked["content"])), f"{name}: the file is another"
        assert file.get_filename() == asked["filename"], f"{name}: {file.get_filename()!r}"
    received = " ".join(message.get_all("Received"))
    assert "TLS" in received, f"{name}: it came without TLS: {received}"
    # As it was sent: what Postfix put in front is not signed, and the maildir has its own line ends.
    sent = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    for index in range(2):
        assert dkim.DKIM(sent).verify(index, dnsfunc=lambda asked, timeout=5: dns.get(asked, b"")), f"{name}: signature {index}"
    sender = message["Return-Path"]
    assert sender.startswith("<b") and "@" in sender, f"{name}: {sender}"


dns = records()
for domain, (folder, recipient) in WAYS.items():
    asked = {}
    for name, mail in MAILS.items():
        asked[send({"from": f"Büro <news@{domain}>", "to": recipient, "subject": f"Übung {name}"} | mail)] = (name, mail)
    for raw in arrive(folder, len(MAILS)):
        email_id = email.message_from_bytes(raw)["X-Pillarbox-Email-Id"]
        check(*asked.pop(email_id), raw, dns)
    assert not asked, f"not arrived: {asked}"
    print(f"ok: {len(MAILS)} messages of {domain} arrived by {folder}, over TLS, as they were meant, with both signatures good")
