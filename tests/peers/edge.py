#!/usr/bin/env python3
"""Kills an edge node, its origin and both at random instants, with the network between them cut, and counts at home.

  tests/peers/edge.py [--kills N] [--seed N] [--pause SECONDS]

Readers fetch pixels and links of the node, without a pause unless one is asked for, each time under another name. The node runs in a network
namespace of its own: one pair of interfaces leads to its readers, another to the origin, which is cut and, where the
kernel has netem, slowed down and made lossy. Beside the readers a provider posts notifications to a source of the origin. One of
the two processes, or both, is killed with SIGKILL and started again, N times. In the end every hit that was answered must be an
event at home exactly once, every notification a row of the inbox, and none may be there that nobody asked for.
It needs root and `ip`. PILLARBOX_BIN names the binary to try.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("PILLARBOX_BIN", ROOT / "target/release/pillarbox")
READERS = 8
SENDERS = 2
# Seconds between two notifications of one sender: the inbox keeps 10,000 that changed nothing.
SENDING = 0.05
SECRET = "a-word-that-proves-it"
ROWS = 10_000
PAGE = 1000
NAMESPACE = f"pillarbox{os.getpid()}"
# Interfaces and addresses of this side and of the node's: to the origin, and to the readers.
HOME, READING = (f"pbh{os.getpid()}", "10.213.7"), (f"pbr{os.getpid()}", "10.213.8")


def ip(*words, quiet=False):
    done = subprocess.run(["ip", *words], capture_output=True, check=False)
    if done.returncode and not quiet:
        sys.exit(f"FAILED: ip {' '.join(words)}: {done.stderr.decode().strip()}")


class Network:
    """The node's namespace, and its two pairs of interfaces."""

    def __enter__(self):
        ip("netns", "add", NAMESPACE)
        ip("-n", NAMESPACE, "link", "set", "lo", "up")
        for name, net in (HOME, READING):
            ip("link", "add", name, "type", "veth", "peer", "name", name + "n", "netns", NAMESPACE)
            ip("addr", "add", f"{net}.1/24", "dev", name)
            ip("-n", NAMESPACE, "addr", "add", f"{net}.2/24", "dev", name + "n")
            ip("link", "set", name, "up")
            ip("-n", NAMESPACE, "link", "set", name + "n", "up")
        netem = ["tc", "qdisc", "add", "dev", HOME[0], "root", "netem", "delay", "20ms", "10ms", "loss", "2%"]
        self.is_slow = subprocess.run(netem, capture_output=True, check=False).returncode == 0
        return self

    def __exit__(self, *_):
        for name, _net in (HOME, READING):
            ip("link", "del", name, quiet=True)
        ip("netns", "del", NAMESPACE, quiet=True)

    def cut(self):
        ip("link", "set", HOME[0], "down")

    def mend(self):
        ip("link", "set", HOME[0], "up")


class Process:
    def __init__(self, folder, command, settings, operator, prefix=()):
        self.command_line, self.operator = [*prefix, BINARY, command], operator
        self.log = open(folder / f"{command}.log", "ab")
        self.environment = os.environ | {
            "PILLARBOX_DATA_DIR": str(folder / command), "PILLARBOX_SMTP_LISTEN": "off", "PILLARBOX_LOG_LEVEL": "warn",
            "PILLARBOX_OPERATOR_LISTEN": f"{operator[0]}:{operator[1]}", "PILLARBOX_REQUESTS_PER_MINUTE": "0",
        } | settings
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command_line, env=self.environment, stdout=self.log, stderr=self.log)
        wait_for(f"the start of {self.command_line[-1]}", lambda: self.page("/readyz")[0] == 200)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def page(self, path):
        try:
            connection = http.client.HTTPConnection(*self.operator, timeout=5)
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def metric(self, name):
        lines = self.page("/metrics")[1].splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name + " ")), None)

    def command(self, *words):
        done = subprocess.run([BINARY, *words, "--json"], env=self.environment, capture_output=True, check=False)
        if done.returncode:
            sys.exit(f"FAILED: {' '.join(words)}: {done.stderr.decode()}")
        return json.loads(done.stdout)


