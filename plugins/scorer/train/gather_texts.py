"""Reads the texts of mail out of the files of a package: catalogues of translations, templates of many languages, and
pages that stand in source code. What a template leaves open is filled from a `Scene`."""

import ast
import html
import re

SYLLABLES = ["lo", "ka", "mer", "tin", "sol", "ver", "ba", "no", "ri", "da", "pel", "un", "fi", "gra", "to", "mi", "zen", "ar"]
ENDS = ["com", "com", "com", "org", "net", "io", "de", "fr", "co.uk", "es", "it", "nl", "eu", "ru", "pl", "com.br", "jp"]
FIRST = ["Ada", "Maria", "James", "Olena", "Tom", "Yuki", "Pedro", "Claire", "Ravi", "Grace", "Omar", "Ingrid", "Emre", "Sofia"]
LAST = ["Lindqvist", "Okafor", "Brandt", "Becker", "Tanaka", "Alves", "Martin", "Patel", "Kim", "Haddad", "Berg", "Kaya", "Rossi"]
THINGS = ["the summer meeting", "Spring order", "Lumen", "Roadmap", "Budget 2026", "Welcome guide", "Team", "Report", "details"]
LOCALS = ["noreply", "no-reply", "hello", "hello", "info", "support", "team", "news", "admin", "orders", "accounts", "notifications"]
MONTHS = ["January", "March", "May", "June", "September", "October", "November", "December"]


class Scene:
    """Somebody who might send such mail, and somebody who gets it."""

    def __init__(self, dice):
        self.dice = dice
        name = "".join(dice.choices(SYLLABLES, k=dice.randint(2, 3)))
        self.brand = name.capitalize() + dice.choice(["", "", "", " Books", " & Co", " Health", " Cloud", " Club", " Travel"])
        self.site = f"{name}.{dice.choice(ENDS)}"
        self.person = dice.choice(FIRST)

    def sender(self):
        """An address with a name."""
        local = self.dice.choice(LOCALS)
        name = self.dice.choice([self.brand] * 5 + ["", f"{self.person} from {self.brand}", f"{self.brand} Support", "No Reply"])
        return f'"{name}" <{local}@{self.site}>' if name else f"{local}@{self.site}"

    def link(self):
        """Somewhere on the sender's site."""
        dice = self.dice
        word = dice.choice(["account", "verify", "reset", "orders", "invite", "app", "news", "events", "settings", "u", "confirm"])
        token = "".join(dice.choices("abcdef0123456789", k=dice.choice([8, 10, 32])))
        return dice.choice([f"https://{self.site}/{word}/{token}", f"https://{self.site}/{word}", f"https://app.{self.site}/{word}?token={token}", f"https://{self.site}"])

    def value(self, mark):
        """What may stand for a variable."""
        dice, mark = self.dice, mark.lower()
        kinds = [
            (r"ur[li]|link|href|host$|_root|path", self.link),
            (r"mail", lambda: f"{self.person.lower()}@{dice.choice(['example.com', 'example.org', 'inbox.example'])}"),
            (r"code|otp|pin\b|token", lambda: str(dice.randint(100_000, 999_999))),
            (r"price|amount|total|cost|fee|balance|sum\b", lambda: f"{dice.choice('$€£')}{dice.randint(3, 240)}.{dice.randint(0, 99):02}"),
            (r"date|_at\b|day|deadline", lambda: f"{dice.choice(MONTHS)} {dice.randint(1, 28)}, 2026"),
            (r"hour|minute|expir|time|ttl", lambda: f"{dice.choice([10, 15, 24, 30, 48])} {dice.choice(['minutes', 'hours'])}"),
            (r"count|number|num\b|id\b|qty|quantity|year|order", lambda: str(dice.choice([2, 3, 5, 12, 48, 2026, 1042, 48213]))),
            (r"site|brand|compan|product|realm|app|shop|store|organi|project|team|tenant|instance|domain", lambda: self.brand),
            (r"user|name|author|person|recipient|customer|sender|owner|member", lambda: dice.choice([self.person, f"{self.person} {dice.choice(LAST)}"])),
        ]
        for pattern, make in kinds:
            if re.search(pattern, mark):
                return make()
        return dice.choice(THINGS)


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


def properties(text):
    """The texts of a Java properties file by name."""
    found = {}
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda code: chr(int(code.group(1), 16)), value)
            found[name.strip()] = value.strip().replace("\\n", "\n").replace("''", "'")
    return found


MARKS = re.compile(r"\{\{\{.*?\}\}\}|\{\{.*?\}\}|<%[=-].*?%>|\$\{.*?\}|\[%.*?%\]|%\(\w+\)[sd]|\{\w*\}|%[sd]|%\w{3,20}%", flags=re.S)


