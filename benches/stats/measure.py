#!/usr/bin/env python3
"""Asks a running service for statistics, pages, an export and live events, while opens come in.

    measure.py URL OPERATOR_URL PID KEYS_FILE PIXELS_FILE EVENTS_PER_SECOND

Prints a line for each question. Every request counts from its first byte to its last.
"""

import asyncio
import datetime
import http.client
import json
import multiprocessing
import random
import socket
import sys
import time
import urllib.parse

ROUNDS = 200
FOLLOWERS = 1_000
PIPELINED = 50
WRITERS = 2


def percentiles(times):
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1_000
    return f"p50 {at(0.5):7.2f} ms   p99 {at(0.99):7.2f} ms"


def memory(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) / 1024


class Caller:
    def __init__(self, url):
        self.connection = http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc)

    def get(self, path, key, headers=()):
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {key}", **dict(headers)})
        answer = self.connection.getresponse()
        return answer.status, answer.read()


class Opens:
    """Fetches pixels at a rate, by processes of their own so that whoever measures has an interpreter alone."""

    def __init__(self, url, pixels, rate):
        self.writers = [Writer(url, pixels, rate / WRITERS) for _ in range(WRITERS)]

    def start(self):
        for writer in self.writers:
            writer.start()

    def done(self):
        return sum(writer.done.value for writer in self.writers)

    def stop(self):
        for writer in self.writers:
            writer.going.clear()
        for writer in self.writers:
            writer.join(10)


