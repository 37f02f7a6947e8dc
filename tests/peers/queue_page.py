#!/usr/bin/env python3
"""The Queue page in a real browser: looked at on a phone and a desk, in light and dark, and clicked through.

Mail goes to a server that says "not now", so it waits; a person pauses a destination with a reason, lets it go on, has
mail tried and takes an email back, by mouse and by keyboard. With a directory as argument, the screenshots are kept
there.
"""

import socketserver
import threading

from browser import ENTER, check, visit, wait_until

LONG = "a.very.long.address.that.nobody.would.type.by.hand.twice.a.day"
LONG_DOMAIN = ".".join(["department-of-rather-long-names"] * 4) + ".example"


class NotNow(socketserver.StreamRequestHandler):
    """One SMTP session of a server that takes no recipient today."""

    def handle(self):
        self.say("220 sink.example ESMTP")
        while line := self.rfile.readline(4096):
            verb = line.split(b" ")[0].strip().upper()
            answers = {b"RCPT": "451 4.7.1 Greylisted: come back in a few minutes", b"QUIT": "221 bye",
                       b"DATA": "503 5.5.1 No recipients"}
            self.say(answers.get(verb, "250 ok"))
            if verb == b"QUIT":
                break

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


def prepare(service):
    """Copies wait that were tried, that were not yet, and that are paused."""
    service.run("domain", "add", "acme.example", "--customer", "first@pillarbox.test", "--assume-verified")
    pause = {"destination": "moving.example", "reason": "Their servers move until Monday"}
    service.call("POST", "/admin/queue/pause", pause)
    for to in ("ada@friends.example", f"{LONG}@{LONG_DOMAIN}", "bob@moving.example", "eve@moving.example"):
        service.post("/api/send", {"from": "news@acme.example", "to": to, "subject": "Hello", "text": "Hello"})

    def tried():
        copies = service.call("GET", "/admin/queue")["copies"]
        return len([copy for copy in copies if copy["response"] and "Greylisted" in copy["response"]]) == 2
    wait_until("a queue in which two copies were tried", tried)


def answer(browser, path):
    """Says yes to the question that is open, and waits for the queue."""
    check(f"the question is at {path}", path in browser.where(), browser.where())
    browser.click("form button[type=submit]")
    wait_until("the queue", lambda: "/queue?done=" in browser.where())


def walk(browser, operator):
    browser.open(f"{operator}/queue")
    text = browser.text()
    for part in ("4 copies of emails wait", "Paused since", "Their servers move until Monday", "Greylisted", LONG,
                 "tried once", "not tried yet"):
        check(f"the page says “{part}”", part in text, text)
    browser.look("queue")

    browser.click("Pause a destination…", "partial link text")
    check("who is not signed in signs in first", browser.where().startswith(f"{operator}/login"), browser.where())
    browser.sign_in("Zoë")
    wait_until("the question", lambda: browser.where().endswith("/queue/pause"))
    browser.look("queue-question")
    browser.type("#destination", "a..b")
    browser.type("#reason", "A reason that stays")
    browser.click("form button[type=submit]")
    kept = browser.run("return document.querySelector('#reason').value")
    check("what is no domain is told, and nothing is lost", "a..b: " in browser.text() and kept == "A reason that stays", kept)
    browser.look("queue-refused")
    browser.run("document.querySelector('#destination').value = ''")
    browser.type("#destination", "friends.example")
    browser.press(ENTER)
    wait_until("the queue", lambda: "/queue?done=pause" in browser.where())
    text = browser.text()
    check("the destination is paused", "paused until you resume it" in text and "A reason that stays" in text, text)
    browser.look("queue-paused")

    browser.type("#destination", "friends.example")
    browser.press(ENTER)
    wait_until("one destination", lambda: "destination=friends.example" in browser.where())
    text = browser.text()
    check("only this destination is shown", "Queue for friends.example" in text and "moving.example" not in text, text)
    browser.look("queue-destination")
    browser.tab_to("the button", "return document.activeElement.textContent.startsWith('Resume')")
    browser.press(ENTER)
    wait_until("the question", lambda: "/queue/resume?" in browser.where())
    browser.tab_to("the yes", "return document.activeElement.type === 'submit'")
    browser.press(ENTER)
    wait_until("the queue", lambda: "/queue?done=resume" in browser.where())
    check("the keyboard alone lets it go on", "mail goes on" in browser.text(), browser.text())

    browser.click("Take back…", "partial link text")
    answer(browser, "/queue/cancel")
    text = browser.text()
    check("the email is taken back", "The email is taken back" in text and "3 copies of emails wait" in text, text)
    browser.click("Try everything now…", "partial link text")
    browser.look("queue-everything")
    answer(browser, "/queue/retry")
    wait_until("a second attempt", lambda: browser.open(f"{operator}/queue") or "tried 2 times" in browser.text())

    browser.open(f"{operator}/queue?destination=nowhere.example")
    check("an empty queue says so", "Nothing waits" in browser.text(), browser.text())
    browser.look("queue-empty")
    browser.click(".heading form button")
    wait_until("the same page", lambda: "destination=nowhere.example" in browser.where())
    check("signing out ends the session and stays here", "Sign in" in browser.text(), browser.text())


def main():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), NotNow) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        relay = f"smtp://127.0.0.1:{server.server_address[1]}?starttls=off"
        visit(prepare, walk, {"PILLARBOX_OUTLET": "relay", "PILLARBOX_RELAY_URL": relay})
        server.shutdown()


if __name__ == "__main__":
    main()
