//! Short messages, which say little to a model that learned from long ones.

use pillarbox_scorer::message::Message;

type Short = (&'static str, Option<&'static str>, Option<&'static str>);

/// The points of a message with this subject, text and html.
fn points((subject, text, html): Short) -> f64 {
    let owned = |part: Option<&str>| part.map(str::to_owned);
    let message = Message { subject: Some(subject.into()), text: owned(text), html: owned(html), ..Message::default() };
    pillarbox_scorer::score(&message, &[]).expect("it is short").spam_score
}

#[test]
fn short_honest_messages_are_not_condemned() {
    let honest: &[Short] = &[
        ("Hello", Some("Hello"), None),
        ("Hello", Some("Hello.\n"), Some("<p>Hello</p>")),
        ("News", None, Some("<p>News</p>")),
        (
            "Your parcel is on its way, Ada",
            None,
            Some(
                "<p>Hello Ada, your parcel left the house. <a href=\"https://example.com/parcels/42?from=mail&lang=en\">See where it is</a>.</p>",
            ),
        ),
        (
            "Your code",
            Some("Your code is 123456. It is valid for ten minutes. If you did not ask for it, ignore this message."),
            None,
        ),
        (
            "Meeting tomorrow",
            Some(
                "Hi Bob,\n\nshall we meet tomorrow at ten in the small room? I will bring the plans for the bridge.\n\nBest\nAda",
            ),
            None,
        ),
        (
            "Invoice 2024-113",
            Some(
                "Dear Ms Lovelace,\n\nplease find attached our invoice 2024-113 of 14 March 2024. It is due within 30 days.\n\nKind regards\nEngine Ltd, 12 Mill Road, Leeds",
            ),
            None,
        ),
        (
            "Reset your password",
            Some(
                "Hello Ada,\n\nsomebody asked to reset the password of your account at Engine. If it was you, follow this link within an hour: https://engine.example/reset/abc\n\nIf it was not you, do nothing.\n",
            ),
            None,
        ),
        (
            "Willkommen bei Engine",
            Some(
                "Hallo Ada,\n\nschön, dass du da bist. Dein Konto ist eingerichtet; hier geht es los: https://engine.example/start\n\nViele Grüße\nDein Team von Engine",
            ),
            None,
        ),
    ];
    for message in honest {
        let points = points(*message);
        assert!(points < 3.0, "{message:?}: {points}");
    }
}

#[test]
fn short_spam_is() {
    let spam: &[Short] = &[
        ("Buy viagra now", Some("Cheap pills online, no prescription! http://pills.example/buy"), None),
        (
            "Verify your account",
            None,
            Some(
                "<p>Please visit <a href=\"http://192.0.2.7/login\">https://bank.example.com</a> today to keep your account.</p>",
            ),
        ),
        (
            "You have won",
            Some(
                "Congratulations! You won the lottery of 5,000,000 USD. Send your bank details to claim your prize today.",
            ),
            None,
        ),
    ];
    for message in spam {
        let points = points(*message);
        assert!(points >= 5.0, "{message:?}: {points}");
    }
}
