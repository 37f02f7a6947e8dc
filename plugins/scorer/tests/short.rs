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
fn mail_about_an_account_is_told_by_what_it_asks_for() {
    let honest: &[Short] = &[
        (
            "Your Engine verification code",
            None,
            Some(
                "<html lang=\"en\"><body><h1>Verify your email address</h1><p>Hi Ada,</p><p>enter this code to finish signing in: <b>204118</b>. It is valid for ten minutes. We never ask you for it by phone or email.</p><p>If you did not try to sign in, you can safely ignore this email.</p><p>Engine Ltd, 12 Mill Road, Leeds</p></body></html>",
            ),
        ),
        (
            "Reset your password",
            None,
            Some(
                "<html lang=\"en\"><body><p>Hello Ada,</p><p>we received a request to reset the password of your Engine account. Use the button below within an hour.</p><p><a href=\"https://engine.example/reset/5f2a\">Reset password</a></p><p>If you did not ask for this, do nothing: your password stays the same.</p></body></html>",
            ),
        ),
        (
            "New sign-in to your account",
            Some(
                "Hi Ada,\n\nyour account was used to sign in from Firefox on Linux today at 10:14. If this was you, there is nothing to do. If not, change your password in the settings: https://engine.example/settings\n\nThe Engine team\n",
            ),
            None,
        ),
    ];
    for message in honest {
        let points = points(*message);
        assert!(points < 4.5, "{message:?}: {points}");
    }
    let deceit: &[Short] = &[
        (
            "Your account has been suspended",
            None,
            Some(
                "<p>Dear customer,</p><p>we noticed unusual activity. Your account has been suspended until you confirm your identity and your card number. Failure to do so within 24 hours will result in permanent closure.</p><p><a href=\"http://secure-login.account-verify.top/login.php\">Verify now</a></p>",
            ),
        ),
        (
            "Your mailbox is full",
            None,
            Some(
                "<p>Dear user, your mailbox has exceeded its storage limit. Incoming messages are on hold. Click below and log in with your email password to keep your account active.</p><p><a href=\"http://webmail-upgrade.weebly.com/\">Upgrade quota</a></p>",
            ),
        ),
    ];
    for message in deceit {
        let points = points(*message);
        assert!(points >= 5.0, "{message:?}: {points}");
    }
}

#[test]
fn a_newsletter_of_today_is_not_condemned() {
    let page = "<!DOCTYPE html><html lang=\"en\"><head><title>The Mill Letter</title></head><body>\
        <div style=\"display:none\">A bridge, a recipe and three books</div>\
        <p><a href=\"https://news.engine.example/view/88\">View in browser</a></p>\
        <h1>The Mill Letter, issue 88</h1>\
        <p>Dear readers, this week we look at how the old bridge was repaired, cook a soup with leeks, and read three books about rivers.</p>\
        <p><a href=\"https://news.engine.example/bridge?utm_source=newsletter\">Read the story</a></p>\
        <p>New in the shop: printed maps from $19. Members save 20% until Sunday.</p>\
        <p><a href=\"https://news.engine.example/shop?utm_source=newsletter\">Shop maps</a></p>\
        <p>You receive this letter because you signed up at engine.example. <a href=\"https://news.engine.example/unsubscribe\">Unsubscribe</a></p>\
        <p>Engine Ltd, 12 Mill Road, Leeds</p></body></html>";
    let points = points(("The Mill Letter, issue 88", None, Some(page)));
    assert!(points < 3.0, "{points}");
}

#[test]
fn invoices_are_not_condemned() {
    let invoices: [(&str, &str); 5] = [
        (
            "Invoice 2026-113",
            "Dear Ms Lovelace,\n\nplease find attached invoice 2026-113 for the goods delivered in March. The amount of 480.00 EUR is due within 30 days.\n\nKind regards\nEngine Ltd, 12 Mill Road, Leeds",
        ),
        (
            "Rechnung 2026-113",
            "Sehr geehrte Frau Lovelace,\n\nanbei erhalten Sie unsere Rechnung 2026-113 über 480,00 EUR. Bitte überweisen Sie den Betrag innerhalb von 30 Tagen.\n\nMit freundlichen Grüßen\nEngine GmbH, Mühlweg 12, Leipzig",
        ),
        (
            "Factura 2026-113",
            "Estimada Sra. Lovelace:\n\nadjuntamos la factura 2026-113 por un importe de 480,00 EUR. El plazo de pago es de 30 días.\n\nUn saludo\nEngine S.L., Calle del Molino 12, Sevilla",
        ),
        (
            "Fattura 2026-113",
            "Gentile signora Lovelace,\n\nin allegato trova la nostra fattura 2026-113 di 480,00 EUR, da pagare entro 30 giorni.\n\nCordiali saluti\nEngine S.r.l., Via del Mulino 12, Torino",
        ),
        (
            "Счёт 2026-113",
            "Уважаемая госпожа Лавлейс,\n\nво вложении наш счёт 2026-113 на сумму 480 евро. Просим оплатить его в течение 30 дней.\n\nС уважением\nООО «Энджин», улица Мельничная, 12",
        ),
    ];
    let points = invoices.map(|(subject, text)| (subject, points((subject, Some(text), None))));
    assert!(points.iter().all(|(_, points)| *points < 5.0), "{points:?}");
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