def filled(text, scene):
    """Markup of template languages away, texts to translate as they are, and something plausible where a variable stands."""
    text = re.sub(r"\{#.*?#\}|\{%-?\s*comment.*?endcomment\s*-?%\}|\{\{!--.*?--\}\}|<#--.*?-->|<%#.*?%>", "", text, flags=re.S)
    text = re.sub(r"\{%-?\s*(?:trans|translate)\s+(['\"])(.*?)\1.*?%\}", r"\2", text, flags=re.S)
    text = re.sub(r"\{\{-?\s*(?:_|gettext|t|i18n|__|translate)?[\s(]*(['\"])([^'\"{}]{2,}?)\1[^{}]*?\}\}", r"\2", text, flags=re.S)
    text = re.sub(r"\{\{\s*(#|/|>|else|\^).*?\}\}", "", text, flags=re.S)
    text = re.sub(r"\{%.*?%\}|<%(?![=-]).*?%>|</?[#@][^>]*>", "", text, flags=re.S)
    return MARKS.sub(lambda mark: scene.value(mark.group()), text)


MJML = {
    "mjml": "html", "mj-head": "head", "mj-title": "title", "mj-preview": 'div style="display:none"', "mj-body": "body", "mj-wrapper": "div",
    "mj-section": 'table width="100%"', "mj-group": "tr", "mj-column": "td", "mj-text": "div", "mj-button": "a", "mj-hero": "div",
    "mj-navbar": "div", "mj-navbar-link": "a", "mj-social": "div", "mj-social-element": "a", "mj-table": "table", "mj-raw": "div",
}
REACT = {
    "Html": "html", "Head": "head", "Body": "body", "Preview": 'div style="display:none"', "Container": 'table align="center" width="600"',
    "Section": "table", "Row": "tr", "Column": "td", "Text": "p", "Heading": "h1", "Button": "a", "Link": "a", "CodeInline": "code",
}


def renamed(page, names):
    """Tags of a template language as html."""
    for name, tag in names.items():
        page = re.sub(rf"<{name}(?=[\s/>])", f"<{tag}", page)
        page = re.sub(rf"</{name}>", f"</{tag.split(' ')[0]}>", page)
    return page


def of_mjml(page):
    """About what mjml makes of it."""
    page = re.sub(r"<mj-(?:attributes|style|include|font|breakpoint|html-attributes).*?(?:/>|</mj-[\w-]+>)", "", page, flags=re.S)
    page = re.sub(r"<mj-(?:image|carousel-image)([^>]*?)/?>(?:</mj-image>)?", r"<img\1>", page, flags=re.S)
    page = re.sub(r"<mj-(?:divider|spacer)[^>]*?/?>", "<hr>", page)
    return re.sub(r"</?mj-[\w-]+[^>]*>", "", renamed(page, MJML))


def of_jsx(source, scene):
    """About what a page of components renders to; `None` when there is no page in it."""
    start, end = source.find("<Html"), source.rfind("</Html>")
    if start < 0 or end < start:
        return None
    page = re.sub(r"\{/\*.*?\*/\}", "", source[start:end + 7], flags=re.S)
    page = re.sub(r"\{\s*(['\"`])([^'\"`{}]*)\1\s*\}", r"\2", page)
    page = re.sub(r"\s(?:style|className|class)=(?:\{\{.*?\}\}|\{[^{}]*\}|\"[^\"]*\")", "", page, flags=re.S)
    page = re.sub(r"=\{((?:[^{}]|\{[^{}]*\})*)\}", lambda mark: f'="{scene.value("url " + mark.group(1)[:40])}"', page)
    for _ in range(3):
        page = re.sub(r"\{([^{}]*)\}", lambda mark: scene.value(mark.group(1)[-60:]), page)
    page = re.sub(r"<Img(.*?)/>", r"<img\1>", page, flags=re.S)
    page = re.sub(r"<Hr[^>]*/>", "<hr>", page)
    return re.sub(r"</?[A-Z]\w*[^>]*>", "", renamed(page, REACT))


def pages_in_code(source):
    """Whole pages that stand in source code as texts."""
    for found in re.finditer(r"<!doctype html\b.*?</html>|<html\b.*?</html>|<mjml\b.*?</mjml>", source, flags=re.S | re.I):
        page = found.group()
        if len(page) < 200_000:
            yield page.replace("\\n", "\n").replace('\\"', '"').replace("\\'", "'").replace("\\t", " ").replace("\\`", "`")


def visible(page):
    """The words that a page shows, roughly."""
    page = re.sub(r"<(style|script|head|title).*?</\1>|<!--.*?-->", " ", page, flags=re.S | re.I)
    page = re.sub(r"</(?:p|div|tr|h\d|table|li)>|<br[^>]*>", "\n", page, flags=re.I)
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return "\n".join(line for line in (" ".join(line.split()) for line in text.splitlines()) if line)


def title_of(page):
    """What a page says it is about, if it does."""
    for pattern in (r"<title>(.*?)</title>", r"<h1[^>]*>(.*?)</h1>", r"<h2[^>]*>(.*?)</h2>"):
        found = re.search(pattern, page, flags=re.S | re.I)
        text = html.unescape(" ".join(re.sub(r"<[^>]+>", " ", found.group(1)).split())) if found else ""
        if text:
            return text[:90]
    return None
