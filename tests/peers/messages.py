"""The messages of messages.sh: sent by the API, captured, and taken apart by Python's email package."""

import base64
import email
import email.header
import email.policy
import email.utils
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request

BIN = os.environ["PILLARBOX_BIN"]
LINE_BYTES_MAX = 998
ADA = "Ada <ada@example.com>"


def send(body):
    request = urllib.request.Request(
        f"http://{os.environ['API']}/api/send",
        json.dumps({"to": ADA, "track_opens": False, "track_clicks": False, **body}).encode(),
        {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["email_id"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{body}: {error.read().decode()}")


def captured(email_id):
    for _ in range(100):
        done = subprocess.run([BIN, "mailbox", "show", email_id, "--source"], capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout
        time.sleep(0.1)
    sys.exit(f"{email_id} was not captured: {done.stderr.decode()}")


def sound(name, raw, ascii_only=True):
    """What every server on the way may rely on (RFC 5322 section 2.1.1, RFC 2045 section 2)."""
    assert b"\0" not in raw, f"{name}: a NUL"
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is None, f"{name}: a bare CR or LF"
    assert raw.endswith(b"\r\n"), f"{name}: the last line has no end"
    longest = max(raw.split(b"\r\n"), key=len)
    assert len(longest) <= LINE_BYTES_MAX, f"{name}: a line of {len(longest)} bytes"
    assert not ascii_only or raw.isascii(), f"{name}: bytes that are not ASCII"
    head = raw.split(b"\r\n\r\n", 1)[0]
    for line in head.split(b"\r\n"):
        assert re.match(rb"[!-9;-~]+:|[ \t]+\S", line), f"{name}: {line!r} is no header line"
        assert len(line) <= 78 or not re.search(rb"\S\s", line[78:]), f"{name}: {line!r} could be folded"
    for word in re.findall(rb"=\?[^?]+\?[bq]\?[^?]*\?=", head, re.I):
        assert len(word) <= 75, f"{name}: an encoded word of {len(word)} bytes (RFC 2047 section 2)"


def lines(text):
    """Text with the line ends of mail, also at its end."""
    text = re.sub(r"\r\n|\r|\n", "\r\n", text)
    return text if text.endswith("\r\n") else f"{text}\r\n"


def digest(content):
    return hashlib.sha256(content).hexdigest()


def pairs(message, raw, field):
    """Names and addresses of a header. Python's newer parser puts a space between encoded words that follow each other,
    against RFC 2047 section 6.2, and knows no RFC 6532, so the older one reads what has either."""
    if not message[field]:
        return []
    if raw.isascii() and b"=?" not in raw.split(b"\r\n\r\n", 1)[0]:
        return [(address.display_name, address.addr_spec) for address in message[field].addresses]
    header = email.message_from_string(raw.decode(), policy=email.policy.compat32)[field]
    found = email.utils.getaddresses([re.sub(r"\r\n(?=[ \t])", "", header)])
    return [(str(email.header.make_header(email.header.decode_header(name))), address) for name, address in found]


def check(name, body, **expected):
    raw = captured(send(body))
    sound(name, raw, expected.pop("ascii_only", True))
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = list(message.walk())
    defects = [defect for part in parts for defect in [*part.defects, *(d for h in part.values() for d in h.defects)]]
    assert not defects or not raw.isascii(), f"{name}: {defects}"
    same = lambda what, wanted, given: wanted == given or sys.exit(f"{name}: {what}: wanted {wanted!r}, got {given!r}")
    same("subject", body["subject"], message["subject"])
    for field in ("to", "cc", "reply_to", "from"):
        if field in expected:
            same(field, expected[field], pairs(message, raw, field.replace("_", "-")))
    for header, value in expected.get("headers", {}).items():
        same(header, value, str(message[header]))
    assert message["bcc"] is None, f"{name}: Bcc is there"
    for kind, subtype in (("text", "plain"), ("html", "html")):
        if kind in body:
            part = message.get_body((subtype,))
            same(kind, lines(body[kind]), lines(part.get_content()))
            same(f"{kind} charset", "utf-8", part.get_content_charset())
    files = [part for part in parts if part.get_filename()]
    wanted = body.get("attachments", [])
    same("number of files", len(wanted), len(files))
    for given, file in zip(files, sorted(wanted, key=lambda file: "content_id" not in file)):
        content = given.get_payload(decode=True)
        same("filename", file["filename"], given.get_filename())
        same(f"content of {file['filename']}", digest(base64.b64decode(file["content"])), digest(content))
        same("disposition", "inline" if "content_id" in file else "attachment", given.get_content_disposition())
        if "content_type" in file:
            same("type", file["content_type"], given.get_content_type())
        if "content_id" in file:
            same("content id", f"<{file['content_id']}>", given["content-id"])
    print(f"ok: {name}: {len(raw)} bytes, {len(parts)} parts")


def file(filename, content, **more):
    return {"filename": filename, "content": base64.b64encode(content).decode(), **more}


RANDOM = random.Random(4)
NAMES = [
    "plain.pdf", "with space.txt", 'quo"te.txt', "semi;colon=equals.txt", "percent%20'quote'.txt", "back`tick$.txt",
    "Übersicht 表.csv", "日本語" * 27 + ".txt", "a" * 150 + ".bin", "ö" * 60 + " " + "x" * 60 + ".txt", "👋🏽 wave.png",
    "e\u0301 combining.txt", "(comment).txt", "comma, comma.txt", "tail'.txt", "*star*.txt",
]
SUBJECTS = [
    "Hello", "", " ", "a  b", "Grüße", "日本語" * 60, "👋🏽" * 50, "word " * 190 + "end", "x" * 990, "=?utf-8?q?not_encoded?=",
    "=?", "ends in =?=", "a" * 70 + "ü" + "b" * 70, "ü ü  ü", "quote \" and \\ backslash", "日 a 本 b 語 c " * 20,
    "e\u0301" * 40,
]
NAMES_OF_PEOPLE = [
    ("Ada", "ada@example.com"), ("Lovelace, Ada", "ada@example.com"), ("Ada \"the first\" L.", "ada@example.com"),
    ("Jürgen Müller", "juergen@example.com"), ("日本 太郎", "taro@example.com"), ("A. B. (C)", "abc@example.com"),
    ("ü" * 200, "long@example.com"), ("word " * 40 + "end", "words@example.com"), ("back\\slash", "b@example.com"),
    ("a@b.example", "at@example.com"), ("", "bare@example.com"),
]
TEXTS = [
    "Hi", "Hi\n", ".\n..\n.dot\n", "a\n\n\n", "trailing  \nspaces \t\n", "\n\nleading", "Grüße\n日本語 👋🏽\n", "x" * 5_000 + "\n",
    "ü" * 5_000 + "\n", "From here\n>From there\n", "= equals =3D\n", "mixed\r\nline\rends\nhere", "form\x0cfeed and bell\x07", "a\u2028b\u0085c\n",
    " " * 2_000 + "x", "--\n--=_boundary\n--\n", "\tTabs\tinside\t\n" * 50, "line of a thousand " * 60,
]


def quoted(name, address):
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>' if name else address


def main():
    for at, subject in enumerate(SUBJECTS):
        if subject.strip():
            check(f"subject {at}", {"subject": subject, "text": "Hi"})
    for at, (name, address) in enumerate(NAMES_OF_PEOPLE):
        body = {"subject": "Names", "text": "Hi", "to": quoted(name, address), "reply_to": quoted(name, address)}
        check(f"name {at}", body, to=[(name, address)], reply_to=[(name, address)])
    everybody = [quoted(name, f"p{at}-{address}") for at, (name, address) in enumerate(NAMES_OF_PEOPLE)]
    check("everybody in cc", {"subject": "All", "text": "Hi", "cc": everybody, "bcc": ["secret@example.com"]},
          cc=[(name, f"p{at}-{address}") for at, (name, address) in enumerate(NAMES_OF_PEOPLE)])
    check("an address that needs quotes", {"subject": "Quotes", "text": "Hi", "to": '"a b"@example.com'},
          to=[("", '"a b"@example.com')])
    check("an international domain", {"subject": "IDNA", "text": "Hi", "to": "ada@bücher.example"},
          to=[("", "ada@xn--bcher-kva.example")])
    check("an international address", {"subject": "EAI", "text": "Hi", "to": "Zoë <zoë@example.com>"},
          to=[("Zoë", "zoë@example.com")], ascii_only=False)
    for at, text in enumerate(TEXTS):
        check(f"text {at}", {"subject": "Text", "text": text})
        check(f"html {at}", {"subject": "Html", "html": f"<pre>{text}</pre>", "text": text})
    for filename in NAMES:
        check(f"file {filename[:20]}", {"subject": "File", "text": "Hi", "attachments": [file(filename, filename.encode())]})
    contents = [b"", b"\0", b"\r", b"a\nb\r\nc\r", bytes(range(256)) * 300, RANDOM.randbytes(100_001), b".\r\n..\r\n"]
    check("contents", {"subject": "Files", "html": "<p>Hi</p>", "attachments": [
        file(f"{at}.bin", content, content_type="application/x-thing") for at, content in enumerate(contents)]})
    check("inline images", {"subject": "Images", "html": "<img src=cid:a@b><img src=cid:logo>", "text": "Images", "attachments": [
        file("a.png", b"\x89PNG\r\n\x1a\n", content_id="a@b", content_type="image/png"),
        file("logo.gif", b"GIF89a", content_id="logo", content_type="image/gif"),
        file("report.txt", "Grüße".encode(), content_type="text/plain")]})
    references = " ".join(f"<{number}@example.com>" for number in range(30))
    check("headers", {"subject": "Headers", "text": "Hi", "headers": {"References": references, "X-Long": "word " * 150 + "end",
          "X-Unicode": "Grüße " * 30 + "end"}}, headers={"References": references, "X-Long": "word " * 150 + "end",
          "X-Unicode": "Grüße " * 30 + "end"})
    check("a broadcast", {"subject": "News", "html": "<p>News</p>", "stream_type": "broadcast"},
          headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"})


main()
