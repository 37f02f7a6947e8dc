#!/usr/bin/env python3
"""rspamd's points of each message of SCRATCH/test in the order of its labels.tsv, and microseconds of CPU time; after learning
SCRATCH/train when Bayes is on, which needs redis-server. Everything that asks the network is off.

rspamd.py on|off SCRATCH"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

bayes, scratch = sys.argv[1] == "on", pathlib.Path(sys.argv[2])
NETWORK = """antivirus arc asn aws_s3 bimi clickhouse clustering dcc dkim dkim_signing dmarc elastic external_services fuzzy_check greylist
history_redis metric_exporter metadata_exporter mx_check neural p0f phishing ratelimit rbl replies reputation spf url_redirector known_senders
contextal""".split()
ROOM_SECS = 180


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    for _ in range(ROOM_SECS * 10):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
    sys.exit(f"nobody listens on {port}")


def configuration(home, normal, controller, redis):
    """A copy of Debian's with our ports and paths, and without what asks the network."""
    shutil.copytree("/etc/rspamd", home)
    override = home / "override.d"
    override.mkdir(exist_ok=True)
    for module in NETWORK:
        (override / f"{module}.conf").write_text("enabled = false;\n")
    state = home / "state"
    state.mkdir()
    (override / "options.inc").write_text(
        f'pidfile = "{state}/pid";\ntempdir = "{state}";\nhs_cache_dir = "{state}";\ndns {{ nameserver = ["127.0.0.1:{free_port()}"]; }}\n'
        f'control_socket = "{state}/control mode=0600";\nlocal_addrs = [];\nstats_file = "{state}/stats";\nhistory_file = "{state}/history";\n'
    )
    (override / "logging.inc").write_text(f'type = "file"; filename = "{state}/log"; level = "warning";\n')
    (override / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{normal}"; count = 1; enabled = true;\n')
    (override / "worker-controller.inc").write_text(
        f'bind_socket = "127.0.0.1:{controller}"; secure_ip = ["127.0.0.1"]; password = ""; enabled = true;\n'
    )
    for worker in ("proxy", "fuzzy"):
        (override / f"worker-{worker}.inc").write_text("enabled = false;\n")
    if redis:
        (override / "redis.conf").write_text(f'servers = "127.0.0.1:{redis}";\n')
        (override / "classifier-bayes.conf").write_text("autolearn = false; min_learns = 20;\n")
    else:
        (override / "statistic.conf").write_text('classifier "bayes" { enabled = false; }\n')
        (override / "redis.conf").write_text("enabled = false;\n")
    for folder, _, files in os.walk(home):
        os.chmod(folder, 0o755)
        for name in files:
            os.chmod(pathlib.Path(folder) / name, 0o644)
    subprocess.run(["chown", "-R", "_rspamd:_rspamd", str(state)], check=False)


def rows(part):
    return [line.split("\t") for line in (scratch / part / "labels.tsv").read_text().splitlines()[1:]]


def ask(port, path, part, message):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, (scratch / part / "eml" / f"{message}.eml").read_bytes())
    answer = connection.getresponse()
    return answer.status, answer.read()


def cpu_ticks(pid):
    """Of a process and its children that live."""
    ticks = 0
    for child in [pid, *map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]:
        fields = pathlib.Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks


started = []
try:
    home = scratch / f"rspamd-{sys.argv[1]}"
    normal, controller = free_port(), free_port()
    redis = None
    if bayes:
        redis = free_port()
        server = shutil.which("redis-server") or sys.exit("redis-server is not installed")
        command = [server, "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(scratch)]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        wait_for(redis)
    configuration(home, normal, controller, redis)
    # Not under the name of a user: whoever starts it may not be root.
    command = ["rspamd", "-f", "-c", str(home / "rspamd.conf"), "--var", f"CONFDIR={home}", "--var", f"LOCAL_CONFDIR={home}"]
    command += ["-i"] if os.geteuid() == 0 else []
    command += ["--var", f"DBDIR={home}/state", "--var", f"RUNDIR={home}/state", "--var", f"LOGDIR={home}/state"]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started.append(daemon)
    wait_for(normal)
    wait_for(controller)
    if bayes:
        learned = [ask(controller, "/learnspam" if row[1] == "1" else "/learnham", "train", row[0])[0] for row in rows("train")]
        taken = sum(status == 200 for status in learned)
        print(f"rspamd learned {taken} of {len(learned)} messages", file=sys.stderr)
        # It passes over what it would tell anyway, so never all of them.
        if taken < 200:
            sys.exit("rspamd learned too little")
    for row in rows("test")[:20]:
        ask(normal, "/checkv2", "test", row[0])
    before = cpu_ticks(daemon.pid)
    points = [json.loads(ask(normal, "/checkv2", "test", row[0])[1])["score"] for row in rows("test")]
    micros = (cpu_ticks(daemon.pid) - before) * 1e6 / os.sysconf("SC_CLK_TCK") / len(points)
    for one in points:
        print(f"{one:.3f}\t{micros:.0f}")
finally:
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
