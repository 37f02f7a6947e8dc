#!/usr/bin/env python3
"""The report page in a real browser: looked at on a phone and a desk, in light and dark, and used by mouse and keyboard.

A person pastes a deceitful message and gives an honest newsletter as a file, reads what was found, goes from a finding to
its place and back, changes the message and has it judged again, and looks a rule up. The message's html must never be
more than text. With a directory as argument, the screenshots are kept there.
"""

import json
import os
import tempfile

from browser import ENTER, check, visit, wait_until

DECEIT = """From: "PayPal Service" <security@paypa1-support.example>
Reply-To: collect@elsewhere.example
To: ada@example.com
Subject: URGENT: verify your account NOW!!!
Date: Fri, 15 Mar 2024 14:30:00 +0000
Message-ID: <1@paypa1-support.example>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><body onload="alert(1)">
<script>document.title = 'owned'</script><img src="https://tracker.example/p.gif" width="1" height="1">
<p>Dear customer, your account was <b>suspended</b>. Please <a href="http://192.0.2.7/login">https://www.paypal.com/verify</a>
within 24 hours, or it will be closed for ever. <a href="https://bit.ly/3abcdef">Click here</a> to claim your FREE prize.</p>
<form action="http://192.0.2.7/x"><input name="password" type="password"></form>
<p style="display:none">aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</p>
</body></html>
"""
NEWSLETTER = """From: The Garden Club <news@garden.example>\r
To: ada@example.com\r
Subject: What to sow in March\r
Date: Fri, 15 Mar 2024 14:30:00 +0000\r
Message-ID: <2@garden.example>\r
List-Unsubscribe: <https://garden.example/u/1>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello Ada,\r
\r
the days are longer, and the first seeds may go out: broad beans, spinach, radishes. Our next\r
meeting is on Thursday at seven in the library; Miriam brings her seed swap again.\r
\r
The Garden Club, 1 Market Square, Springfield\r
Unsubscribe: https://garden.example/u/1\r
"""


def walk(browser, operator):
    browser.open(f"{operator}/score")
    check("who is not signed in signs in first", browser.where() == f"{operator}/login?to=%2Fscore", browser.where())
    browser.sign_in("Zoë")
    wait_until("the form", lambda: browser.where() == f"{operator}/score")
    browser.look("score-form")
    browser.click("form.paste button[type=submit]")
    wait_until("what is wrong", lambda: "Paste a message, or choose a file" in browser.text())
    browser.look("score-refused")

    browser.run(f"document.querySelector('#message').value = {json.dumps(DECEIT)}")
    browser.click("form.paste button[type=submit]")
    wait_until("the report", lambda: "What to change" in browser.text())
    text = browser.text()
    for part in ("URGENT: verify your account NOW!!!", "reject", "LINK_TEXT_MISMATCH", "Source of the html", "Reply-To"):
        check(f"the report says “{part}”", part in text, text)
    check("nothing of the message is run or loaded", browser.run(
        "return document.title.startsWith('Score of') && !document.querySelector('main img, main script, main input[name=password]')"))
    browser.look("score-report")
    lost = browser.run("return [...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
                       ".filter(id => !document.getElementById(id))")
    check("every link inside of the page leads somewhere", lost == [], lost)
    nameless = browser.run("return [...document.querySelectorAll('main a, main button, main [role=img], main [role=group]')]"
                           ".filter(e => !(e.ariaLabel || e.textContent.trim())).map(e => e.outerHTML)")
    check("everything that can be reached has a name", nameless == [], nameless)

    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.tab_to("a finding's number", "return document.activeElement.matches('.findings a.pin')")
    number = browser.run("return document.activeElement.textContent")
    browser.press(ENTER)
    check("the keyboard goes to the place", browser.where().endswith(f"#place-{number}"), browser.where())
    seen = browser.run(f"const box = document.getElementById('place-{number}').getBoundingClientRect();"
                       "return box.top >= 0 && box.bottom <= innerHeight")
    check("the place is in sight", seen)
    browser.tab_to("the number at the place", f"return document.activeElement.closest('.marked') !== null && document.activeElement.matches('a.pin')")
    browser.press(ENTER)
    check("and back to a finding", "#finding-" in browser.where(), browser.where())

    changed = DECEIT.replace("URGENT: verify your account NOW!!!", "A changed subject")
    browser.run(f"document.querySelector('#message').value = {json.dumps(changed)}")
    browser.click("form.paste button[type=submit]")
    wait_until("another report", lambda: "A changed subject" in browser.run("return document.querySelector('h1').textContent"))

    with tempfile.NamedTemporaryFile("w", suffix=".eml", newline="", encoding="utf-8") as file:
        file.write(NEWSLETTER)
        file.flush()
        browser.open(f"{operator}/score")
        browser.type("#file", file.name)
        browser.click("form.paste button[type=submit]")
        wait_until("the report", lambda: "What to sow in March" in browser.text())
    check("honest mail passes", browser.run("return document.querySelector('.verdict').textContent") == "pass", browser.text())
    browser.look("score-honest")

    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.click("See all rules", "link text")
    wait_until("the rules", lambda: browser.where().endswith("/rules"))
    browser.look("rules")
    browser.run("document.documentElement.style.scrollBehavior = 'auto'")
    browser.click("LINK_TEXT_MISMATCH", "link text")
    wait_until("the rule", lambda: browser.where().endswith("/rules/LINK_TEXT_MISMATCH"))
    check("a rule says what to do", "What to change" in browser.text(), browser.text())
    browser.look("rule")

    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.open(f"{operator}/score")
    browser.type("#message", "Subject: Without scripts\n\nHello")
    browser.click("form.paste button[type=submit]")
    browser.devtools("Emulation.setScriptExecutionDisabled", {"value": False})
    wait_until("the report without scripts", lambda: "Without scripts" in browser.text() and "Findings" in browser.text())
    check("it works without scripts", os.path.basename(browser.where()) == "score", browser.where())


if __name__ == "__main__":
    visit(lambda service: None, walk)
