#!/usr/bin/env python3
"""The dashboards in a real browser: looked at on a phone and a desk, in light and dark, and used by mouse and keyboard.

Mail is sent, opened, and comes back; operators see it, and a customer that signs in with its key sees it and, without
loading anything again, what happens next. With a directory as argument, the screenshots are kept there.
"""

import re
import urllib.request

from browser import ENTER, check, visit, wait_until

LONG = "a.very.long.address.that.nobody.would.type.by.hand.twice.a.day@" + "department-of-long-names." * 4 + "example"
seen = {}


def prepare(service):
    """Events of every kind, for a customer that may see them."""
    seen["service"] = service
    service.run("customer", "features", "--email", "first@pillarbox.test", "--event-tracking", "on", "--event-api", "on")
    for number in range(12):
        to = LONG if number == 0 else f"person{number}@example.com"
        sent = service.post("/api/send", {"to": to, "subject": "Hello", "html": "<p>Hello <a href='https://example.com/'>you</a></p>",
                                          "track_opens": True})
        if number % 4 == 0:
            bounce = {"emailId": sent["email_id"], "bounceType": "hard", "reason": "550 5.1.1 <script>alert(1)</script> nobody here"}
            service.post("/webhooks/bounce", bounce)
        elif number % 3 == 0:
            wait_until("a captured email", lambda: html(service, sent["email_id"]))
            pixel = re.search(r"http[^\"']*(/track/o/[\w-]+)", html(service, sent["email_id"])).group(1)
            urllib.request.urlopen(service.api + pixel).read()


def html(service, email_id):
    try:
        return service.run("mailbox", "show", email_id, "--html")
    except SystemExit:
        return ""


def walk(browser, operator):
    service = seen["service"]
    browser.open(f"{operator}/dashboard")
    text = browser.text()
    for part in ("of all customers", "Sent", "Why mail bounced", "Domains", "Recent events"):
        check(f"the page says “{part}”", part in text, text)
    wait_until("a list that goes on", lambda: "Live:" in browser.text())
    browser.look("dashboard")
    browser.type("#customer", "first@pillarbox.test")
    browser.press(ENTER)
    wait_until("one customer", lambda: "customer=first" in browser.where())
    browser.click("90 days", "link text")
    wait_until("another period", lambda: "period=90d" in browser.where())
    check("it is still this customer's", "The last 90 days" in browser.text() and "customer=first" in browser.where())
    for name in ("sends", "readers", "trouble"):
        words = browser.run(f"const s = document.querySelector('#{name} svg'); return s.getAttribute('aria-labelledby').split(' ')"
                            ".map(id => document.getElementById(id).textContent).join(' ')")
        check(f"the chart “{name}” is told in words", "in all" in words, words)
    browser.tab_to("the table of a chart", "return document.activeElement.tagName === 'SUMMARY'")
    browser.press(ENTER)
    check("the keyboard opens it", browser.run("return document.activeElement.parentElement.open"))
    browser.look("dashboard-customer")

    browser.open(f"{service.api}/dashboard")
    check("a stranger is asked for a key", "API key" in browser.text(), browser.text())
    browser.look("dashboard-sign-in")
    browser.type("#key", "ml_live_nonsense")
    browser.press(ENTER)
    wait_until("what is wrong", lambda: "no API key of an account" in browser.text())
    browser.look("dashboard-refused")
    browser.type("#key", service.key)
    browser.press(ENTER)
    wait_until("the customer's own", lambda: "Sign out" in browser.text())
    check("no link leads to operators", browser.run("return document.querySelector('a[href*=mailbox], a[href*=queue]') === null"))
    wait_until("a list that goes on", lambda: "Live:" in browser.text())
    service.post("/api/send", {"to": "latest@example.com", "subject": "Hello", "text": "Hello"})
    wait_until("what happened just now", lambda: "latest@example.com" in browser.text())
    check("nothing that came is run", browser.run("return document.querySelectorAll('#events script').length") == 0)
    browser.look("dashboard-own")
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.click(".live button")
    check("the list can be stopped", "Paused." in browser.text(), browser.text())
    service.post("/api/send", {"to": "paused@example.com", "subject": "Hello", "text": "Hello"})
    browser.click(".live button")
    wait_until("what was missed", lambda: "paused@example.com" in browser.text())
    browser.click("24 hours", "link text")
    wait_until("another period", lambda: "The last 24 hours" in browser.text())
    browser.look("dashboard-day")
    browser.click(".heading form button")
    wait_until("the form again", lambda: "API key" in browser.text())

    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.open(f"{operator}/dashboard")
    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": False})
    check("without scripts there is the list as well", "latest@example.com" in browser.text(), browser.text())


if __name__ == "__main__":
    visit(prepare, walk, {"PILLARBOX_OUTLET": "capture"})
