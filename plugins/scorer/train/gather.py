#!/usr/bin/env python3
"""Makes honest mail out of what open-source packages send: their mail templates and the translations of their texts.

    gather.py OUTPUT

downloads the packages of gather_packages.py by pip and npm, takes them apart, and writes OUTPUT/labels.tsv and
OUTPUT/eml/, which `train` reads like any labelled mail. Nothing is run from the packages. The same versions give the
same files.
"""

import hashlib
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

from gather_packages import NPM, PYPI
from gather_texts import Scene, catalogue, filled, of_jsx, of_mjml, pages_in_code, properties, title_of, visible

# Messages that one language of one package gives at most.
PER_LANGUAGE_MAX = 12
# Messages that the catalogues, and those that the pages of one package give at most.
FROM_CATALOGUES_MAX = 240
FROM_PAGES_MAX = 240
# Messages that are made of one page, with other senders and values.
PER_PAGE = 2
# Characters of a source file that is looked at.
SOURCE_MAX = 12_000_000

TEMPLATES = {".html", ".hbs", ".handlebars", ".txt", ".mjml", ".liquid", ".njk", ".ejs", ".mustache", ".tpl", ".ftl", ".j2", ".jinja", ".jinja2", ".htm", ".eml"}
SOURCES = {".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".snap", ".py", ".vue"}
OF_MAIL = re.compile(r"e?mail|newsletter|foundation|notif|invit|bootstrap-email/.*/output|activation|password|registration|courriers|emencia")
NOT_OF_MAIL = re.compile(r"licen[sc]e|requires|requirements|entry_points|/tests?/|/testing/|node_modules|/admin/|readme|changelog|/visual/|tinymce|dist-info|/docs?/|sitemap|robots")


def unpack(folder):
    """Each package in a folder of its own."""
    wheels = [f"{name}=={version}" for name, version, _ in PYPI]
    subprocess.run(["pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", folder, *wheels], check=True)
    for name, version, _ in NPM:
        subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    for file in sorted(folder.iterdir()):
        if file.suffix == ".whl":
            with zipfile.ZipFile(file) as archive:
                archive.extractall(folder / "x" / file.name.split("-", 1)[0].replace("_", "-").lower())
        elif file.suffix == ".tgz":
            with tarfile.open(file) as archive:
                archive.extractall(folder / "x" / file.name.rsplit("-", 1)[0].replace("_", "-").lower(), filter="data")
    return folder / "x"


def from_catalogues(package, folder, dice):
    """Letters made of a package's longer sentences, for each language."""
    for file in sorted(folder.rglob("*.po")):
        if "/tests/" in str(file) or "/testing/" in str(file):
            continue
        scene = Scene(dice)
        texts = [filled(text, scene) for text in catalogue(file.read_text("utf-8", "replace"))]
        mails = [text for text in texts if len(text) > 60 and ("\n" in text or len(text) > 110) and "<" not in text]
        short = [text.strip() for text in texts if 12 < len(text) < 70 and "\n" not in text and "<" not in text]
        if len(mails) < 4 or len(short) < 4:
            continue
        language = file.parts[file.parts.index("LC_MESSAGES") - 1] if "LC_MESSAGES" in file.parts else "xx"
        for _ in range(min(PER_LANGUAGE_MAX, len(mails) // 2)):
            body = "\n\n".join(dice.sample(mails, dice.randint(1, min(3, len(mails)))))
            yield f"{package} {language}", Scene(dice), dice.choice(short), body, None


def from_properties(package, folder, dice):
    """Mails whose subject, text and page stand in a file for each language."""
    for file in sorted(folder.rglob("messages_*.properties")):
        texts = properties(file.read_text("utf-8", "replace"))
        language = file.stem.split("_", 1)[1]
        for name in sorted(name for name in texts if name.endswith("Subject")):
            body, page = (texts.get(name.removesuffix("Subject") + end) for end in ("Body", "BodyHtml"))
            if not body:
                continue
            scene = Scene(dice)
            link = scene.link()

            def fill(text, first):
                value = lambda mark: first if mark.group(1) == "0" else scene.value(dice.choice(["realm", "user", "hours"]))
                return re.sub(r"\{(\d)[^{}]*\}", value, text)

            page = fill(page, link) if page and dice.random() < 0.5 else None
            yield f"{package} {language}", scene, fill(texts[name], scene.brand), fill(body, link), page


def read_pages(package, folder, scene):
    """The pages and texts of mail that a package ships: a name, the text if there is one, the page if there is one."""
    texts = {}
    for file in sorted(folder.rglob("*")):
        path = "/" + str(file.relative_to(folder)).lower()
        if not file.is_file() or NOT_OF_MAIL.search(path) or file.stat().st_size > SOURCE_MAX:
            continue
        if file.suffix in TEMPLATES and OF_MAIL.search(package + path):
            source = file.read_text("utf-8", "replace")
            is_mjml = "<mjml" in source or "<mj-" in source
            source = filled(of_mjml(source) if is_mjml else source, scene)
            is_page = file.suffix != ".txt" and "<" in source
            texts.setdefault((str(file.parent), file.name.split(".", 1)[0]), {})["page" if is_page else "text"] = source
        elif file.suffix in SOURCES:
            source = file.read_text("utf-8", "replace")
            for at, page in enumerate(pages_in_code(source)):
                page = filled(of_mjml(page) if "<mj" in page else page, scene)
                texts[(path, f"{file.stem} {at}")] = {"page": page}
            page = of_jsx(source, scene) if file.suffix in (".tsx", ".jsx", ".ts") and "mail" in path else None
            if page:
                texts[(path, file.stem)] = {"page": page}
    for (place, name), both in texts.items():
        if not re.search("subject|title", name):
            subject = texts.get((place, f"{name}_subject"), {}).get("text")
            yield name, subject, both.get("text"), both.get("page")


def from_pages(package, folder, dice):
    """Mails made of the pages of a package."""
    seen = set()
    for round_ in range(PER_PAGE):
        scene = Scene(dice)
        for name, subject, text, page in read_pages(package, folder, scene):
            shown = visible(page) if page else text
            start = (round_, " ".join(shown.split())[:200])
            is_site = re.search(r"<(?:input|script|select|textarea)\b", page or "", flags=re.I)
            if not 12 <= len(shown.split()) <= 4000 or start in seen or len(page or "") > 300_000 or is_site:
                continue
            seen.add(start)
            said = (subject or "").strip() or (title_of(page) if page else None) or re.sub(r"[-_.]+|(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
            if page and text is None and dice.random() < 0.5:
                text = shown
            yield f"{package} page", scene, said, text, page


def written(scene, subject, text, page):
    """A message in bytes."""
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["From"] = scene.sender()
    mail["To"] = "reader@example.com"
    mail["Subject"] = " ".join(subject.split())[:200] or "Notification"
    if text is not None:
        mail.set_content(text, cte="base64")
    if page is not None and text is not None:
        mail.add_alternative(page, subtype="html", cte="base64")
    elif page is not None:
        mail.set_content(page, subtype="html", cte="base64")
    # The boundary would be another one in each run.
    if mail.is_multipart():
        mail.set_boundary("parts-of-one-message")
    return mail.as_bytes()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    output = pathlib.Path(sys.argv[1])
    (output / "eml").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        rows = gather(unpack(pathlib.Path(scratch)), output)
        table = "id\tlabel\tslice\tsource\tyear\n" + "".join(f"{row}\n" for row in sorted(rows))
        (output / "labels.tsv").write_text(table)
        print(f"{len(rows)} messages in {output}", flush=True)


def gather(unpacked, output):
    """Writes the messages of unpacked packages and returns their labels."""
    rows = set()
    for folder in sorted(unpacked.iterdir()):
        package = folder.name
        dice = random.Random(package)
        for maker, most in ((from_catalogues, FROM_CATALOGUES_MAX), (from_properties, FROM_CATALOGUES_MAX), (from_pages, FROM_PAGES_MAX)):
            made = list(maker(package, folder, dice))
            for slice_, scene, subject, text, page in dice.sample(made, min(len(made), most)):
                raw = written(scene, subject, text, page)
                name = hashlib.sha256(raw).hexdigest()
                (output / "eml" / f"{name}.eml").write_bytes(raw)
                rows.add(f"{name}\t0\t{slice_}\tpackage_{package}\t0")
    return rows


if __name__ == "__main__":
    main()