class Reader(threading.Thread):
    """Fetches one link again and again, and keeps the name of each hit that was answered."""

    def __init__(self, address, path, status, name, pause):
        super().__init__(daemon=True)
        self.address, self.path, self.status, self.name_of, self.pause = address, path, status, name, pause
        self.asked, self.answered, self.wrong, self.is_over = set(), set(), [], False

    def run(self):
        number, connection = 0, None
        while not self.is_over:
            number += 1
            hit = f"reader/{self.name_of}/{number}"
            try:
                connection = connection or http.client.HTTPConnection(*self.address, timeout=30)
                self.asked.add(hit)
                connection.request("GET", self.path, headers={"User-Agent": hit})
                answer = connection.getresponse()
                answer.read()
                if answer.status == self.status:
                    self.answered.add(hit)
                else:
                    self.wrong.append(answer.status)
                time.sleep(self.pause)
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.005)


class Sender(threading.Thread):
    """Posts notifications, each of another length, and keeps the lengths of those that were answered."""

    def __init__(self, address, path, number):
        super().__init__(daemon=True)
        self.address, self.path, self.number = address, path, number
        self.asked, self.answered, self.wrong, self.is_over = set(), set(), [], False

    def run(self):
        length, connection = 10 + self.number, None
        headers = {"Content-Type": "application/json", "X-Secret": SECRET}
        while not self.is_over:
            length += SENDERS
            try:
                connection = connection or http.client.HTTPConnection(*self.address, timeout=30)
                self.asked.add(length)
                connection.request("POST", self.path, "{}" + " " * (length - 2), headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered.add(length)
                else:
                    self.wrong.append(answer.status)
            except (OSError, http.client.HTTPException):
                connection = None
            time.sleep(SENDING)


def wait_for(what, holds, patience=180):
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"FAILED: {what} never comes")
        time.sleep(0.02)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def call(port, key, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    return json.loads(connection.getresponse().read())


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=100)
    arguments.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments.add_argument("--pause", type=float, default=0.0)
    asked = arguments.parse_args()
    if os.geteuid() != 0:
        sys.exit("It needs root, for network namespaces.")
    random.seed(asked.seed)
    with tempfile.TemporaryDirectory(prefix="pillarbox-edge.") as folder, Network() as network:
        run(pathlib.Path(folder), network, asked)


