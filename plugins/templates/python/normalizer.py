"""A normalizer: it gets a notification about mail that was sent and says what it means. The contract is
wit/normalizer.wit.

It has no clock, no network and no files: the same request always means the same. Import at the top: what is imported
here is part of the component, and a call finds it ready.

This one reads the notifications of a provider that we made up,
`[{"type": "bounce", "email": "ada@example.com", "detail": "550 5.1.1 ..."}]`; put yours in its place.
"""

import json
import re

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.webhook_normalizing import (
    BounceType, Clue, ClueKind, Event, FeedbackType, Format, Ignored, Kind, Outcome, Problem, Request)
from wit_world.imports.types import Description

KINDS = {"bounce": Kind.BOUNCE, "complaint": Kind.COMPLAINT, "delivery": Kind.DELIVERED}
BOUNCE_TYPES = {"5": BounceType.HARD, "4": BounceType.SOFT}
SMTP_CODE = re.compile(r"[2-5]\d\d\b")
ENHANCED_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


class WebhookNormalizing(exports.WebhookNormalizing):
    def describe(self) -> Description:
        return Description("{{name}}", "0.1.0", "Reads the notifications of Example Mail.", [])

    def formats(self) -> list[Format]:
        description = "Notifications of Example Mail: a JSON list of bounces, complaints and deliveries."
        return [Format("example", description, ["application/json"], [])]

    def normalize(self, request: Request, settings: list[tuple[str, str]]) -> Outcome:
        events, ignored = [], []
        for index, item in enumerate(items(request.body)):
            # One bad item never hides the others.
            kind = item.get("type") if isinstance(item, dict) else None
            if kind in KINDS and isinstance(item.get("email"), str):
                events.append(event(KINDS[kind], item))
            else:
                ignored.append(Ignored(index, f"The type {json.dumps(kind)} is not known."))
        return Outcome(events, ignored, [])


class Decoder(json.JSONDecoder):
    """Recurses in Python, which says so when a sender nests too deep. The one in C goes on until the stack ends."""

    def __init__(self):
        super().__init__()
        self.scan_once = json.scanner.py_make_scanner(self)


DECODER = Decoder()


def items(body: bytes) -> list:
    try:
        found = DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list):
        # Not ours to complain about: it may be meant for another plugin.
        raise Err(Problem("unrecognized", "It is not a JSON list.", ""))
    return found


def event(kind: Kind, item: dict) -> Event:
    detail = item["detail"] if isinstance(item.get("detail"), str) else ""
    smtp, enhanced = SMTP_CODE.match(detail), ENHANCED_CODE.search(detail)
    return Event(
        kind=kind,
        bounce_type=BOUNCE_TYPES.get(enhanced[0][0]) if enhanced and kind == Kind.BOUNCE else None,
        recipient=item["email"],
        recipient_alternatives=[],
        reason=detail or None,
        class_=None,
        smtp_code=int(smtp[0]) if smtp else None,
        enhanced_code=enhanced[0] if enhanced else None,
        feedback_type=FeedbackType.ABUSE if kind == Kind.COMPLAINT else None,
        complaint_type=None,
        occurred_at=item["at_ms"] if isinstance(item.get("at_ms"), int) else None,
        provider="example",
        provider_event_id=str(item["id"]) if "id" in item else None,
        clues=[Clue(ClueKind.MESSAGE_ID, str(item["message_id"]))] if "message_id" in item else [],
        custom_data=None,
        attributes=[],
    )
