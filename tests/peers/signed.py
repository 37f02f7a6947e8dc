"""The messages of dkim.sh, signed by the running service and verified by dkimpy. No DNS is asked: the records are those
that `pillarbox domain show` says to publish."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import dkim

DOMAIN = "acme.example"
BIN = os.environ["PILLARBOX_BIN"]


def run(*words, given=None):
    return subprocess.run([BIN, *words], input=given, stdout=subprocess.PIPE, check=True).stdout


def published():
    """Name and value of each record, joined from its strings as resolvers do it."""
    records = json.loads(run("domain", "show", DOMAIN, "--json"))["domain"]["records"]
    records = [record for record in records if record["purpose"] == "dkim"]
    for record in records:
        assert all(len(string) <= 255 for string in record["strings"]), record
    return {f"{record['host']}.".encode(): "".join(record["strings"]).encode() for record in records}


RECORDS = published()


def verdicts(message):
    """What each signature of a message comes to."""
    found = []
    count = message.lower().count(b"dkim-signature:")
    for index in range(count):
        verifier = dkim.DKIM(message, minkey=1024)
        try:
            found.append(verifier.verify(index, dnsfunc=lambda name, timeout=5: RECORDS.get(name, b"")))
        except dkim.DKIMException as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


def passes(name, message):
    found = verdicts(message)
    assert found == [True, True], f"{name}: {found}\n{message.decode('utf-8', 'replace')[:3000]}"


def fails(name, message):
    found = verdicts(message)
    assert len(found) >= 2 and True not in found, f"{name}: {found}"


def changed(message):
    """The same message with one thing changed that a signature must not survive."""
    head, body = message.split(b"\r\n\r\n", 1)
    yield "a second From in front", b"From: Eve <eve@evil.example>\r\n" + message
    yield "a second From behind", head + b"\r\nFrom: Eve <eve@evil.example>\r\n\r\n" + body
    yield "a second Subject", b"Subject: You won\r\n" + message
    yield "a second Content-Type", b"Content-Type: text/html\r\n" + message
    at = re.search(rb"^subject:\s*", head, re.I | re.M).end()
    yield "the Subject", message[:at] + bytes([message[at] ^ 1]) + message[at + 1:]
    yield "more body", message + b"PS: click here\r\n"
    letters = [at for at, byte in enumerate(body) if chr(byte).isalnum()]
    for which in {0, len(letters) // 2, len(letters) - 1} if letters else ():
        at = len(head) + 4 + letters[which]
        yield f"byte {at} of the body", message[:at] + bytes([message[at] ^ 1]) + message[at + 1:]


HEAD = (
    b"From: Acme <news@acme.example>\r\nTo: ada@example.com\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
)
WORDS = " ".join(f"word{number}" for number in range(300)).encode()
FOLDED = b"\r\n\t".join(b"<%d.%d@acme.example>" % (number, number * 7919) for number in range(60))
SHAPES = {
    "a small body": HEAD + b"\r\nHi\r\n",
    "an empty body": HEAD + b"\r\n",
    "a body of empty lines": HEAD + b"\r\n\r\n\r\n\r\n",
    "a body of spaces": HEAD + b"\r\n \t \r\n \r\n",
    "trailing empty lines": HEAD + b"\r\nHi\r\n\r\n\r\n\r\n",
    "trailing lines of spaces": HEAD + b"\r\nHi\r\n \r\n\t\t\r\n \r\n",
    "empty lines inside": HEAD + b"\r\n\r\n\r\nHi\r\n\r\n \r\nBye\r\n",
    "tabs and runs of spaces": HEAD + b"\r\n\tHi  there \t you\t\t\r\n  \tBye \r\n",
    "dots": HEAD + b"\r\n.\r\n..\r\n.Hi\r\n",
    "no line end at the end": HEAD + b"\r\nHi",
    "a long line": HEAD + b"\r\n" + WORDS[:990] + b"\r\n",
    "unicode": HEAD + b"\r\n" + "Grüße aus Köln – 日本語 👋🏽\r\n".encode(),
    "a long folded header": HEAD + b"References: " + FOLDED + b"\r\nIn-Reply-To: <1@acme.example>\r\n\r\nHi\r\n",
    "a folded subject": HEAD.replace(b"Hello", b"Hello\r\n \t there \r\n  again") + b"\r\nHi\r\n",
    "an empty header": HEAD + b"Cc:\r\nReply-To: \r\n\r\nHi\r\n",
    "unsubscribing": HEAD + b"List-Unsubscribe: <https://acme.example/u/1>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHi\r\n",
    "headers of others": b"Received: from a\r\n\tby b; Fri, 15 Mar 2024 14:30:00 +0000\r\n" + HEAD + b"X-Other: x\r\n\r\nHi\r\n",
    "a megabyte": HEAD + b"\r\n" + b"".join(b"line %d \t of  many\r\n" % number for number in range(50_000)),
}


def api(path, body):
    request = urllib.request.Request(
        f"http://{os.environ['API']}{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def sent(email):
    """An email as the capture mailbox has it."""
    email_id = api("/api/send", {"from": f"Acme <news@{DOMAIN}>", "to": "Ada <ada@example.com>", **email})["email_id"]
    for _ in range(100):
        done = subprocess.run([BIN, "mailbox", "show", email_id, "--source"], capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout
        time.sleep(0.1)
    sys.exit(f"{email_id} was not captured: {done.stderr.decode()}")


PDF = base64.b64encode(bytes(range(256)) * 400).decode()
EMAILS = {
    "text": {"subject": "Hello", "text": "Hi\n\n.\n..dots\n\n  \n\n"},
    "html with links": {"subject": "Hello", "html": '<p>Hi <a href="https://example.com/?a=1&amp;b=2">there</a></p>'},
    "unicode": {"subject": "Grüße 👋🏽 " * 20, "text": "Grüße aus Köln\n日本語\n" * 50},
    "a long subject": {"subject": " ".join(f"word{number}" for number in range(120)), "text": "Hi"},
    "a file": {"subject": "File", "html": "<p>See the file</p>", "attachments": [{"filename": "Übersicht 表.pdf", "content": PDF}]},
    "a broadcast": {"subject": "News", "html": "<p>News</p>", "stream_type": "broadcast"},
    "many recipients": {"subject": "All", "text": "Hi", "cc": [f"Person {n} <p{n}@example.com>" for n in range(40)],
                        "reply_to": "help@acme.example"},
    "headers": {"subject": "Headers", "text": "Hi", "headers": {"References": "<a@b.example> " * 30, "X-Long": "x " * 400}},
}


def check(shapes, make):
    for name, shape in shapes.items():
        message = make(shape)
        passes(name, message)
        kinds = 0
        for kind, other in changed(message):
            fails(f"{name} with {kind} changed", other)
            kinds += 1
        print(f"ok: {name}: both signatures verify, and none after each of {kinds} changes")


def main():
    assert len(RECORDS) == 2, RECORDS
    check(SHAPES, lambda message: run("domain", "sign", DOMAIN, given=message))
    check(EMAILS, sent)
    unsigned = sent({"from": None, "subject": "Sandbox", "text": "Hi", "domain": "first-customer.sandbox.pillarbox.test"})
    assert verdicts(unsigned) == [], unsigned
    print("ok: mail of a sandbox domain goes out unsigned")


main()
