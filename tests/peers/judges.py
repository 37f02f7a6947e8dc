"""What independent programs say of a message, with the name server of the script as their only one."""

import json
import os
import subprocess
import time
import urllib.request

import dkim
import dns.resolver

DOMAIN = "acme.example"
BIN = os.environ["PILLARBOX_BIN"]


def ask_knot():
    """Has dnspython, by which all of them ask, speak to Knot alone and remember nothing."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers, resolver.port, resolver.cache = ["127.0.0.1"], int(os.environ["DNS_PORT"]), None
    dns.resolver.default_resolver = resolver
    return resolver


def send(subject, **more):
    """An email as it would leave: its return path and the message with its signatures."""
    body = {"from": f"Acme <news@{DOMAIN}>", "to": "ada@example.com", "subject": subject, "text": "Hello Ada\n", **more}
    headers = {"Authorization": f"Bearer {os.environ['KEY']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://{os.environ['API']}/api/send", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request) as answer:
        email_id = json.load(answer)["email_id"]
    for _ in range(100):
        done = subprocess.run([BIN, "mailbox", "show", email_id, "--source"], capture_output=True, check=False)
        if done.returncode == 0:
            head, message = done.stdout.split(b"\r\n", 1)
            assert head.startswith(b"Return-Path: <"), head
            return head.decode()[len("Return-Path: <"):-1], message
        time.sleep(0.1)
    raise SystemExit(f"{email_id} was not captured: {done.stderr.decode()}")


def signatures(message):
    """The selector of each signature with what dkimpy says of it, asking the DNS."""
    found = {}
    for index in range(message.lower().count(b"dkim-signature:")):
        verifier = dkim.DKIM(message, minkey=1024)
        try:
            good = verifier.verify(index)
        except dkim.DKIMException as error:
            good = f"{type(error).__name__}: {error}"
        found[verifier.signature_fields[b"s"].decode()] = good
    return found


def run(*words):
    return subprocess.run([BIN, *words], stdout=subprocess.PIPE, check=True).stdout


def show():
    return json.loads(run("domain", "show", DOMAIN, "--json"))["domain"]
