//! Text that came through a wrong encoding, and subjects that are not text.

use super::support::{Case, letter, notes, page, points, spares};

pub fn cases() -> Vec<Case> {
    let linked =
        || page("<p><a href='https://engine.example/a'>one</a> <a href='https://engine.example/b'>two</a></p>");
    let run = |length: usize| letter().text(&format!("Dear Charles, see {} yours", "aB3".repeat(length / 3)));
    let long: &'static str = Box::leak("aB3".repeat(100).into_boxed_str());
    vec![
        points("SUBJECT_LINK", letter().subject("Notes at www.engine.example today"), "www.engine.example"),
        spares("SUBJECT_LINK", letter().subject("Notes about the www")),
        points("SUBJECT_TEST", letter().subject("Test email!"), "Test email!"),
        spares("SUBJECT_TEST", letter().subject("Test of the engine")),
        points("SUBJECT_MIXED_ALPHABETS", letter().subject("Your P\u{430}ypal notes"), "P\u{430}ypal"),
        spares(
            "SUBJECT_MIXED_ALPHABETS",
            letter().subject("Your \u{437}\u{430}\u{43c}\u{435}\u{442}\u{43a}\u{438} notes"),
        ),
        points("SUBJECT_ENCODED_WORD", letter().subject("Re: =?UTF-8?Q?N=C3=B6tes?="), "=?UTF-8?Q?N=C3=B6tes?="),
        spares("SUBJECT_ENCODED_WORD", letter().subject("Is a =?b true?")),
        points("SUBJECT_MOJIBAKE", letter().subject("Gr\u{c3}\u{bc}\u{c3}\u{9f}e"), "\u{c3}\u{bc}"),
        spares("SUBJECT_MOJIBAKE", letter().subject("Gr\u{fc}\u{df}e, S\u{c3}O PAULO")),
        points("SUBJECT_MARKUP", letter().subject("Notes &amp; more"), "&amp;"),
        spares("SUBJECT_MARKUP", letter().subject("Notes & more")),
        points(
            "BODY_MOJIBAKE",
            letter().text("Dear Charles, it\u{e2}\u{20ac}\u{2122}s done."),
            "\u{e2}\u{20ac}\u{2122}",
        ),
        spares("BODY_MOJIBAKE", letter().text("Dear Charles, it\u{2019}s done, \u{e2}ge \u{20ac}9.")),
        points("BODY_REPLACEMENT_CHARACTER", letter().text("Dear Ch\u{fffd}rles,"), "\u{fffd}"),
        spares("BODY_REPLACEMENT_CHARACTER", letter().text("Dear Ch?rles,")),
        points("BODY_UNDECODED", letter().text("a=3D1 b=3D2 c=E2=80=99s"), "=3D"),
        spares("BODY_UNDECODED", letter().text("a=3D1 b=2 c=3 and a=1, b=x")),
        points("BODY_BASE64", run(300), long),
        spares("BODY_BASE64", run(297)),
        notes("TEXT_LINKS_MISSING", linked().text("One and two are there.")),
        spares("TEXT_LINKS_MISSING", linked().text("One: https://engine.example/a and two are there.")),
        points("TEXT_PART_EXCUSE", linked().text("Your mail program does not support HTML."), "does not support HTML"),
        spares("TEXT_PART_EXCUSE", linked().text("The engine supports HTML: https://engine.example/a")),
    ]
}
