#!/usr/bin/env python3
"""Kills the service at random instants while mail goes through it, and counts what a mail server got.

  tests/peers/kill.py [--kills N] [--seed N]

Clients send over HTTP without a pause; a server of this script takes the mail and notes the id of each message just
before it answers 250. The service is killed with SIGKILL and started again, N times. In the end every email whose
sender was told so must have arrived, and one that arrived twice must be one that the server had answered 250 for
before the kill: then nobody can know. PILLARBOX_BIN names the binary to try.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PILLARBOX_BIN", ROOT / "target/release/pillarbox")
CLIENTS = 8
ID = re.compile(rb"^X-Pillarbox-Email-Id: *(\S+)", re.MULTILINE | re.IGNORECASE)


class Taking(socketserver.StreamRequestHandler):
    """One SMTP session of a server that takes everything."""

    def handle(self):
        try:
            self.converse()
        except OSError:
            pass

    def converse(self):
        self.say("220 sink.example ESMTP")
        while line := self.rfile.readline(4096):
            verb = line.split(b" ")[0].strip().upper()
            if verb == b"EHLO":
                self.say("250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8")
            elif verb == b"DATA":
                self.say("354 go on")
                self.take()
            elif verb == b"QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")

    def take(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return
            lines.append(line)
        email_id = ID.search(b"".join(lines)).group(1).decode()
        with self.server.lock:
            self.server.taken[email_id].append(self.server.life)
        self.say("250 taken")

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")


class Sink(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Taking)
        self.lock, self.taken, self.life = threading.Lock(), collections.defaultdict(list), 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    def __init__(self, folder, sink):
        self.port, self.operator_port = free_port(), free_port()
        self.log = open(folder / "log", "ab")
        self.environment = os.environ | {
            "PILLARBOX_DATA_DIR": str(folder / "data"), "PILLARBOX_LISTEN": f"127.0.0.1:{self.port}",
            "PILLARBOX_OPERATOR_LISTEN": f"127.0.0.1:{self.operator_port}", "PILLARBOX_SMTP_LISTEN": "off",
            "PILLARBOX_OUTLET": "relay", "PILLARBOX_RELAY_URL": f"smtp://127.0.0.1:{sink.server_address[1]}",
            "PILLARBOX_REQUESTS_PER_MINUTE": "0", "PILLARBOX_LOG_LEVEL": "warn",
        }

    def start(self):
        self.process = subprocess.Popen([BINARY, "serve"], env=self.environment, stdout=self.log, stderr=self.log)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.operator_port, timeout=5)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.005)
        sys.exit("FAILED: the service does not start")

    def command(self, *words):
        done = subprocess.run([BINARY, *words, "--json"], env=self.environment, capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"FAILED: {' '.join(words)}: {done.stderr.decode()}")
        return json.loads(done.stdout)


class Client(threading.Thread):
    """Sends without a pause, and keeps the id of everything that was taken."""

    def __init__(self, service, key):
        super().__init__(daemon=True)
        self.service, self.key, self.told, self.wrong, self.is_over = service, key, [], [], False

    def run(self):
        number, connection = 0, None
        headers = {"Authorization": "Bearer " + self.key, "Content-Type": "application/json"}
        while not self.is_over:
            number += 1
            body = {"to": f"reader{number % 50}@example.org", "subject": f"Letter {number}", "text": "Hello.\n"}
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=30)
                connection.request("POST", "/api/send", json.dumps(body | {"domain": "acme.example"}), headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status == 200:
                    self.told.append(json.loads(text)["email_id"])
                elif answer.status != 503:
                    self.wrong.append(text.decode())
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.002)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    asked = arguments.parse_args()
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="pillarbox-kill.") as folder:
        run(pathlib.Path(folder), asked)


def run(folder, asked):
    sink = Sink()
    service = Service(folder, sink)
    service.start()
    made = service.command("customer", "create", "--name", "Acme", "--email", "acme@example.org")
    service.command("customer", "limits", "--email", "acme@example.org", "--monthly", "1000000000")
    service.command("domain", "add", "acme.example", "--customer", "acme@example.org", "--assume-verified")
    clients = [Client(service, made["api_key"]) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    began = time.monotonic()
    for kill in range(1, asked.kills + 1):
        time.sleep(random.uniform(0.0, 0.25))
        with sink.lock:
            sink.life += 1
            service.process.kill()
        service.process.wait()
        service.start()
        if sys.stderr.isatty():
            print(f"\r{kill} of {asked.kills} kills", end="", file=sys.stderr)
    for client in clients:
        client.is_over = True
    for client in clients:
        client.join()
    told = [email_id for client in clients for email_id in client.told]
    wrong = [text for client in clients for text in client.wrong]
    end = time.monotonic() + 120
    while time.monotonic() < end and service.command("queue", "list")["total"]:
        time.sleep(0.2)
    left = service.command("queue", "list")["total"]
    service.process.kill()

    lost = [email_id for email_id in told if email_id not in sink.taken]
    twice = {email_id: lives for email_id, lives in sink.taken.items() if len(lives) > 1}
    # The server took it in one life of the service and again in a later one: its 250 was never read.
    doubled_for_nothing = [email_id for email_id, lives in twice.items() if len(set(lives)) < len(lives)]
    print(f"{asked.kills} kills in {time.monotonic() - began:.0f} s, seed {asked.seed}: {len(told)} emails acknowledged, "
          f"{len(sink.taken)} arrived, {len(lost)} lost, {len(twice)} arrived twice after a 250 that was not read, "
          f"{len(doubled_for_nothing)} doubled without a kill between, {left} still queued")
    if lost or doubled_for_nothing or left or wrong:
        sys.exit(f"FAILED: {(lost or doubled_for_nothing or wrong)[:3]}")


main()
