"""A real browser, driven over WebDriver, and a service for it to look at. For the tests of single pages.

A page is looked at on a phone and a desk, in light and dark, and what is wrong with its layout is found by a script.
"""

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("PILLARBOX_BIN", os.path.join(ROOT, "target/release/pillarbox"))
TOKEN = "a-token-for-the-browser-0123456789abcdef"
PATIENCE = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB, ENTER = "\ue004", "\ue007"

# What is wrong with the page as it is laid out: overflow, fields without a label, headings out of order, pale text.
FAULTS = r"""
const faults = [];
const root = document.documentElement;
if (root.scrollWidth > root.clientWidth) faults.push(`${root.scrollWidth} pixels wide in a window of ${root.clientWidth}`);
for (const field of document.querySelectorAll('input:not([type=hidden])'))
  if (!field.labels.length) faults.push(`no label: ${field.name}`);
const levels = [...document.querySelectorAll('h1,h2,h3,h4')].map(heading => +heading.tagName[1]);
if (levels.filter(level => level === 1).length !== 1) faults.push(`h1 stands ${levels.filter(l => l === 1).length} times`);
levels.reduce((before, level) => { if (level > before + 1) faults.push(`h${level} follows h${before}`); return level; }, 0);
if (document.querySelector('script:not([data-live])')) faults.push('a script');
const numbers = color => color.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
  .reduce((sum, c, at) => sum + c * [.2126, .7152, .0722][at], 0);
const ground = element => {
  for (; element; element = element.parentElement) {
    const color = numbers(getComputedStyle(element).backgroundColor);
    if (color.length === 3 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
for (const element of document.querySelectorAll('main *, header *')) {
  const said = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!said || element.closest('.unseen')) continue;
  const style = getComputedStyle(element);
  const text = light(numbers(element instanceof SVGElement ? style.fill : style.color)), back = light(ground(element));
  const contrast = (Math.max(text, back) + .05) / (Math.min(text, back) + .05);
  if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${element.textContent.trim().slice(0, 40)}`);
}
for (const target of document.querySelectorAll('button, .button'))
  if (target.getBoundingClientRect().height < 44) faults.push(`too low to tap: ${target.textContent}`);
return faults;
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def call(method, url, body=None, headers=None):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if data is not None and not request.has_header("Content-type"):
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        sys.exit(f"FAILED: {method} {url}: {error.code} {error.read().decode(errors='replace')[:2000]}")


def wait_until(what, is_so):
    for _ in range(PATIENCE * 10):
        if is_so():
            return
        time.sleep(0.1)
    sys.exit(f"FAILED: {what} does not happen")


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).read()
        return True
    except OSError:
        return False


def check(what, is_so, seen=""):
    if not is_so:
        sys.exit(f"FAILED: {what}: {str(seen)[:3000]}")
    print(f"ok: {what}")


class Browser:
    """One window, over WebDriver."""

    def __init__(self, driver, profile, shots):
        options = {"binary": shutil.which("chromium"), "args": [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars", "--disable-sync",
            "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        session = call("POST", f"{driver}/session", wanted)["value"]["sessionId"]
        self.url, self.shots = f"{driver}/session/{session}", shots

    def post(self, path, body=None):
        return call("POST", f"{self.url}/{path}", body or {})["value"]

    def devtools(self, command, parameters):
        return self.post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script):
        return self.post("execute/sync", {"script": script, "args": []})

    def open(self, url):
        self.post("url", {"url": url})

    def where(self):
        return call("GET", f"{self.url}/url")["value"]

    def text(self):
        return self.run("return document.body.innerText")

    def find(self, selector, by="css selector"):
        return self.post("element", {"using": by, "value": selector})[ELEMENT]

    def click(self, selector, by="css selector"):
        self.post(f"element/{self.find(selector, by)}/click")

    def type(self, selector, text):
        self.post(f"element/{self.find(selector)}/value", {"text": text})

    def press(self, *keys):
        presses = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": presses}]})

    def look(self, name):
        """At the page that is open, in each size and colour."""
        for width, mobile in ((360, True), (1280, False)):
            self.devtools("Emulation.setDeviceMetricsOverride",
                          {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile})
            for colour in ("light", "dark"):
                features = [{"name": "prefers-color-scheme", "value": colour}]
                self.devtools("Emulation.setEmulatedMedia", {"features": features})
                faults = self.run(FAULTS)
                check(f"{name} at {width} pixels in {colour} has no faults", faults == [], faults)
                shot = self.devtools("Page.captureScreenshot", {"captureBeyondViewport": True})["data"]
                with open(os.path.join(self.shots, f"{name}-{width}-{colour}.png"), "wb") as file:
                    file.write(base64.b64decode(shot))

    def sign_in(self, name):
        """On the form that asks for it."""
        self.type("#token", TOKEN)
        self.type("#name", name)
        self.press(ENTER)

    def tab_to(self, what, script, stops=120):
        """Moves the keyboard's place until the script says that it is there."""
        for _ in range(stops):
            self.press(TAB)
            if self.run(script):
                return
        sys.exit(f"FAILED: the keyboard does not reach {what}")