def run(folder, network, asked):
    port, node_port, edge_port = free_port(), free_port(), 8080
    node_listen = f"{HOME[1]}.1:{node_port}"
    origin = Process(folder, "serve", {"PILLARBOX_LISTEN": f"127.0.0.1:{port}", "PILLARBOX_NODE_LISTEN": node_listen},
                     ("127.0.0.1", free_port()))
    edge = Process(folder, "edge", {"PILLARBOX_LISTEN": f"{READING[1]}.2:{edge_port}", "PILLARBOX_EDGE_WEBHOOKS": "on"},
                   (f"{READING[1]}.2", 9090), ["ip", "netns", "exec", NAMESPACE])
    origin.start()
    made = origin.command("customer", "create", "--name", "Acme", "--email", "acme@example.org")
    origin.command("customer", "features", "--email", "acme@example.org", "--event-tracking", "on", "--event-api", "on")
    html = '<p>Read <a href="https://example.com/start">this</a>.</p>'
    emails = [call(port, made["api_key"], "POST", "/api/send",
                   {"to": f"reader{number}@example.com", "subject": "Hello", "html": html})["email_id"]
              for number in range(READERS)]
    wait_for("the mail", lambda: origin.command("mailbox", "list")["total"] == READERS)
    token = origin.command("node", "invite", "edge-1")["token"]
    joining = subprocess.run([*edge.command_line, "join", token], env=edge.environment, capture_output=True, check=False)
    if joining.returncode:
        sys.exit(f"FAILED: the node does not join: {joining.stderr.decode()}")
    url = origin.command("source", "add", "hooks", "--scheme", "header", "--header", "x-secret", "--secret", SECRET)["url"]
    edge.start()
    address, hooks = (f"{READING[1]}.2", edge_port), url[url.index("/webhooks/in/"):]
    wait_for("the source at the node", lambda: status_of(address, hooks) == 200)

    readers = []
    for number, email in enumerate(emails):
        shown = origin.command("mailbox", "show", email)["html"]
        kind, status = (("o", 200), ("c", 302))[number % 2]
        path = "/track/" + shown.split(f"/track/{kind}/")[1].split('"')[0]
        path = path.replace("/track/", f"/track/{kind}/", 1)
        readers.append(Reader(address, path, status, str(number), asked.pause))
    senders = [Sender(address, hooks, number) for number in range(SENDERS)]
    for thread in readers + senders:
        thread.start()
    began, cuts, killed = time.monotonic(), 0, collections.Counter()
    for kill in range(1, asked.kills + 1):
        time.sleep(random.uniform(0.0, 0.4))
        is_cut = random.random() < 0.4
        if is_cut:
            network.cut()
            cuts += 1
            time.sleep(random.uniform(0.0, 0.6))
        which = random.choice(("edge", "origin", "both"))
        killed[which] += 1
        victims = {"edge": [edge], "origin": [origin], "both": [origin, edge]}[which]
        for victim in victims:
            victim.process.kill()
        for victim in victims:
            victim.kill()
        # A node starts and answers without its origin.
        for victim in random.sample(victims, len(victims)):
            if is_cut and victim is origin:
                network.mend()
            victim.start()
        if is_cut:
            time.sleep(random.uniform(0.0, 0.6))
            network.mend()
        if sys.stderr.isatty():
            print(f"\r{kill} of {asked.kills} kills", end="", file=sys.stderr)
    for thread in readers + senders:
        thread.is_over = True
    for thread in readers + senders:
        thread.join()
    stopped = time.monotonic()
    wait_for("an empty journal", lambda: edge.metric("pillarbox_hit_journal_bytes") == 0)
    wait_for("an empty spool", lambda: edge.metric("pillarbox_edge_notifications") == 0)
    caught_up = time.monotonic() - stopped

    there = collections.Counter()
    for email in emails:
        before = ""
        while True:
            path = f"/api/v1/events?email_id={email}&limit={PAGE}{before}"
            events = call(port, made["api_key"], "GET", path)["events"]
            there.update(name for event in events if (name := event["event_data"].get("user_agent")))
            if len(events) < PAGE:
                break
            before = f"&cursor={events[-1]['id']}"
    rows = origin.command("inbox", "list", "--source", "hooks", "--limit", str(ROWS))["rows"]
    origin.kill()
    edge.kill()
    is_right = check_notifications(senders, collections.Counter(row["bytes"] for row in rows))
    answered = set().union(*(reader.answered for reader in readers))
    known = set().union(*(reader.asked for reader in readers))
    wrong = [status for reader in readers for status in reader.wrong]
    lost = [hit for hit in answered if hit not in there]
    twice = [hit for hit, times in there.items() if times > 1]
    foreign = [hit for hit in there if hit not in known]
    print(f"{asked.kills} kills ({', '.join(f'{which} {count}' for which, count in sorted(killed.items()))}), {cuts} cuts"
          f"{', delay and loss' if network.is_slow else ', no delay (the kernel has no netem)'}, in {stopped - began:.0f} s, "
          f"seed {asked.seed}: {len(answered)} hits answered, {len(there)} at home, {len(lost)} lost, {len(twice)} twice, "
          f"{len(foreign)} that nobody asked for; the last was at home {caught_up:.1f} s after the end")
    if lost or twice or foreign or wrong:
        sys.exit(f"FAILED: {(lost or twice or foreign or wrong)[:3]}")
    if not is_right:
        sys.exit("FAILED: notifications")


def status_of(address, path):
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request("GET", path)
    return connection.getresponse().status


def check_notifications(senders, there):
    answered = set().union(*(sender.answered for sender in senders))
    known = set().union(*(sender.asked for sender in senders))
    wrong = [status for sender in senders for status in sender.wrong]
    lost = [length for length in answered if length not in there]
    twice = [length for length, times in there.items() if times > 1]
    foreign = [length for length in there if length not in known]
    print(f"{len(answered)} notifications answered, {len(there)} at home, {len(lost)} lost, {len(twice)} twice, "
          f"{len(foreign)} that nobody posted, {len(wrong)} refused")
    return not (lost or twice or foreign or wrong)


main()
