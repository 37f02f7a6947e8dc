//! Whatever comes in: no panic, and every place inside its part. That it takes work in proportion to its size is counted in the
//! sandbox, by a test of the host.

use super::support::{Mail, letter};

/// Pieces from which nonsense is put together: what the readers have branches for.
const PIECES: &[&str] = &[
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![",
    "<!doctype",
    "<a href=",
    "<a href='",
    "</a>",
    "<img src=\"",
    "<p style='",
    "<b>",
    "</b>",
    "<i>",
    "<script>",
    "</script",
    "<title>",
    "<style>",
    "<table>",
    "<td>",
    "<li>",
    "\"",
    "'",
    "=",
    "&",
    "&amp;",
    "&#",
    "&#x",
    "&#8203;",
    "&#118;",
    ";",
    "http://",
    "https://",
    "www.",
    "javascript:",
    "a@b.c",
    "@",
    ":",
    "/",
    "?",
    "#",
    "%",
    "%6",
    "%e2%82",
    "{{",
    "}}",
    "*|",
    "|*",
    "[[",
    "!",
    "!!!",
    "$",
    "$1,000",
    "Re:",
    "display:none",
    "font-size:0",
    "color:#fff;",
    "\u{202e}",
    "\u{200b}",
    "\u{430}",
    "\u{20ac}",
    "\u{1f600}",
    "\u{df}",
    "\u{130}",
    "verify your account",
    "unsubscribe",
    "v1agra",
    "F R E E",
    " ",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "word",
    "xn--",
    "1.2.3.4",
    "[::1]",
    "paypal.com.",
    ".exe",
    "cid:",
    "data:",
    "on",
    "<form on=x ",
];

#[test]
fn no_nonsense_makes_it_panic_or_point_outside() {
    let mut random = Random(7);
    for _ in 0..1000 {
        let mut nonsense = |pieces: u64| -> String {
            (0..random.below(pieces))
                .map(|_| PIECES[usize::try_from(random.below(PIECES.len() as u64)).unwrap_or(0)])
                .collect()
        };
        let mail = letter()
            .subject(&nonsense(20))
            .html(&nonsense(80))
            .text(&nonsense(60))
            .from(&nonsense(6), &nonsense(6))
            .reply_to(&nonsense(4))
            .header(&nonsense(2), &nonsense(8))
            .header("List-Unsubscribe", &nonsense(8))
            .header("DKIM-Signature", &nonsense(8))
            .header("Authentication-Results", &nonsense(8))
            .header("Date", &nonsense(8))
            .attachment(&nonsense(6), &nonsense(3), nonsense(4).as_bytes(), 3);
        check(&mail);
    }
}

#[track_caller]
fn check(mail: &Mail) {
    let verdict = mail.judge_wholly(&[]);
    assert!(verdict.spam_score.is_finite());
    for finding in &verdict.findings {
        assert!(finding.message.ends_with('.'), "{finding:?}");
        if let Some(place) = finding.location {
            assert!(mail.at(place).is_some(), "{finding:?}");
        }
    }
    assert_eq!(mail.judge_wholly(&[]), verdict, "the same message has the same verdict");
}

/// Numbers that look random and are the same on each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}