class Writer(multiprocessing.Process):
    """Fetches pixels at a rate, many in one write."""

    def __init__(self, url, pixels, rate):
        super().__init__(daemon=True)
        self.address, self.pixels, self.rate = urllib.parse.urlsplit(url), pixels, rate
        self.done, self.going = multiprocessing.Value("q", 0), multiprocessing.Event()
        self.going.set()

    def run(self):
        connection = socket.create_connection((self.address.hostname, self.address.port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began, chance = time.monotonic(), random.Random(self.pid)
        while self.going.is_set():
            ahead = self.done.value / self.rate - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)
            asked = "".join(f"GET {chance.choice(self.pixels)} HTTP/1.1\r\nHost: x\r\nUser-Agent: Thunderbird/{chance.randrange(99)}\r\n\r\n"
                            for _ in range(PIPELINED))
            connection.sendall(asked.encode())
            seen = 0
            while seen < PIPELINED:
                piece = connection.recv(1 << 20)
                if not piece:
                    return
                seen += piece.count(b"HTTP/1.1 ")
            self.done.value += PIPELINED


def statistics(caller, keys, chance):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    ago = lambda days: (today - datetime.timedelta(days)).isoformat()
    whole, hours = f"fromdate={ago(89)}", f"interval=hour&fromdate={ago(82)}"
    questions = {
        "usage": "/api/customer/usage",
        "totals of 90 days": f"/api/stats/outbound?{whole}",
        "totals of a tag": f"/api/stats/outbound?{whole}&tag=news",
        "90 days by tag": f"/api/stats/outbound?{whole}&by=tag",
        "90 days by client": f"/api/stats/outbound?{whole}&by=client",
        "opens of 90 days": f"/api/stats/outbound/opens?{whole}",
        "bounces by week": f"/api/stats/outbound/bounces?{whole}&interval=week",
        "sends of 1,992 hours": f"/api/stats/outbound/sends?{hours}",
        "health score": "/api/customer/health-score",
    }
    for name, path in questions.items():
        ask(caller, name, lambda: (path, chance.choice(keys)))
        ask(caller, name + ", the largest", lambda: (path, keys[0]))


def pages(caller, keys, chance):
    # How deep a customer's list is, and where its pages begin.
    cursors = {}
    for key in [keys[0], *chance.sample(keys, 5)]:
        path = "/api/v1/events?limit=1000"
        for _ in range(5):
            status, body = caller.get(path, key)
            cursor = json.loads(body).get("next_cursor")
            if cursor is None:
                break
            cursors[key] = cursor
            path = f"/api/v1/events?limit=1000&cursor={cursor}"
    deep = list(cursors.items())
    ask(caller, "events, first page", lambda: ("/api/v1/events", chance.choice(keys)))
    ask(caller, "events, first page, the largest", lambda: ("/api/v1/events", keys[0]))
    ask(caller, "events, deep by cursor", lambda: (lambda found: (f"/api/v1/events?cursor={found[1]}", found[0]))(chance.choice(deep)))
    ask(caller, "events of a type", lambda: ("/api/v1/events?type=bounced", chance.choice(keys)))
    ask(caller, "events of a type, the largest", lambda: ("/api/v1/events?type=bounced", keys[0]))
    person = lambda: f"/api/v1/events?recipient=person{chance.randrange(200_000)}%40"
    ask(caller, "events by a part of the recipient", lambda: (person(), chance.choice(keys)))
    ask(caller, "the same, the largest", lambda: (person(), keys[0]))
    some = lambda: f"/api/v1/events?recipient=son{chance.randrange(100)}"
    ask(caller, "by a part that some have, the largest", lambda: (some(), keys[0]))
    ask(caller, "by a part that many have, the largest", lambda: ("/api/v1/events?recipient=example7.com", keys[0]))
    ask(caller, "by a part that nobody has, the largest", lambda: ("/api/v1/events?recipient=nobody", keys[0]))
    ask(caller, "by a part of the author, the largest", lambda: ("/api/v1/events?from=noreply", keys[0]))
    ask(caller, "complaints, the largest", lambda: ("/api/v1/events?type=complained", keys[0]))
    ask(caller, "opens, the largest", lambda: ("/api/v1/events?type=opened", keys[0]))


def ask(caller, name, question):
    times = []
    for _ in range(ROUNDS):
        path, key = question()
        began = time.perf_counter()
        status, body = caller.get(path, key)
        times.append(time.perf_counter() - began)
        if status != 200:
            sys.exit(f"{path}: {status} {body[:300]}")
    print(f"{name:42} {percentiles(times)}", flush=True)


def export(caller, pid, key):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")
    before, began, lines = memory(pid, "VmRSS"), time.perf_counter(), 0
    caller.connection.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {key}", "Accept": "application/x-ndjson"})
    answer = caller.connection.getresponse()
    while piece := answer.read(1 << 20):
        lines += piece.count(b"\n")
    took = time.perf_counter() - began
    print(f"export: {lines} events in {took:.1f} s, {lines / took:,.0f}/s; memory {before:.0f} MiB before, "
          f"{memory(pid, 'VmHWM'):.0f} MiB at most", flush=True)


def applied(operator):
    """Waits until all opens are in the database, so that what is measured next does not wait behind them."""
    caller = Caller(operator)
    while True:
        _, metrics = caller.get("/metrics", "")
        lines = (line.split() for line in metrics.decode().splitlines())
        if any(line[0] == "pillarbox_hit_journal_bytes" and float(line[-1]) == 0 for line in lines if line):
            return
        time.sleep(0.5)


async def followers(url, pid, keys):
    before, address, lags = memory(pid, "VmRSS"), urllib.parse.urlsplit(url), []
    connections = []
    for number in range(FOLLOWERS):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        key = keys[number % len(keys)]
        writer.write(f"GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        connections.append((reader, writer))
    async def listen(reader):
        while line := await reader.readline():
            if line.startswith(b"data: "):
                seen = time.time()
                at = json.loads(line[6:])["created_at"]
                lags.append(seen - datetime.datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp())

    tasks = [asyncio.create_task(listen(reader)) for reader, _ in connections]
    await asyncio.sleep(2)
    each = (memory(pid, "VmRSS") - before) * 1024 / FOLLOWERS
    # What came while they connected waited for that.
    lags.clear()
    await asyncio.sleep(10)
    for task in tasks:
        task.cancel()
    for _, writer in connections:
        writer.close()
    print(f"{FOLLOWERS} followers: {each:.1f} KiB each; {len(lags)} events seen, {len(lags) / 10:,.0f}/s, "
          f"{percentiles(lags or [0])}", flush=True)


def main():
    url, operator, pid, keys, pixels, rate = sys.argv[1:]
    keys = open(keys, encoding="ascii").read().split()
    pixels = open(pixels, encoding="ascii").read().split()
    caller, chance, rate = Caller(url), random.Random(11), int(rate)
    opens = Opens(url, pixels, rate)
    opens.start()
    began = time.monotonic()
    statistics(caller, keys, chance)
    pages(caller, keys, chance)
    print(f"opens meanwhile: {opens.done() / (time.monotonic() - began):,.0f}/s of {rate}/s that were meant", flush=True)
    opens.stop()
    applied(operator)
    # The service has closed the other connection if this took long.
    export(Caller(url), pid, keys[0])
    few = Opens(url, pixels, min(rate, 200))
    few.start()
    asyncio.run(followers(url, pid, keys))
    few.stop()


if __name__ == "__main__":
    main()
