#!/usr/bin/env python3
"""Fills the database of a service that does not run with events of 200 customers over 90 days.

    generate.py DATA_DIR EVENTS

The directory is that of a service that ran once, so that its tables are there. Events come in the order of their times, as
they would have been recorded. Counters of statistics are not filled: `pillarbox
stats rebuild` does that, and is timed by it. The keys of the
customers are printed, one a line, that of the largest first.
"""

import hashlib
import heapq
import json
import random
import sqlite3
import sys
import time

CUSTOMERS = 200
DAYS = 90
# Events that an email has here, on average.
EVENTS_OF_EMAIL = 5.0
# Part of all emails that the first customer has.
LARGEST = 0.1
TAGS = ["", "welcome", "receipt", "news", "reset"]
CLIENTS = [("human", 10, "thunderbird"), ("human", 30, "apple-mail"), ("suspicious", 60, "gmail-proxy"), ("scanner", 95, "curl")]
BATCH = 20_000


def new_id(at, random_bits):
    """A UUID of version 7."""
    tail = random_bits.getrandbits(74)
    text = f"{at:012x}7{tail >> 62:03x}{8 | (tail >> 60 & 3):x}{tail & (1 << 60) - 1:015x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def events_of(chance, at):
    """What happens to an email that is submitted now: type, time, data."""
    yield "queued", at, {}
    yield "sent", at + 40, {}
    answered = {"host": "mx.example.net", "response": "250 2.0.0 Ok", "attempt": 1, "smtp_code": 250}
    if chance.random() < 0.02:
        kind = chance.choice(["hard", "soft"])
        yield "bounced", at + 900, {"bounce_type": kind, "reason": "550 no", "class": chance.choice(["bad_address", "policy"])}
        return
    yield "delivered", at + 900, answered
    if chance.random() < 0.001:
        yield "complained", at + 7_200_000, {"feedback_type": "abuse"}
    for kind, share in ("opened", 0.45), ("clicked", 0.15):
        while chance.random() < share:
            word, confidence, rule = chance.choice(CLIENTS)
            data = {"ip": f"203.0.113.{chance.randrange(256)}", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) " + rule}
            if kind == "clicked":
                data |= {"url": "https://example.com/offer", "link": chance.randrange(5)}
            data["client"] = {"confidence": confidence, "class": word, "reason": "as it seems", "rules": [rule]}
            yield kind, at + int(chance.expovariate(1 / 20_000_000)), data


class Addresses:
    """The texts that a part of an address is looked for in, as the service makes them."""

    CHARS_MAX = 3_400

    def __init__(self):
        self.texts, self.part_of = {}, {}

    def enter(self, customer, email, recipient, sender):
        return [(customer, role, address, email, self.part(customer, role, address))
                for role, address in (("to", recipient), ("from", sender))]

    def part(self, customer, role, address):
        known = self.part_of.setdefault((customer, role), {}).get(address)
        if known is None:
            texts = self.texts.setdefault((customer, role), [])
            if not texts or texts[-1][0] >= self.CHARS_MAX:
                texts.append([1, ["\n"]])
            texts[-1][0] += len(address) + 1
            texts[-1][1].append(address + "\n")
            known = self.part_of[customer, role][address] = len(texts)
        return known

    def parts(self):
        for (customer, role), texts in self.texts.items():
            for number, (_, pieces) in enumerate(texts, 1):
                yield customer, role, number, "".join(pieces)


def main():
    directory, wanted = sys.argv[1], int(sys.argv[2])
    chance = random.Random(7)
    database = sqlite3.connect(f"{directory}/pillarbox.db")
    database.executescript("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -400000;")
    addresses = Addresses()
    now = int(time.time() * 1000)
    begin = now - DAYS * 86_400_000
    customers = []
    for number in range(CUSTOMERS):
        customer, domain = new_id(begin + number, chance), new_id(begin + number, chance)
        key = "ml_live_" + hashlib.sha256(f"bench {number}".encode()).hexdigest()
        database.execute(
            "INSERT INTO customers VALUES (?, ?, ?, 'active', 1000000000, 9, 0, NULL, 1, 1, 1, 1, 1, 'full', ?)",
            (customer, f"Customer {number}", f"customer{number}@example.org", begin))
        database.execute("INSERT INTO api_keys VALUES (?, ?, 0, 'ml_live_', ?, NULL)",
                         (hashlib.sha256(key.encode()).digest(), customer, begin))
        name = f"customer{number}.sandbox.pillarbox.test"
        database.execute(
            "INSERT INTO domains (id, customer_id, name, status, sandbox, created_at, verified_at, verified_by, "
            "ownership_token, checks_began_at) VALUES (?, ?, ?, 'verified', 1, ?, ?, 'service', '', ?)",
            (domain, customer, name, begin, begin, begin))
        scopes, sql = [], "INSERT INTO stat_scopes (customer_id, domain_id, tag, stream_type, whole_id) VALUES (?, ?, ?, ?, ?)"
        whole = database.execute(sql, (customer, "", "", "", None)).lastrowid
        for tag in TAGS:
            for stream in "transactional", "broadcast":
                row = database.execute(sql, (customer, domain, tag, stream, whole))
                scopes.append((row.lastrowid, tag, stream))
        customers.append((customer, domain, f"noreply@{name}", scopes))
        print(key)
    emails = int(wanted / EVENTS_OF_EMAIL)
    step = DAYS * 86_400_000 / emails
    waiting, made, rows = [], 0, {"emails": [], "recipients": [], "event_addresses": [], "events": []}
    columns = {"emails": 17, "recipients": 5, "event_addresses": 5, "events": 10}

    def store(least):
        for table, batch in rows.items():
            if len(batch) >= least:
                database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns[table])})", batch)
                batch.clear()

    for number in range(emails):
        at = begin + int(number * step)
        which = 0 if chance.random() < LARGEST else chance.randrange(CUSTOMERS)
        customer, domain, sender, scopes = customers[which]
        scope, tag, stream = chance.choice(scopes)
        email, recipient = new_id(at, chance), f"person{chance.randrange(200_000)}@example{chance.randrange(50)}.com"
        rows["emails"].append((email, customer, domain, email, sender, recipient, "Hello", tag or None, stream, None,
                               "delivered", None, at, None, 1, None, scope))
        rows["recipients"].append((email, recipient, "to", "delivered", 0))
        rows["event_addresses"] += addresses.enter(customer, email, recipient, sender)
        for kind, happened, data in events_of(chance, at):
            if happened < now:
                heapq.heappush(waiting, (happened, made, email, customer, kind, recipient, sender, data))
                made += 1
        while waiting and (waiting[0][0] <= at or number == emails - 1):
            happened, _, email, customer, kind, recipient, sender, data = heapq.heappop(waiting)
            rows["events"].append((new_id(happened, chance), email, customer, kind, "delivered", recipient, sender, happened,
                                   json.dumps(data, separators=(",", ":")), happened))
        store(BATCH)
    store(1)
    database.executemany("INSERT INTO event_address_parts VALUES (?, ?, ?, ?)", addresses.parts())
    database.execute("INSERT INTO event_counts SELECT customer_id, event_type, occurred_at - occurred_at % 86400000, COUNT(*) "
                     "FROM events GROUP BY 1, 2, 3")
    database.execute("PRAGMA foreign_keys = ON")
    database.commit()
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


if __name__ == "__main__":
    main()
