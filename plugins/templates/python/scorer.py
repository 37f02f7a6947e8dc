"""A scorer: it gets a message and says what a reader or a mail filter would dislike. The contract is wit/scorer.wit.

It has no clock, no network and no files: the same message always gets the same verdict. Import at the top: what is
imported here is part of the component, and a call finds it ready.
"""

import json
import re

from wit_world import exports
from wit_world.exports.content_scoring import Finding, Location, Message, Rule, Severity, Verdict
from wit_world.imports.types import Description

PHRASE = Rule(
    "PHRASE", "wording", Severity.INFO, 1.0,
    "Looks for phrases that press the reader. The setting `phrases` names them.",
    "Say what the reader gets instead.", [])
LINK_SHORTENED = Rule(
    "LINK_SHORTENED", "links", Severity.ERROR, 1.5,
    "Looks for links through a shortener, which hide where they lead; filters distrust them.",
    "Link to your own site.", [])
SUBJECT_MISSING = Rule(
    "SUBJECT_MISSING", "subject", Severity.WARNING, 0.5,
    "Looks for a message without a subject.",
    "Say in the subject what the message is about.", [])

PHRASES_BY_DEFAULT = "act now, risk free, you have won"
SHORTENERS = {"bit.ly", "goo.gl", "is.gd", "t.ly", "tinyurl.com"}
HOST = re.compile(r"(?<=://)[a-z0-9.-]+", re.IGNORECASE)


class ContentScoring(exports.ContentScoring):
    def describe(self) -> Description:
        # A setting is declared by an attribute. The host checks what an operator gives, and hands it over as text.
        phrases = {"type": "text", "default": PHRASES_BY_DEFAULT,
                   "description": "Phrases to look for, with commas between"}
        return Description("{{name}}", "0.1.0", "Looks for pressing phrases and shortened links.",
                           [("setting:phrases", json.dumps(phrases))])

    def rules(self) -> list[Rule]:
        return [PHRASE, LINK_SHORTENED, SUBJECT_MISSING]

    def score(self, message: Message, settings: list[tuple[str, str]]) -> Verdict:
        wanted = dict(settings).get("phrases", PHRASES_BY_DEFAULT)
        findings = []
        for part in ("subject", "html", "text"):
            text = getattr(message, part) or ""
            findings += phrases(part, text, wanted) + links(part, text)
        if not (message.subject or "").strip():
            findings.append(finding(SUBJECT_MISSING, "The message has no subject.", "subject", "", 0, 0))
        return Verdict(sum(found.points for found in findings), findings, [])


def phrases(part: str, text: str, wanted: str) -> list[Finding]:
    words = [re.escape(phrase.strip()) for phrase in wanted.split(",") if phrase.strip()]
    found = [match for word in words if (match := re.search(word, text, re.IGNORECASE))]
    return [finding(PHRASE, f"“{match[0]}” presses the reader.", part, text, *match.span()) for match in found]


def links(part: str, text: str) -> list[Finding]:
    hosts = [match for match in HOST.finditer(text) if match[0].lower() in SHORTENERS]
    return [finding(LINK_SHORTENED, f"“{match[0]}” hides where the link leads.", part, text, *match.span())
            for match in hosts]


def finding(rule: Rule, message: str, part: str, text: str, begin: int, end: int) -> Finding:
    """A location counts bytes of UTF-8, and Python counts characters."""
    offset, length = len(text[:begin].encode()), len(text[begin:end].encode())
    location = Location(part, offset, length, 0)
    return Finding(rule.id, rule.severity, rule.points, message, rule.suggestion, location, [])
