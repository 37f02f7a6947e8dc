"""What domains.sh tries: a table of domains, each with what its zone has in the place of one record, the fault that has to
be named, and words that its sentence has to hold. BIND (127.0.0.1) has the zones, Knot (127.0.0.2) a second copy of some."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

WORK, PORT, RESOLVER = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
BINARY = os.environ["PILLARBOX_BIN"]
SERVICE = "mail.service.example"
ENDS_WITHIN = 25


class Case:
    """One domain. `purpose` is the record in question; `change` makes lines of a zone of it; the zone has all others.
    `zone` is where the records stand, when that is above the domain."""

    def __init__(self, name, purpose, status, fault, words, change=None, extra="", zone=None, servers=("127.0.0.1",),
                 serve="bind", second=None, domain=None):
        self.zone = zone or f"{name}.example"
        self.domain = domain or self.zone
        self.name, self.purpose, self.status, self.fault, self.words = name, purpose, status, fault, words
        self.change, self.extra, self.servers, self.serve, self.second = change, extra, servers, serve, second


def quoted(value):
    return " ".join('"' + value[at:at + 255].replace("\\", "\\\\").replace('"', '\\"') + '"' for at in range(0, len(value), 255))


def txt(host, value):
    return f"{host}. IN TXT {quoted(value)}"


def line(record):
    if record["type"] == "TXT":
        return txt(record["host"], record["value"])
    return f"{record['host']}. IN {record['type']} {record['value']}."


def text(value):
    """The record with another value, which may be made of the right one."""
    return lambda r: [txt(r["host"], value(r["value"]) if callable(value) else value)]


def also(*values):
    return lambda r: [line(r)] + [txt(r["host"], value) for value in values]


def at(name):
    """The right record under another name."""
    return lambda r: [line({**r, "host": name(r)})]


def alias(target, more=()):
    return lambda r: [f"{r['host']}. IN CNAME {target}.", *more]


def lookups(count):
    return " ".join(f"a:a{number}.names.example" for number in range(count))


def none(_):
    return []


def halves(r):
    return [txt(r["host"], r["value"][:255]), txt(r["host"], r["value"][255:])]


SPF = "v=spf1 a:" + SERVICE
CASES = [
    Case("good", "ownership", "verified", None, []),
    Case("missing-ownership", "ownership", "missing", "missing", ["add", "pillarbox-verify="], none),
    Case("missing-dkim", "dkim", "missing", "missing", ["_domainkey", "add"], none),
    Case("missing-spf", "spf", "missing", "missing", ["v=spf1"], none),
    Case("missing-dmarc", "dmarc", "missing", "missing", ["v=DMARC1"], none),
    Case("missing-return", "return_path", "missing", "missing", ["MX", SERVICE], none),
    Case("token", "ownership", "mismatch", "mismatch", ["another account"], text("pillarbox-verify=another")),
    Case("other-key", "dkim", "mismatch", "mismatch", ["not the key"], text("v=DKIM1; k=rsa; p=" + "QUJD" * 80)),
    Case("other-kind", "dkim", "mismatch", "mismatch", ["k="], text(lambda value: value.replace("k=rsa", "k=ed25519"))),
    Case("other-mx", "return_path", "mismatch", "mismatch", ["elsewhere"],
         lambda r: [f"{r['host']}. IN MX 10 mx.other.example."]),
    Case("spf-merge", "spf", "mismatch", "mismatch", [f"“v=spf1 ip4:192.0.2.1 a:{SERVICE} -all”"],
         text("v=spf1 ip4:192.0.2.1 -all")),
    Case("cut-255", "dkim", "mismatch", "truncated", ["255 bytes", "several strings"], text(lambda value: value[:255])),
    Case("cut-100", "dkim", "mismatch", "truncated", ["after 100 of"], text(lambda value: value[:100])),
    Case("split", "dkim", "mismatch", "split", ["2 records", "2 strings"], halves),
    Case("two-spf", "spf", "conflict", "duplicate", ["2 SPF records"], also("v=spf1 -all")),
    Case("two-dmarc", "dmarc", "conflict", "duplicate", ["2 DMARC records"], also("v=DMARC1; p=reject")),
    Case("two-keys", "dkim", "conflict", "duplicate", ["any of them"], also("v=DKIM1; k=rsa; p=QUJD")),
    Case("doubled", "ownership", "mismatch", "wrong_host", ["doubled.example.doubled.example", "adds the zone's name"],
         at(lambda r: r["host"] + ".doubled.example")),
    Case("doubled-sub", "dkim", "mismatch", "wrong_host", ["news.doubled-sub.example.doubled-sub.example"],
         at(lambda r: r["host"] + ".doubled-sub.example"), zone="doubled-sub.example", domain="news.doubled-sub.example"),
    Case("at-apex", "ownership", "mismatch", "wrong_host", ["stands at at-apex.example"], at(lambda r: "at-apex.example")),
    Case("beside", "ownership", "mismatch", "wrong_host", ["stands at _pillarbox.beside.example"],
         at(lambda r: "_pillarbox.beside.example"), zone="beside.example", domain="news.beside.example"),
    Case("cname", "ownership", "conflict", "cname_in_the_way", ["parked.service.example", "remove the CNAME"],
         alias("parked.service.example")),
    Case("cname-spf", "spf", "conflict", "cname_in_the_way", ["parked.service.example"], alias("parked.service.example")),
    Case("cname-loop", "ownership", "conflict", "cname_loop", ["circle"],
         lambda r: [f"{r['host']}. IN CNAME a.cname-loop.example.", f"a.cname-loop.example. IN CNAME {r['host']}."]),
    Case("cname-kept", "dkim", "verified", None, [],
         lambda r: [f"{r['host']}. IN CNAME key.cname-kept.example.", line({**r, "host": "key.cname-kept.example"})]),
    Case("quotes", "ownership", "mismatch", "badly_quoted", ["without them"], text(lambda value: f'"{value}"')),
    Case("escaped", "dkim", "mismatch", "badly_quoted", ["backslashes"], text(lambda value: value.replace(";", "\\;"))),
    Case("quoted-spf", "spf", "mismatch", "badly_quoted", ["without them"], text(lambda value: f'"{value}"')),
    Case("many", "ownership", "conflict", "too_many_records", ["than anybody reads"],
         also(*(f"filler number {number}" for number in range(300)))),
    Case("stale", "ownership", "pending", "not_propagated", ["still remembers", "wait"]),
    Case("differ", "ownership", "conflict", "servers_differ", ["ns2.differ.example", "newest version"],
         servers=("127.0.0.1", "127.0.0.2"), second=none),
    Case("absent", "ownership", "missing", "no_such_domain", ["register"], serve=None, servers=()),
    Case("lame", "ownership", "pending", "refused", ["ns1.lame.example", "refuses"], serve=None, servers=("127.0.0.2",)),
    Case("broken", "ownership", "pending", "server_failure", ["ns1.broken.example", "log"], servers=("127.0.0.2",),
         serve="broken"),
    Case("dead", "ownership", "pending", "unreachable", ["ns1.dead.example", "in time"], serve=None, servers=("127.0.0.3",)),
    Case("half-dead", "ownership", "verified", None, [], servers=("127.0.0.1", "127.0.0.3")),
    Case("bogus", "ownership", "conflict", "dnssec_bogus", ["DNSSEC", "DS record"], serve="expired"),
    Case("signed", "ownership", "verified", None, [], serve="signed"),
    Case("spf-syntax", "spf", "mismatch", "spf_syntax", ["ip4:192.0.2.999"], text(f"{SPF} ip4:192.0.2.999 ~all")),
    Case("spf-ip", "spf", "mismatch", "spf_syntax", ["written ip4:"], text(f"{SPF} ip:192.0.2.1 ~all")),
    Case("spf-ten", "spf", "verified", None, [], text(f"{SPF} {lookups(9)} ~all")),
    Case("spf-eleven", "spf", "conflict", "too_many_lookups", ["11 names"], text(f"{SPF} {lookups(10)} ~all")),
    Case("spf-circle", "spf", "conflict", "too_many_lookups", ["20 or more"], text(f"{SPF} include:circle.service.example ~all")),
    Case("spf-void", "spf", "conflict", "void_lookups", ["3 of its names"],
         text(f"{SPF} a:v1.names.example a:v2.names.example a:v3.names.example ~all")),
    Case("spf-include", "spf", "conflict", "include_missing", ["parked.service.example"],
         text(f"{SPF} include:parked.service.example ~all")),
    Case("spf-all", "spf", "verified", "weak_policy", ["every machine"], text(f"{SPF} +all")),
    Case("revoked", "dkim", "mismatch", "revoked", ["revoked"], text("v=DKIM1; k=rsa; p=")),
    Case("dmarc-syntax", "dmarc", "mismatch", "dmarc_syntax", ["neither none"], text("v=DMARC1; p=enforce")),
    Case("dmarc-weak", "dmarc", "verified", "weak_policy", ["p=none"], text("v=DMARC1; p=none")),
    Case("dmarc-strong", "dmarc", "verified", None, [], text("v=DMARC1; p=reject; rua=mailto:a@dmarc-strong.example")),
    Case("inherits", "dmarc", "verified", None, ["inherits.example holds"], none, zone="inherits.example",
         domain="news.inherits.example", extra='_dmarc.inherits.example. IN TXT "v=DMARC1; p=none; sp=reject"'),
]


def cli(*words):
    done = subprocess.run([BINARY, "domain", *words], capture_output=True, text=True)
    # A check says 1 where a required record is not as it should be, and has its answer all the same.
    if done.returncode != 0 and not (words[0] == "check" and done.stdout):
        sys.exit(f"FAILED: domain {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)


def zone_text(case, change):
    lines = [f"$TTL 600\n{case.zone}. IN SOA ns1.{case.zone}. admin.{case.zone}. 1 3600 600 86400 300"]
    for number, address in enumerate(case.servers, 1):
        lines += [f"{case.zone}. IN NS ns{number}.{case.zone}.", f"ns{number}.{case.zone}. IN A {address}"]
    in_question = [record for record in case.records if record["purpose"] == case.purpose][:1]
    # An alias leaves no room for another record at its name.
    made = change(in_question[0]) if change else [line(in_question[0])]
    aliases = {made_line.split()[0] for made_line in made if " CNAME " in made_line}
    others = [record for record in case.records if record not in in_question and record["host"] + "." not in aliases]
    return "\n".join(lines + [line(record) for record in others] + made + [case.extra, ""])


def write(path, content):
    (WORK / path).write_text(content)
    return WORK / path


def sign(case, path):
    """Signs a zone and gives the DS record of its key. Signatures of `expired` ended long ago."""
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True, cwd=WORK).stdout
    key = run("dnssec-keygen", "-a", "ECDSAP256SHA256", "-f", "KSK", case.zone).strip()
    run("dnssec-keygen", "-a", "ECDSAP256SHA256", case.zone)
    span = ["-s", "20200101000000", "-e", "20200201000000"] if case.serve == "expired" else []
    run("dnssec-signzone", "-S", "-P", *span, "-o", case.zone, "-f", str(path), str(path))
    return run("dnssec-dsfromkey", "-2", key + ".key").strip()


def parents():
    """The zone above all others, and those of the service and of names that are looked up."""
    top = ["$TTL 600\nexample. IN SOA ns.example. admin.example. 1 3600 600 86400 300",
           "example. IN NS ns.example.\nns.example. IN A 127.0.0.1"]
    for case in CASES:
        for number, address in enumerate(case.servers, 1):
            top += [f"{case.zone}. IN NS ns{number}.{case.zone}.", f"ns{number}.{case.zone}. IN A {address}"]
    top += [f"{SERVICE}. IN A 192.0.2.10", 'parked.service.example. IN TXT "parked"', "mx.other.example. IN A 192.0.2.11",
            'circle.service.example. IN TXT "v=spf1 include:circle.service.example"']
    top += [f"a{number}.names.example. IN A 192.0.2.12" for number in range(20)]
    return "\n".join(top + [""])


def serve():
    knot, anchors, stubs = [], [], {"example": "127.0.0.1"}
    zones = {"example": write("example.zone", parents())}
    for case in CASES:
        if case.servers:
            stubs[case.zone] = " ".join(case.servers)
        if case.serve is None:
            continue
        path = write(f"{case.zone}.zone", zone_text(case, case.change))
        if case.serve == "broken":
            path.write_text("this is no zone\n")
            knot.append((case.zone, path))
            continue
        if case.serve in ("expired", "signed"):
            anchors.append(sign(case, path))
        zones[case.zone] = path
        if case.second:
            knot.append((case.zone, write(f"{case.zone}.second.zone", zone_text(case, case.second))))
    bind = [f'zone "{zone}" {{ type primary; file "{path}"; }};' for zone, path in zones.items()]
    write("named.conf", f"""options {{ directory "{WORK}"; pid-file "{WORK}/named.pid"; session-keyfile "{WORK}/session.key";
  listen-on port {PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no; notify no;
  max-records-per-type 0; managed-keys-directory "{WORK}"; }};
controls {{ }};
""" + "\n".join(bind) + "\n")
    (WORK / "knot").mkdir()
    write("knot.conf", f"""server:
  rundir: "{WORK}/knot"
  pidfile: "{WORK}/knot.pid"
  listen: [127.0.0.2@{PORT}]
database:
  storage: "{WORK}/knot"
log:
  - target: stderr
    any: warning
zone:
""" + "".join(f'  - domain: {zone}\n    file: "{path}"\n    zonefile-sync: -1\n' for zone, path in knot))
    anchor = write("anchors", "\n".join(anchors) + "\n")
    asked = "".join(f'stub-zone:\n  name: "{zone}"\n' + "".join(f"  stub-addr: {address}@{PORT}\n" for address in addresses.split())
                    for zone, addresses in stubs.items())
    write("unbound.conf", f"""server:
  directory: "{WORK}"
  chroot: ""
  username: ""
  pidfile: "{WORK}/unbound.pid"
  interface: 127.0.0.1@{RESOLVER}
  do-not-query-localhost: no
  trust-anchor-file: "{anchor}"
  module-config: "validator iterator"
  use-syslog: no
  logfile: "{WORK}/unbound.log"
  local-zone: "example." nodefault
{asked}remote-control:
  control-enable: no
""")
    log = open(WORK / "named.log", "w")
    running = [subprocess.Popen(["named", "-f", "-c", f"{WORK}/named.conf"], stdout=log, stderr=log),
               subprocess.Popen(["knotd", "-c", f"{WORK}/knot.conf"], stdout=log, stderr=log),
               subprocess.Popen(["unbound", "-d", "-c", f"{WORK}/unbound.conf"], stdout=log, stderr=log)]
    return zones, running


def ask(server, port, name, kind):
    """What a server says, in the words of dig; empty when it does not answer."""
    return subprocess.run(["dig", f"@{server}", "-p", port, "+time=1", "+tries=1", "+short", name, kind],
                          capture_output=True, text=True).stdout


def until(what, holds):
    for _ in range(100):
        if holds():
            return
        time.sleep(0.1)
    sys.exit(f"FAILED: {what}: {(WORK / 'named.log').read_text()[-3000:]}")


def stale(zones, named):
    """Has the resolver remember that nothing is there, and then publishes it."""
    case = next(case for case in CASES if case.name == "stale")
    whole = zones[case.zone].read_text()
    host = next(record["host"] for record in case.records if record["purpose"] == case.purpose)
    zones[case.zone].write_text("\n".join(line for line in whole.splitlines() if not line.startswith(host)) + "\n")
    named.send_signal(1)
    until("the zone without the record", lambda: ask("127.0.0.1", PORT, host, "TXT") == "")
    assert ask("127.0.0.1", RESOLVER, host, "TXT") == ""
    zones[case.zone].write_text(whole.replace(" 1 3600 600 ", " 2 3600 600 "))
    named.send_signal(1)
    until("the zone with the record", lambda: ask("127.0.0.1", PORT, host, "TXT") != "")


def check(case):
    began = time.monotonic()
    answer = cli("check", case.domain, "--json")
    took = time.monotonic() - began
    records = [check for check in answer["checks"] if check["purpose"] == case.purpose]
    found = records[0]
    assert took < ENDS_WITHIN, f"{case.name}: it took {took:.1f} s"
    assert (found["status"], found["fault"]) == (case.status, case.fault), f"{case.name}: {json.dumps(found, indent=1)}"
    for word in case.words:
        assert word in found["reason"], f"{case.name}: {word!r} is not in: {found['reason']}"
    assert len(found["found"]) <= 10 and all(len(value) <= 1024 for value in found["found"]), case.name
    sound = all(check["status"] == "verified" for check in answer["checks"] if check["purpose"] != case.purpose)
    if case.name in ("good", "signed", "half-dead", "cname-kept"):
        assert sound, f"{case.name}: {json.dumps(answer['checks'], indent=1)}"
    print(f"ok: {case.name}: {case.fault or 'nothing'} ({took:.2f} s): {(found['reason'] or '')[:150]}", flush=True)


def passes(case):
    """All are tried, so that one run tells of every mistake."""
    try:
        check(case)
    except AssertionError as error:
        print(f"FAILED: {error}", flush=True)
        return False
    return True


for case in CASES:
    cli("add", case.domain, "--customer", "first@pillarbox.test", "--json")
    case.records = cli("show", case.domain, "--json")["domain"]["records"]
zones, running = serve()
try:
    until("BIND", lambda: ask("127.0.0.1", PORT, "good.example", "SOA"))
    until("Knot", lambda: ask("127.0.0.2", PORT, "differ.example", "SOA"))
    until("Unbound", lambda: ask("127.0.0.1", RESOLVER, "good.example", "SOA"))
    stale(zones, running[0])
    failed = [case.name for case in CASES if not passes(case)]
    assert not failed, f"FAILED: {', '.join(failed)}"
    faults = {case.fault for case in CASES if case.fault}
    readme = pathlib.Path("README.md").read_text().split("## What the doctor says")[1].split("\n## ")[0]
    documented = set(re.findall(r"^\| `(\w+)` \|", readme, re.M))
    assert faults == documented, f"without a zone: {documented - faults}, undocumented: {faults - documented}"
    print(f"ok: {len(CASES)} domains, {len(faults)} faults")
finally:
    for process in running:
        process.terminate()
        process.wait()
