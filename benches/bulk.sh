#!/usr/bin/env bash
# One letter to many recipients: how long its sender waits, how much memory it takes, and how long other senders wait
# meanwhile.
#   benches/bulk.sh [RECIPIENTS]
. "$(dirname "$0")/service.sh"
recipients=${1:-10000}
need curl python3

export PILLARBOX_SMTP_LISTEN=off
start_service
make_customer
# The first start compiles plugins, and what that took is given back late.
stop_service
start_service
sleep 2
python3 - "$PILLARBOX_LISTEN" "$key" "$service" "$recipients" <<'END'
import http.client, json, sys, threading, time
address, key, service, recipients = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
headers = {"Authorization": "Bearer " + key, "Content-Type": "application/json"}
letter = {
    "subject": "News for {{name}}",
    "html": "<p>Hello {{name}},</p><p>" + "the autumn catalogue is here and " * 120
            + '</p><a href="https://example.com/news?a=1&amp;b=2">Read it</a>',
    "recipients": [{"email": f"reader{n}@example.org", "vars": {"name": f"Reader {n}"}} for n in range(recipients)],
}
small = json.dumps({"to": "ada@example.org", "subject": "Hello", "text": "Hello"})
memory, waits, is_over = [], [], False

def pss_kib():
    for line in open(f"/proc/{service}/smaps_rollup"):
        if line.startswith("Pss:"):
            return int(line.split()[1])

def post(connection, path, body):
    began = time.monotonic()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        sys.exit(f"{answer.status}: {text[:200]}")
    return json.loads(text), time.monotonic() - began

def watch():
    while not is_over:
        memory.append(pss_kib())
        time.sleep(0.05)

def send():
    connection = http.client.HTTPConnection(address)
    while not is_over:
        waits.append(post(connection, "/api/send", small)[1])
        time.sleep(0.01)

idle = pss_kib()
threads = [threading.Thread(target=target) for target in (watch, send)]
for thread in threads: thread.start()
answer, took = post(http.client.HTTPConnection(address, timeout=600), "/api/bulk-send", json.dumps(letter))
is_over = True
for thread in threads: thread.join()
waits.sort()
late = waits[len(waits) * 99 // 100] * 1e3
print(f"{answer['queued']} queued and {answer['failed']} failed in {took:.2f} s; idle {idle // 1024} MiB, "
      f"{(max(memory) - idle) // 1024} more at the most (PSS)")
print(f"{len(waits)} other sends meanwhile: median {waits[len(waits) // 2] * 1e3:.1f} ms, p99 {late:.1f} ms")
END
