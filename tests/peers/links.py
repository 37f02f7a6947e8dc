"""The newsletters of links.sh, sent with and without tracking, read by Chromium, and their tracked links followed."""

import email
import email.policy
import http.client
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

BIN, API, KEY = os.environ["PILLARBOX_BIN"], os.environ["API"], os.environ["KEY"]
WORK = pathlib.Path(os.environ["WORK"])
FIXTURES = pathlib.Path("tests/fixtures")
TRACKER = f"http://{API}/track/c/"
# Every link of a document, as the address stands there and without the spaces around it.
PAGE = """<!doctype html><meta charset=utf-8><script>
const found = DOCUMENTS.map(html => [...new DOMParser().parseFromString(html, 'text/html').querySelectorAll('a[href], area[href]')]
    .map(link => link.getAttribute('href').replace(/^[\\0- ]+|[\\0- ]+$/g, '')));
document.title = JSON.stringify(found.map(list => list.map(encodeURIComponent)));
</script>"""


def newsletters():
    for path in sorted((FIXTURES / "newsletters").glob("*.html")):
        yield path.name, path.read_text()
    for line in (FIXTURES / "webhooks/mail.jsonl").read_text().splitlines():
        mail = json.loads(line)
        message = email.message_from_string(mail["body"], policy=email.policy.default)
        for part in message.walk():
            if part.get_content_type() == "text/html":
                html = part.get_payload(decode=True).decode("utf-8", "replace")
                if "href" in html.lower():
                    yield mail["id"], html


def sent(html, tracked):
    body = {"to": "ada@example.com", "subject": "News", "html": html, "text": "News", "vars": {"id": "7"},
            "track_clicks": tracked, "track_opens": tracked}
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{API}/api/send", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as answer:
            email_id = json.load(answer)["email_id"]
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())
    for _ in range(100):
        done = subprocess.run([BIN, "mailbox", "show", email_id, "--html"], capture_output=True, check=False)
        if done.returncode == 0:
            return done.stdout.decode()
        time.sleep(0.1)
    sys.exit(done.stderr.decode())


def links(documents):
    """What Chromium finds in each document."""
    page = WORK / "links.html"
    page.write_text(PAGE.replace("DOCUMENTS", json.dumps(documents).replace("<", "\\u003c")))
    profile = WORK / "profile"
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}", "--dump-dom"]
    shown = subprocess.run([*browser, f"file://{page}"], capture_output=True, check=True, timeout=120).stdout.decode()
    found = json.loads(shown.split("<title>")[1].split("</title>")[0])
    return [[urllib.parse.unquote(link) for link in document] for document in found]


def destination(link):
    connection = http.client.HTTPConnection(API)
    connection.request("GET", urllib.parse.urlsplit(link).path)
    answer = connection.getresponse()
    assert answer.status == 302, (link, answer.status)
    return answer.headers["Location"]


def as_location(url):
    """A header is ASCII; what is not is percent-encoded on the way, as browsers do it too."""
    return "".join(letter if letter.isascii() else urllib.parse.quote(letter) for letter in url)


def main():
    names, documents = zip(*newsletters())
    plain = links([sent(html, False) for html in documents])
    tracked = links([sent(html, True) for html in documents])
    followed = kept = 0
    for name, before, after in zip(names, plain, tracked):
        assert len(before) == len(after), f"{name}: {len(before)} links became {len(after)}"
        for old, new in zip(before, after):
            if new.startswith(TRACKER):
                assert destination(new) == as_location(old), f"{name}: {old} became {destination(new)}"
                followed += 1
            else:
                assert new == old, f"{name}: {old} became {new}"
                kept += 1
        print(f"ok: {name}: {sum(link.startswith(TRACKER) for link in after)} of {len(after)} links are tracked")
    assert followed > 40 and kept > 20, (followed, kept)
    print(f"ok: {followed} tracked links lead where they led, {kept} others are as they were")


main()
