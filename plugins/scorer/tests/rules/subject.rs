//! The subject line.

use super::support::{Case, letter, notes, points, points_all, spares};

pub fn cases() -> Vec<Case> {
    let hundred_twenty = "x".repeat(120);
    vec![
        notes("SUBJECT_MISSING", letter().no_subject()),
        notes("SUBJECT_MISSING", letter().subject(" \t")),
        spares("SUBJECT_MISSING", letter().subject("?")),
        points("SUBJECT_SHOUTING", letter().subject("READ THIS BEFORE NOON"), "READ THIS BEFORE NOON"),
        points("SUBJECT_SHOUTING", letter().subject("ПРОЧТИТЕ ЭТО СЕГОДНЯ"), "ПРОЧТИТЕ ЭТО СЕГОДНЯ"),
        spares("SUBJECT_SHOUTING", letter().subject("NASA and ESA news")),
        spares("SUBJECT_SHOUTING", letter().subject("ISO 27001")),
        points("SUBJECT_EXCLAMATION", letter().subject("It is done!!"), "!!"),
        points("SUBJECT_EXCLAMATION", letter().subject("Oh! So! Done!"), "!"),
        spares("SUBJECT_EXCLAMATION", letter().subject("It is done!")),
        spares("SUBJECT_EXCLAMATION", letter().subject("Really??")),
        spares("SUBJECT_LONG", letter().subject(&hundred_twenty)),
        points("SUBJECT_LONG", letter().subject(LONG), LONG),
        points("SUBJECT_FAKE_REPLY", letter().subject("RE: Sale").header("List-Id", "<a.b>"), "RE:"),
        spares("SUBJECT_FAKE_REPLY", letter().subject("Re: Sale")),
        spares(
            "SUBJECT_FAKE_REPLY",
            letter().subject("Re: Sale").header("List-Id", "<a.b>").header("References", "<a@b>"),
        ),
        spares("SUBJECT_FAKE_REPLY", letter().subject("Return of the sale").header("List-Id", "<a.b>")),
        points("SUBJECT_EMOJI_CROWD", letter().subject("🎉🎉🎉🎉"), "🎉🎉🎉🎉"),
        spares("SUBJECT_EMOJI_CROWD", letter().subject("🎉 Party 🎉🎉")),
        points("SUBJECT_MONEY_CLAIM", letter().subject("You get $1,000,000 now"), "$1,000,000"),
        points("SUBJECT_MONEY_CLAIM", letter().subject("About €5 million"), "€5"),
        spares("SUBJECT_MONEY_CLAIM", letter().subject("Winter sun from $249.00 return")),
        points_all("SUBJECT_SALES_CLAIM", letter().subject("Act now, it is 100% free"), &["100% free", "Act now"]),
        spares("SUBJECT_SALES_CLAIM", letter().subject("Free seats, 100 of them")),
        points("SUBJECT_MERGE_TAG", letter().subject("Hello {{first_name}}"), "{{first_name}}"),
        points("SUBJECT_MERGE_TAG", letter().subject("Hello *|FNAME|*"), "*|FNAME|*"),
        spares("SUBJECT_MERGE_TAG", letter().subject("Sets {1, 2} and {{1}}")),
        points("SUBJECT_SPACED_LETTERS", letter().subject("All F R E E today"), "F R E E"),
        spares("SUBJECT_SPACED_LETTERS", letter().subject("Plan A B or C")),
        points("SUBJECT_GAP", letter().subject("Hello      xkcd"), "      "),
        spares("SUBJECT_GAP", letter().subject("Hello     you      ")),
        points(
            "SUBJECT_NAMES_RECIPIENT_ADDRESS",
            letter().subject("For Charles@Engine.example only"),
            "Charles@Engine.example",
        ),
        spares("SUBJECT_NAMES_RECIPIENT_ADDRESS", letter().subject("For ada@engine.example only")),
        points("SUBJECT_CONTROL_CHARACTER", letter().subject("Hello\nBcc: all"), "\n"),
        spares("SUBJECT_CONTROL_CHARACTER", letter().subject("Hello\tyou")),
        points("SUBJECT_INVISIBLE_CHARACTER", letter().subject("Your pay\u{200b}ment"), "pay\u{200b}ment"),
        points("SUBJECT_INVISIBLE_CHARACTER", letter().subject("Your \u{202e}tnemyap"), "\u{202e}"),
        spares("SUBJECT_INVISIBLE_CHARACTER", letter().subject("👩\u{200d}🚀 می\u{200c}خواهم")),
    ]
}

const LONG: &str = concat!(
    "A subject that goes on and on because whoever wrote it did not stop to think of the small screens on which ",
    "people read their mail",
);
