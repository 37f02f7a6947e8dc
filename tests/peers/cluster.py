#!/usr/bin/env python3
"""Several nodes with one control plane on a real libSQL server.

  PILLARBOX_BIN=... SQLD=... tests/peers/cluster.py FOLDER

The server is stopped, killed and started again, nodes are killed while they write, and in the end every change that was
acknowledged is on every node, once, and all nodes have the same rows. `cluster.sh` gets the server and starts this.
"""

import asyncio
import base64
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY, SQLD = os.environ["PILLARBOX_BIN"], os.environ["SQLD"]
TABLES = ["customers", "api_keys", "smtp_credentials", "domains", "domain_checks", "domain_events", "dkim_keys",
          "tracking_hosts", "tracking_keys", "acme_accounts", "plugins", "plugin_log"]
RUNNING = []
BEGAN = time.monotonic()


def fail(text):
    for process in RUNNING:
        process.show_log()
    sys.exit(f"FAILED: {text}")


def ok(text):
    print(f"ok: {time.monotonic() - BEGAN:5.1f} s: {text}", flush=True)


def check(is_so, text):
    ok(text) if is_so else fail(text)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def within(seconds, what, look):
    """Waits until a look gives something, and gives it with the seconds that it took."""
    began, last = time.monotonic(), None
    while time.monotonic() - began < seconds:
        last = look()
        if last:
            return last, time.monotonic() - began
        time.sleep(0.02)
    fail(f"{what}: not within {seconds} s ({last})")


class Process:
    process = None

    def begin(self, command, environment=None):
        self.process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        RUNNING.append(self)

    def send_signal(self, number):
        self.process.send_signal(number)

    def kill(self, number=signal.SIGKILL):
        self.send_signal(number)
        self.process.wait()
        RUNNING.remove(self)

    def show_log(self):
        print(f"--- {self.log.name}", file=sys.stderr)
        print(pathlib.Path(self.log.name).read_text(errors="replace")[-3000:], file=sys.stderr)


class Sqld(Process):
    def __init__(self, folder, *options):
        self.folder, self.port, self.options = folder, free_port(), options
        self.log = open(f"{folder}.log", "ab")
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self):
        listen = f"127.0.0.1:{self.port}"
        self.begin([SQLD, "-d", str(self.folder), "--http-listen-addr", listen, *self.options])
        within(20, "sqld listens", self.listens)

    def listens(self):
        try:
            urllib.request.urlopen(f"{self.url}/health", timeout=1).read()
            return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


