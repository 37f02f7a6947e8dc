//! How the head is written.

use super::support::{Case, letter, points, points_all, spares};

pub fn cases() -> Vec<Case> {
    vec![
        points("HEADER_DUPLICATE", letter().header("Subject", "One").header("SUBJECT", "Two"), "Two"),
        spares("HEADER_DUPLICATE", letter().header("Received", "One").header("Received", "Two")),
        points_all("HEADER_NAME_INVALID", letter().header("Bad Name", "x").header("", "y"), &["x", "y"]),
        spares("HEADER_NAME_INVALID", letter().header("X-Good_Name.1", "x")),
        points("HEADER_CONTROL_CHARACTER", letter().header("X-A", "one\r\nBcc: two"), "\r"),
        spares("HEADER_CONTROL_CHARACTER", letter().header("X-A", "one\ttwo")),
        points("MESSAGE_ID_MALFORMED", letter().header("Message-Id", "abc@notes.com"), "abc@notes.com"),
        points("MESSAGE_ID_MALFORMED", letter().header("Message-Id", "<a b@notes.com>"), "<a b@notes.com>"),
        spares("MESSAGE_ID_MALFORMED", letter().header("Message-Id", " <abc@notes.com> ")),
        points("DATE_MALFORMED", letter().header("Date", "2026-01-02T03:04:05Z"), "2026-01-02T03:04:05Z"),
        points(
            "DATE_MALFORMED",
            letter().header("Date", "Fri, 32 Jan 2026 03:04:05 +0000"),
            "Fri, 32 Jan 2026 03:04:05 +0000",
        ),
        spares("DATE_MALFORMED", letter().header("Date", "Fri, 2 Jan 2026 03:04:05 +0000 (UTC)")),
        spares("DATE_MALFORMED", letter().header("Date", "2 Jan 26 03:04 GMT")),
        points_all(
            "PRIORITY_RAISED",
            letter().header("X-Priority", "1 (Highest)").header("Importance", "High"),
            &["1 (Highest)", "High"],
        ),
        spares("PRIORITY_RAISED", letter().header("X-Priority", "3").header("Importance", "normal")),
    ]
}
