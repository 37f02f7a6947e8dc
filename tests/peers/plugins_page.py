#!/usr/bin/env python3
"""The Plugins page in a real browser: looked at on a phone and a desk, in light and dark, and clicked through.

A version is tried in the shadow of another one; a person follows the buttons from the page over signing in and the
question to the promotion, by mouse and by keyboard, and takes it back. With a directory as argument, the screenshots
are kept there.
"""

import os
import re

from browser import ENTER, ROOT, TAB, check, visit, wait_until


def guest(version, points):
    """The scorer of the first contract under another version and with other points."""
    path = os.path.join(ROOT, "tests/fixtures/contract-1.0/scorer.wasm")
    with open(path, "rb") as file:
        component = file.read()
    component, versions = re.subn(rb"(?<![@\d])1\.0\.0", version.encode(), component)
    component, scores = re.subn(rb"\0\0\0\0\0\0\xf8\x3f", points, component)
    check(f"a guest {version} is made", (versions, scores) == (1, 1), (versions, scores))
    return component


def prepare(service):
    """A version serves, another one is tried beside it, and messages were judged by both."""
    for version, points, activate in (("1.0.0", b"\0\0\0\0\0\0\xf8\x3f", "true"), ("1.1.0", b"\0\0\0\0\0\0\x1a\x40", "false")):
        path = f"/admin/plugins?activate={activate}&unchecked=true&by=ada&why=a+first+try"
        service.call("POST", path, guest(version, points), {"Content-Type": "application/wasm"})
    shadow = {"version": "1.1.0", "unchecked": True, "by": "ada", "bounds": {"flips_percent_max": 100}}
    service.call("POST", "/admin/plugins/guest/shadow", shadow)
    for number in range(30):
        service.post("/api/content-scoring/analyze", {"subject": f"Hello {number}", "text": "Hello"})

    def compared():
        serving = service.call("GET", "/admin/plugins/guest")["serving"]
        return serving["candidate"]["seen"]["compared"] >= 20
    wait_until("a shadow that has compared twenty messages", compared)


def walk(browser, operator):
    browser.open(f"{operator}/plugins")
    check("the list names the plugin and what is tried", "guest" in browser.text() and "shadow" in browser.text())
    browser.look("plugins")
    browser.click("guest", "link text")
    text = browser.text()
    for part in ("Trial of 1.1.0", "another verdict", "1.5 → 6.5 points", "Calls of 1.0.0", "a first try", "Installed"):
        check(f"the plugin's page says “{part}”", part in text, text)
    browser.look("plugin")

    browser.click("Promote…", "link text")
    check("who is not signed in signs in first", browser.where().startswith(f"{operator}/login"), browser.where())
    browser.look("login")
    browser.type("#token", "not the token")
    browser.click("form button")
    check("a wrong token is told", "This is not the operator token" in browser.text(), browser.text())
    browser.sign_in("Zoë")
    wait_until("the question", lambda: browser.where().endswith("/plugins/guest/promote"))
    browser.look("question")
    browser.type("#why", "It finds more")
    browser.click("form button[type=submit]")
    text = browser.text()
    check("the version serves now", "The version that was tried serves now." in text and "Calls of 1.1.0" in text, text)
    check("the log names the person and the reason", "by Zoë" in text and "It finds more" in text, text)
    browser.look("promoted")

    browser.open(f"{operator}/plugins/guest")
    browser.press(TAB)
    check("the first stop of the keyboard is the way to the content",
          browser.run("return document.activeElement.className") == "skip")
    browser.tab_to("the button", "return document.activeElement.textContent.startsWith('Roll back')")
    browser.press(ENTER)
    wait_until("the question", lambda: browser.where().endswith("/plugins/guest/rollback"))
    browser.tab_to("the yes", "return document.activeElement.type === 'submit'")
    browser.press(ENTER)
    wait_until("the page of the plugin", lambda: "done=rollback" in browser.where())
    text = browser.text()
    check("the keyboard alone rolls back", "serves again" in text and "Calls of 1.0.0" in text, text)

    browser.click(".heading form button")
    check("signing out ends the session", "Sign in" in browser.text(), browser.text())
    browser.open(f"{operator}/plugins/guest/rollback")
    check("and the next change asks anew", "/login" in browser.where(), browser.where())


if __name__ == "__main__":
    visit(prepare, walk)