class Node(Process):
    def __init__(self, name, folder, storage_url, host_key_of=None, **settings):
        self.name, self.data = name, folder / name
        self.port, self.operator_port = free_port(), free_port()
        self.log = open(folder / f"{name}.log", "ab")
        self.environment = os.environ | {
            "PILLARBOX_DATA_DIR": str(self.data), "PILLARBOX_LISTEN": f"127.0.0.1:{self.port}",
            "PILLARBOX_OPERATOR_LISTEN": f"127.0.0.1:{self.operator_port}", "PILLARBOX_SMTP_LISTEN": "off",
            "PILLARBOX_REQUESTS_PER_MINUTE": "0", "PILLARBOX_NODE_NAME": name, "PILLARBOX_STORAGE_URL": storage_url,
        } | settings
        if host_key_of:
            self.data.mkdir(mode=0o700)
            shutil.copy(host_key_of.data / "host.key", self.data / "host.key")

    def start(self, is_ready=True):
        self.begin([BINARY, "serve"], self.environment)
        if is_ready:
            within(60, f"{self.name} is ready", lambda: self.status("/readyz") == 200 or self.ended())
        return self

    def ended(self):
        if self.process.poll() is not None:
            fail(f"{self.name} ended")

    def status(self, path):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.operator_port}{path}", timeout=5).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def call(self, method, path, key, body=None, timeout=30):
        """The status, the answer and the headers of a call of the API; a status of None when there is no answer."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}"), error.headers
        except (OSError, ValueError):
            return None, {}, {}

    def send(self, key):
        return self.call("POST", "/api/send", key, {"to": "ada@example.com", "subject": "Hello", "text": "Hello.\n"})

    def try_command(self, *words):
        return subprocess.run([BINARY, *words, "--json"], env=self.environment, capture_output=True, check=False)

    def command(self, *words):
        done = self.try_command(*words)
        if done.returncode:
            fail(f"{self.name}: {' '.join(words)}: {done.stderr.decode()}")
        return json.loads(done.stdout)

    def refused(self, *words):
        done = self.try_command(*words)
        if done.returncode == 0:
            fail(f"{self.name}: {' '.join(words)} is not refused: {done.stdout.decode()}")
        return done.stderr.decode()

    def cluster(self):
        return self.command("cluster", "status")["cluster"]

    def rows(self):
        """All control tables of a node, from a copy: nobody else opens a live database."""
        aside = self.data.with_suffix(".copy")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(self.data, aside, ignore=shutil.ignore_patterns("*.sock", "compiled"))
        with sqlite3.connect(aside / "pillarbox.db") as database:
            tables = {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in TABLES}
            tables["cursor"] = database.execute("SELECT cluster, revision FROM control_cursor").fetchall()
            tables["whole"] = database.execute("PRAGMA integrity_check").fetchall()
        shutil.rmtree(aside)
        return tables


def server_rows(sqld):
    steps = [{"stmt": {"sql": f"SELECT * FROM {table}"}} for table in TABLES if table != "plugins"]
    body = {"requests": [{"type": "batch", "batch": {"steps": steps}}, {"type": "close"}]}
    request = urllib.request.Request(f"{sqld.url}/v2/pipeline", json.dumps(body).encode())
    answer = json.load(urllib.request.urlopen(request, timeout=10))
    return [len(result["rows"]) for result in answer["results"][0]["response"]["result"]["step_results"]]


def all_equal(nodes, sqld, text):
    """Waits until all nodes are where the primary is, stops them, compares their rows, and starts them again."""
    def is_level():
        told = [node.cluster() for node in nodes]
        revisions = {one["revision"] for one in told} | {one["primary_revision"] for one in told}
        return len(revisions) == 1
    within(20, "all nodes are level", is_level)
    for node in nodes:
        node.kill(signal.SIGTERM)
    # What a node wrote while it stopped, another may not have followed.
    first, *others = [node.rows() for node in nodes]
    for other, node in zip(others, nodes[1:]):
        for table in TABLES:
            if first[table] != other[table]:
                fail(f"{text}: {nodes[0].name} and {node.name} differ in {table}: "
                     f"{set(first[table]) ^ set(other[table])}")
    whole = all(rows["whole"] == [("ok",)] for rows in [first, *others])
    counted = [len(first[table]) for table in TABLES if table != "plugins"]
    check(whole and counted == server_rows(sqld), f"{text}: all rows are the same, and so many at the server: {counted}")
    for node in nodes:
        node.start()
    return first


def made(node, name):
    """Makes a customer and gives its key; None when the node could not."""
    done = node.try_command("customer", "create", "--name", name, "--email", f"{name}@example.org")
    return json.loads(done.stdout)["api_key"] if done.returncode == 0 else None


def plugin(folder):
    """The built-in scorer as a later version, with 7 MB more in a custom section: more than a row of the server holds."""
    component = bytearray((ROOT / "plugins/dist/scorer.wasm").read_bytes())
    at = component.index(b"0.1.0")
    component[at:at + 5] = b"9.1.0"
    padding = b"\x07padding" + bytes(7_000_000)
    size, length = len(padding), bytearray()
    while size:
        length.append(size & 0x7F | (0x80 if size > 0x7F else 0))
        size >>= 7
    path = folder / "later.wasm"
    path.write_bytes(bytes(component) + b"\0" + bytes(length) + padding)
    return path


class Writer(threading.Thread):
    """Makes customers and renames one, and notes what was acknowledged."""

    def __init__(self, node, key, prefix):
        super().__init__(daemon=True)
        self.node, self.key, self.prefix, self.over = node, key, prefix, False
        self.made, self.statuses, self.is_done = [], collections.Counter(), False

    def run(self):
        self.write()
        self.is_done = True

    def write(self):
        number = 0
        while not self.over:
            number += 1
            name = f"{self.prefix}{number}.example"
            status, answer, _ = self.node.call("POST", "/api/customer/domains", self.key,
                                                {"domain": name, "dkim_algorithm": "ed25519"})
            self.statuses[status] += 1
            if status == 201:
                self.made.append(name)
                # Room for the next one.
                self.node.call("DELETE", f"/api/customer/domains/{answer['domain']['id']}", self.key)
            elif status is None:
                time.sleep(0.05)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir()
    sqld = Sqld(folder / "sqld")
    sqld.start()

    # The first node has a life of its own before it becomes a cluster.
    a = Node("a", folder, "").start()
    check(a.cluster() is None, "a node on its own says so")
    check("is held by" in a.refused("cluster", "init"), "a cluster is made while the service is stopped")
    a.kill(signal.SIGTERM)
    check("set storage_url first" in a.refused("cluster", "init"), "a cluster needs a server")
    a.environment["PILLARBOX_STORAGE_URL"] = sqld.url
    check("customers or plugins of its own" in a.refused("customer", "list"), "rows of its own are not overwritten")
    a.command("cluster", "init")
    check("belongs to the cluster" in a.refused("cluster", "init"), "a cluster is made once")
    stranger = Node("stranger", folder, sqld.url)
    check("has tables already" in stranger.refused("cluster", "init"), "a server with tables is left alone")
    check("another host.key" in stranger.refused("customer", "list"), "a node with another host.key is refused")
    a.start()

    b = Node("b", folder, sqld.url, host_key_of=a).start()
    check("Welcome" not in (folder / "b.log").read_text(), "a node that joins makes no first customer")
    key = made(a, "acme")
    _, took = within(5, "a customer of a sends on b", lambda: b.send(key)[0] == 200)
    check(took < 1, f"a customer that was made on one node sends on the other after {took:.2f} s")
    status, answer, _ = a.call("POST", "/api/customer/rotate-key", key, {})
    if status != 200:
        fail(f"the key is not rotated: {status} {answer}")
    _, took = within(5, "the old key is refused on b", lambda: b.send(key)[0] == 401)
    check(took < 1, f"a key that was ended on one node is refused on the other after {took:.2f} s")
    key = answer["api_key"]
    check(b.send(key)[0] == 200, "the new key is good there")

    a.command("tracking-key", "rotate")
    _, took = within(5, "the other tracking key signs on b", lambda: b.command("tracking-key", "list")["keys"][0]["id"] == 2)
    check(took < 1, f"another key signs links on both nodes after {took:.2f} s")

    path = plugin(folder)
    a.command("plugin", "install", str(path), "--activate")
    _, took = within(20, "the plugin serves on b", lambda: any(
        row["version"] == "9.1.0" and row["state"] == "active" for row in b.command("plugin", "list")["plugins"]))
    status, answer, _ = b.call("POST", "/api/content-scoring/analyze", key, {"subject": "Hello", "html": "<p>Hello</p>"})
    check(status == 200 and "spam_score" in answer, f"a plugin of 7 MB scores on the other node after {took:.2f} s")
    check(sorted(node.cluster()["on_duty"] for node in (a, b)) == [False, True], "one node tends the domains for both")

    # A server that takes connections and says nothing.
    sqld.send_signal(signal.SIGSTOP)
    rename = {"name": "Renamed"}
    began = time.monotonic()
    status, answer, headers = a.call("PATCH", "/api/customer/profile", key, rename)
    took = time.monotonic() - began
    check(status == 503 and headers.get("Retry-After") and took < 6.5, f"a change answers {status} after {took:.1f} s")
    within(15, "the breaker opens", lambda: a.cluster()["breaker"] == "open")
    began = time.monotonic()
    status, answer, _ = a.call("PATCH", "/api/customer/profile", key, rename)
    took = time.monotonic() - began
    check(status == 503 and took < 2.5, f"later ones are refused after {took:.2f} s: {answer['error']}")
    began = time.monotonic()
    sent = [node.send(key)[0] for node in (a, b) for _ in range(20)]
    check(set(sent) == {200}, f"mail goes on: {len(sent)} emails in {time.monotonic() - began:.1f} s")
    b.kill()
    b.start()
    check(b.send(key)[0] == 200, "a node that starts meanwhile serves what it has")
    sqld.send_signal(signal.SIGCONT)
    within(15, "changes are made again", lambda: a.call("PATCH", "/api/customer/profile", key, {"name": "Back"})[0] == 200)
    within(5, "b has it", lambda: '"Back"' in json.dumps(b.call("GET", "/api/customer/profile", key)[1]))
    all_equal([a, b], sqld, "after a pause of the server")

    # A server that is killed while both nodes write.
    a.command("customer", "limits", "--email", "acme@example.org", "--max-domains", "1000")
    writers = [Writer(a, key, "ka"), Writer(b, key, "kb")]
    [writer.start() for writer in writers]
    for _ in range(3):
        time.sleep(1)
        sqld.kill()
        time.sleep(0.4)
        sqld.start()
        within(20, "changes are made again", lambda: a.call("PATCH", "/api/customer/profile", key, {"name": "K"})[0] == 200)
    finish(writers, [a, b], sqld, "after three kills of the server")

    # Nodes that are killed while both write.
    writers = [Writer(a, key, "na"), Writer(b, key, "nb"), Writer(a, key, "nc"), Writer(b, key, "nd")]
    [writer.start() for writer in writers]
    end, victims = time.monotonic() + 20, [a, b]
    while time.monotonic() < end:
        time.sleep(1.5)
        victims.reverse()
        victims[0].kill()
        victims[0].start()
    finish(writers, [a, b], sqld, "after 20 s of writing with kills of nodes")

    c = Node("c", folder, sqld.url, host_key_of=a).start()
    check(c.send(key)[0] == 200, "a third node from nothing serves")
    all_equal([a, b, c], sqld, "with a third node")

    # A first start while the primary is away.
    sqld.kill()
    d = Node("d", folder, sqld.url, host_key_of=a).start(is_ready=False)
    within(20, "d answers operators", lambda: d.status("/healthz") == 200)
    status, _, headers = d.send(key)
    check((d.status("/readyz"), status) == (503, 503) and headers.get("Retry-After"),
          "a first start without a primary is not ready, and answers 503")
    check("has not joined" in d.refused("customer", "list"), "its commands say so and list nobody")
    sqld.start()
    within(20, "d is ready", lambda: d.status("/readyz") == 200)
    check(d.send(key)[0] == 200, "it joins once the primary is there")
    for node in (a, b, c, d):
        node.kill(signal.SIGTERM)
    a.environment["PILLARBOX_STORAGE_URL"] = ""
    check("belongs to the cluster" in a.refused("customer", "list"), "a node of a cluster does not start alone")
    a.command("cluster", "leave")
    check(len(a.command("customer", "list")["customers"]) >= 2, "it does after it has left, with what it had")
    sqld.kill()

    # Two clusters on one server, which wants a token.
    admin, (key_file, token) = free_port(), jwt(folder)
    sqld = Sqld(folder / "namespaces", "--enable-namespaces", "--admin-listen-addr", f"127.0.0.1:{admin}",
                "--auth-jwt-key-file", str(key_file))
    sqld.start()
    nodes = []
    for name in ("east", "west"):
        url = f"http://127.0.0.1:{admin}/v1/namespaces/{name}/create"
        within(10, "the namespace is made", lambda: created(url))
        node = Node(name, folder, f"http://{name}.localhost:{sqld.port}", PILLARBOX_STORAGE_TOKEN=token)
        if name == "west":
            port, certificate = behind_tls(folder, "west.localhost", sqld.port)
            node.environment["PILLARBOX_STORAGE_URL"] = f"https://west.localhost:{port}"
            check("certificate" in node.refused("cluster", "init"), "a certificate of nobody known is not trusted")
            node.environment["PILLARBOX_STORAGE_CA"] = str(certificate)
        node.command("cluster", "init")
        nodes.append(node.start())
    made(nodes[0], "acme")
    names = [[row["email"] for row in node.command("customer", "list")["customers"]] for node in nodes]
    check("acme@example.org" in names[0] and "acme@example.org" not in names[1], "two clusters share a server, one of them through TLS, and no rows")
    missing = Node("missing", folder, f"http://north.localhost:{sqld.port}", PILLARBOX_STORAGE_TOKEN=token)
    check("doesn't exist" in missing.refused("cluster", "init"), "a namespace that is not there is told")
    unknown = Node("unknown", folder, f"http://east.localhost:{sqld.port}", PILLARBOX_STORAGE_TOKEN=token[:-4] + "AAAA")
    check("401" in unknown.refused("cluster", "init"), "a token that is not good is told")
    check(token not in unknown.command("serve", "--print-config").__repr__(), "a token is shown nowhere")
    print(f"done in {time.monotonic() - BEGAN:.0f} s")


def openssl(*words, **options):
    return subprocess.run(["openssl", *words], capture_output=True, check=True, **options).stdout


def behind_tls(folder, host, port):
    """The port of a way through TLS to a server of this machine, and the certificate, which names this host."""
    key, certificate = folder / "tls.key", folder / "tls.pem"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=lab",
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", f"subjectAltName=DNS:{host}", "-keyout", str(key),
            "-out", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def carry(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def front(reader, writer):
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, to_server), carry(from_server, writer), return_exceptions=True)

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(front, "127.0.0.1", 0, ssl=context))
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return server.sockets[0].getsockname()[1], certificate


def jwt(folder):
    """A key pair of a server, and a token that it takes."""
    def coded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    secret, public, claims = folder / "jwt.key", folder / "jwt.pem", folder / "jwt.claims"
    openssl("genpkey", "-algorithm", "ed25519", "-out", str(secret))
    public.write_bytes(openssl("pkey", "-in", str(secret), "-pubout"))
    signed = f'{coded(b"""{"alg":"EdDSA","typ":"JWT"}""")}.{coded(b"""{"a":"rw"}""")}'
    claims.write_text(signed)
    signature = openssl("pkeyutl", "-sign", "-inkey", str(secret), "-rawin", "-in", str(claims))
    return public, f"{signed}.{coded(signature)}"


def created(url):
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    try:
        return urllib.request.urlopen(request, timeout=10).status == 200
    except OSError:
        return False


def finish(writers, nodes, sqld, text):
    for writer in writers:
        writer.over = True
    for writer in writers:
        writer.join(30)
    if not all(writer.is_done for writer in writers):
        fail(f"{text}: a writer broke")
    acknowledged = [name for writer in writers for name in writer.made]
    statuses = sum((writer.statuses for writer in writers), collections.Counter())
    if not set(statuses) <= {201, 503, None, 409} or not acknowledged:
        fail(f"{text}: answers {dict(statuses)}")
    rows = all_equal(nodes, sqld, text)
    found = collections.Counter(row.split("'")[5] for row in rows["domains"])
    lost = [name for name in acknowledged if found[name] == 0]
    doubled = [name for name, count in found.items() if count > 1]
    check(not lost and not doubled, f"{text}: {len(acknowledged)} acknowledged domains are there once; "
          f"answers {dict(statuses)}")


if __name__ == "__main__":
    try:
        main()
    finally:
        for process in list(RUNNING):
            process.kill()
