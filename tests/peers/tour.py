#!/usr/bin/env python3
"""Follows the README's tour as a newcomer would, and compares every answer with the printed one.

The service is started by the README's first command, in an empty data directory. Blocks of `sh` from the heading
"Five minutes" to the end of a version's life run one after the other in one shell; the block of `json` or `text` behind one is what it must print.
Ids, times, tokens and durations differ from run to run, so they are compared by their shape.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MASKS = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r'"duration_us":\d+', '"duration_us":N'),
    (r"sha256:[0-9a-f]+", "sha256:DIGEST"),
    (r"[ \t]+(?=\n|$)", ""),
    (r"  +", "  "),
    (r"\r", ""),
]


def masked(text):
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text)
    return text.strip()


def steps():
    readme = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
    tour = readme.split("## Five minutes")[1].split("\n## What a version would have done")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", tour, re.S)
    for index, (language, text) in enumerate(blocks):
        if language == "sh":
            follows = blocks[index + 1] if index + 1 < len(blocks) else ("sh", "")
            yield text, follows[1] if follows[0] in ("json", "text") else None


def wait_for_key(service):
    lines = []
    for line in service.stdout:
        lines.append(line)
        if line.startswith("ml_live_"):
            return line.strip()
    sys.exit("the service ended without a key:\n" + "".join(lines))


def main():
    data = tempfile.mkdtemp(prefix="pillarbox-tour-")
    environment = {**os.environ, "PILLARBOX_DATA_DIR": data}
    command = ["cargo", "run", "--release", "--locked", "--quiet"]
    service = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               text=True, start_new_session=True)
    try:
        key = wait_for_key(service)
        for _ in range(200):
            try:
                urllib.request.urlopen("http://127.0.0.1:9090/readyz", timeout=1).read()
                break
            except OSError:
                time.sleep(0.05)
        script, expected = "", []
        for number, (text, answer) in enumerate(steps()):
            if "PILLARBOX_KEY=ml_live_" in text:
                text = f"export PILLARBOX_KEY={key}\n"
            script += f"{text}\nprintf '\\n<<<{number}>>>\\n'\nsleep 0.3\n"
            expected.append((text, answer))
        shell = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        answers = re.split(r"<<<\d+>>>\n", shell.stdout)
        failed = 0
        for (text, answer), given in zip(expected, answers):
            if answer is not None and masked(given) != masked(answer):
                failed += 1
                print(f"--- this command\n{text}--- should print\n{answer}--- and printed\n{given}")
        print(f"tour: {len(expected)} steps, {failed} failed")
        sys.exit(1 if failed else 0)
    finally:
        os.killpg(service.pid, signal.SIGTERM)
        service.wait(timeout=30)


if __name__ == "__main__":
    main()