class Service:
    """Where it is reached, the key of its first customer, and a way to give it commands."""

    def __init__(self, environment, api, operator, key):
        self.environment, self.api, self.operator, self.key = environment, api, operator, key

    def run(self, *words):
        done = subprocess.run([BINARY, *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        check(f"pillarbox {' '.join(words[:2])}", done.returncode == 0, done.stderr)
        return done.stdout

    def call(self, method, path, body=None, headers=None):
        """On the listener for operators, with the token."""
        return call(method, self.operator + path, body, {"Authorization": f"Bearer {TOKEN}", **(headers or {})})

    def post(self, path, body):
        """On the API, as the first customer."""
        return call("POST", self.api + path, body, {"Authorization": f"Bearer {self.key}"})


def visit(prepare, walk, settings=None):
    """Starts a service with these settings, prepares it, and walks through its pages with a browser. With a directory
    as the script's argument, the screenshots are kept there."""
    work = tempfile.mkdtemp(prefix="pillarbox-page-")
    shots = sys.argv[1] if len(sys.argv) > 1 else os.path.join(work, "shots")
    os.makedirs(shots, exist_ok=True)
    api, operator, driver = (f"127.0.0.1:{free_port()}" for _ in range(3))
    environment = {**os.environ, "PILLARBOX_DATA_DIR": os.path.join(work, "data"), "PILLARBOX_LISTEN": api,
                   "PILLARBOX_OPERATOR_LISTEN": operator, "PILLARBOX_SMTP_LISTEN": "off",
                   "PILLARBOX_OPERATOR_TOKEN": TOKEN, **(settings or {})}
    log = open(os.path.join(work, "log"), "w", encoding="utf-8")
    out = os.path.join(work, "out")
    started = [subprocess.Popen([BINARY, "serve"], env=environment, stdout=open(out, "w", encoding="utf-8"), stderr=log)]
    try:
        wait_until("a service that is ready", lambda: answers(f"http://{operator}/readyz"))
        with open(out, encoding="utf-8") as printed:
            key = re.search(r"^ml_live_\w+", printed.read(), re.M).group()
        prepare(Service(environment, f"http://{api}", f"http://{operator}", key))
        started.append(subprocess.Popen(["chromedriver", f"--port={driver.split(':')[1]}"], stdout=log, stderr=log))
        wait_until("a driver that is ready", lambda: answers(f"http://{driver}/status"))
        browser = Browser(f"http://{driver}", os.path.join(work, "profile"), shots)
        try:
            walk(browser, f"http://{operator}")
        finally:
            call("DELETE", browser.url)
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)
        log.close()
        shutil.rmtree(work, ignore_errors=True)
