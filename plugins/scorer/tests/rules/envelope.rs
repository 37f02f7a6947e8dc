//! Who writes, to whom, and what programs are told.

use super::support::{Case, Mail, letter, notes, points, spares};

pub fn cases() -> Vec<Case> {
    let value: &'static str = Box::leak("a".repeat(999).into_boxed_str());
    let headers = |count: usize| (0..count).fold(letter(), |mail, _| mail.header("X-A", "b"));
    let bulk = |mail: Mail| mail.header("List-Id", "<notes.analytical.example>");
    let name = |name: &str| letter().from(name, "ada@analytical.example");
    let address = |email: &str| letter().from("Ada Lovelace", email);
    vec![
        points("HEADER_LONG", letter().header("X-A", value), value),
        spares("HEADER_LONG", letter().header("X-A", &value[1..])),
        notes("HEADERS_MANY", headers(101)),
        spares("HEADERS_MANY", headers(100)),
        points("HEADER_BCC", letter().header("Bcc", "grace@engine.example"), "grace@engine.example"),
        spares("HEADER_BCC", letter().header("Cc", "grace@engine.example")),
        points(
            "READ_RECEIPT_IN_BULK",
            bulk(letter()).header("Disposition-Notification-To", "ada@analytical.example"),
            "ada@analytical.example",
        ),
        spares("READ_RECEIPT_IN_BULK", letter().header("Disposition-Notification-To", "ada@analytical.example")),
        points("SENDER_OTHER_DOMAIN", letter().header("Sender", "ada@other.example"), "ada@other.example"),
        spares("SENDER_OTHER_DOMAIN", letter().header("Sender", "ada@mail.analytical.example")),
        points("PRECEDENCE_JUNK", letter().header("Precedence", "junk"), "junk"),
        spares("PRECEDENCE_JUNK", letter().header("Precedence", "bulk")),
        points("FROM_NAME_LONG", name(&"Ada ".repeat(16)), "ada@analytical.example"),
        spares("FROM_NAME_LONG", name(&"Ada ".repeat(15))),
        points("FROM_NAME_SHOUTING", name("ADA KING LOVELACE"), "ada@analytical.example"),
        spares("FROM_NAME_SHOUTING", name("ADA LOVELACE")),
        points("FROM_NAME_EMOJI", name("Ada \u{1f389}"), "ada@analytical.example"),
        spares("FROM_NAME_EMOJI", name("Ada \u{2122}")),
        points("FROM_ADDRESS_DIGITS", address("ada123456@analytical.example"), "ada123456@analytical.example"),
        spares("FROM_ADDRESS_DIGITS", address("ada12345@analytical.example")),
        points("FROM_RISKY_END", address("ada@analytical.zip"), "ada@analytical.zip"),
        spares("FROM_RISKY_END", address("ada@zip.example")),
        points("FROM_PUNYCODE", address("ada@xn--mnchen-3ya.de"), "ada@xn--mnchen-3ya.de"),
        spares("FROM_PUNYCODE", address("ada@muenchen.de")),
        points("REPLY_TO_INVALID", letter().reply_to("ada"), "ada"),
        spares("REPLY_TO_INVALID", letter().reply_to("ada@mail.analytical.example")),
        points("TO_SENDER", address("reader-0@engine.example").recipients(1), "reader-0@engine.example"),
        spares("TO_SENDER", address("reader-0@engine.example").recipients(2)),
    ]
}
