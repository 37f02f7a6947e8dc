#!/usr/bin/env python3
"""Messages as Python's email package makes them, and sends them with smtplib.

mail.py make FOLDER FROM        one file for each kind of message
mail.py send FILE HOST PORT USER PASSWORD CERTIFICATE
"""

import os
import random
import smtplib
import ssl
import sys
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

HTML = "<!DOCTYPE html><p>Grüße, <a href=\"https://example.com/?a=1&amp;b=2\">weiter</a> €</p>\n"


def message(name, author):
    """A message with all that its sender must give, so that nothing is added."""
    made = EmailMessage(policy=SMTP)
    made["From"] = Address("Acme, Inc.", addr_spec=author)
    made["To"] = "Ada <ada@example.com>"
    made["Subject"] = f"{name}: Grüße aus Köln"
    made["Message-ID"] = f"<{name}.{random.getrandbits(64):x}@example.org>"
    made["Date"] = "Fri, 15 Mar 2024 14:30:00 +0000"
    return made


def make(folder, author):
    kinds = {name: message(name, author) for name in ["plain", "html", "attachment", "unicode", "long_lines", "dots"]}
    kinds["plain"].set_content("Hello Ada,\n\nsee you.\n")
    kinds["html"].set_content("Grüße\n")
    kinds["html"].add_alternative(HTML, subtype="html")
    kinds["attachment"].set_content("See the files.\n")
    kinds["attachment"].add_attachment(random.randbytes(100_000), "application", "pdf", filename="Übersicht.pdf")
    kinds["attachment"].add_attachment("a,b\n1,2\n", subtype="csv", filename="table.csv")
    kinds["unicode"].set_content("日本語 Ελληνικά עברית 🚀\n" * 50, cte="8bit")
    kinds["long_lines"].set_content("word " * 2_000 + "\n" + "x" * 5_000 + "\n")
    kinds["dots"].set_content(".\n..\n...\n.a\n\n.\n.\n", cte="7bit")
    for name, made in kinds.items():
        with open(os.path.join(folder, f"{name}.eml"), "wb") as file:
            file.write(made.as_bytes())


def send(path, host, port, user, password, certificate):
    with open(path, "rb") as file:
        content = file.read()
    with smtplib.SMTP(host, int(port), timeout=20) as smtp:
        smtp.starttls(context=ssl.create_default_context(cafile=certificate))
        smtp.login(user, password)
        refused = smtp.sendmail("bounces@example.org", ["ada@example.com"], content, mail_options=["BODY=8BITMIME"])
        if refused:
            sys.exit(f"refused: {refused}")


if __name__ == "__main__":
    {"make": make, "send": send}[sys.argv[1]](*sys.argv[2:])
