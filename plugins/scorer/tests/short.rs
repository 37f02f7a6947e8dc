//! Short messages, which say little to a model that learned from long ones.

use pillarbox_scorer::message::Message;

/// Points below which a letter is far enough from those at which it is spam.
const CLEARLY_HONEST: f64 = 4.5;

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

/// Invoices, reminders and notices as people write them: subject and text.
const LETTERS: &[(&str, &str)] = &[
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
    (
        "Facture 2026-113",
        "Madame,\n\nveuillez trouver ci-joint notre facture 2026-113 d'un montant de 480,00 EUR, payable sous 30 jours.\n\nCordialement\nEngine SARL, 12 rue du Moulin, Lyon",
    ),
    (
        "Fatura 2026-113",
        "Cara senhora Lovelace,\n\nsegue em anexo a nossa fatura 2026-113 no valor de 480,00 EUR, com vencimento em 30 dias.\n\nCom os melhores cumprimentos\nEngine Lda., Rua do Moinho 12, Porto",
    ),
    (
        "Factuur 2026-113",
        "Geachte mevrouw Lovelace,\n\nbijgaand ontvangt u onze factuur 2026-113 van 480,00 EUR. Wij verzoeken u het bedrag binnen 30 dagen te voldoen.\n\nMet vriendelijke groet\nEngine BV, Molenweg 12, Utrecht",
    ),
    (
        "Faktura 2026-113",
        "Szanowna Pani,\n\nw załączeniu przesyłamy fakturę 2026-113 na kwotę 480,00 EUR. Termin płatności wynosi 30 dni.\n\nZ poważaniem\nEngine sp. z o.o., ul. Młyńska 12, Kraków",
    ),
    (
        "Reminder: invoice 2026-113",
        "Dear Ms Lovelace,\n\nour invoice 2026-113 of 2 March is still open. Perhaps it escaped your notice. Please transfer 480.00 EUR by 20 April; if you have paid already, please disregard this letter.\n\nKind regards\nEngine Ltd, 12 Mill Road, Leeds",
    ),
    (
        "Zahlungserinnerung zur Rechnung 2026-113",
        "Sehr geehrte Frau Lovelace,\n\nunsere Rechnung 2026-113 vom 2. März ist noch offen. Sicher haben Sie sie nur übersehen. Bitte überweisen Sie 480,00 EUR bis zum 20. April. Falls Sie schon bezahlt haben, betrachten Sie dieses Schreiben als gegenstandslos.\n\nMit freundlichen Grüßen\nEngine GmbH, Mühlweg 12, Leipzig",
    ),
    (
        "Rappel : facture 2026-113",
        "Madame,\n\nsauf erreur de notre part, notre facture 2026-113 du 2 mars reste impayée. Nous vous remercions de régler la somme de 480,00 EUR avant le 20 avril. Si votre règlement nous est parvenu entre-temps, ne tenez pas compte de ce message.\n\nCordialement\nEngine SARL, 12 rue du Moulin, Lyon",
    ),
    (
        "Recordatorio: factura 2026-113",
        "Estimada Sra. Lovelace:\n\nle recordamos que la factura 2026-113 del 2 de marzo sigue pendiente de pago. Le rogamos que transfiera 480,00 EUR antes del 20 de abril. Si ya ha pagado, no tenga en cuenta este mensaje.\n\nUn saludo\nEngine S.L., Calle del Molino 12, Sevilla",
    ),
    (
        "Sollecito: fattura 2026-113",
        "Gentile signora Lovelace,\n\ndalle nostre registrazioni la fattura 2026-113 del 2 marzo risulta ancora aperta. La preghiamo di versare 480,00 EUR entro il 20 aprile. Se ha già provveduto, non tenga conto di questa lettera.\n\nCordiali saluti\nEngine S.r.l., Via del Mulino 12, Torino",
    ),
    (
        "Напоминание об оплате счёта 2026-113",
        "Уважаемая госпожа Лавлейс,\n\nнапоминаем, что наш счёт 2026-113 от 2 марта ещё не оплачен. Просим перечислить 480 евро до 20 апреля. Если вы уже заплатили, не обращайте внимания на это письмо.\n\nС уважением\nООО «Энджин», улица Мельничная, 12",
    ),
    (
        "Lembrete: fatura 2026-113",
        "Cara senhora Lovelace,\n\na nossa fatura 2026-113 de 2 de março continua em aberto. Pedimos que transfira 480,00 EUR até 20 de abril. Se já pagou, ignore esta mensagem.\n\nCom os melhores cumprimentos\nEngine Lda., Rua do Moinho 12, Porto",
    ),
    (
        "Herinnering: factuur 2026-113",
        "Geachte mevrouw Lovelace,\n\nonze factuur 2026-113 van 2 maart staat nog open. Wilt u 480,00 EUR vóór 20 april overmaken? Als u al betaald hebt, kunt u dit bericht als niet verzonden beschouwen.\n\nMet vriendelijke groet\nEngine BV, Molenweg 12, Utrecht",
    ),
    (
        "Przypomnienie: faktura 2026-113",
        "Szanowna Pani,\n\nprzypominamy, że faktura 2026-113 z 2 marca nie została jeszcze opłacona. Prosimy o wpłatę 480,00 EUR do 20 kwietnia. Jeśli płatność została już dokonana, prosimy zignorować tę wiadomość.\n\nZ poważaniem\nEngine sp. z o.o., ul. Młyńska 12, Kraków",
    ),
    (
        "Votre rendez-vous du 12 mars",
        "Bonjour Ada,\n\nnous vous rappelons votre rendez-vous du 12 mars à 10 h 30. Si vous avez un empêchement, prévenez-nous la veille.\n\nCordialement\nCabinet Engine, 12 rue du Moulin, Lyon",
    ),
    (
        "Ihr Termin am 12. März",
        "Guten Tag Frau Lovelace,\n\nwir erinnern Sie an Ihren Termin am 12. März um 10:30 Uhr. Wenn Sie verhindert sind, rufen Sie uns bitte am Tag zuvor an.\n\nMit freundlichen Grüßen\nPraxis Engine, Mühlweg 12, Leipzig",
    ),
    (
        "Su reserva está confirmada",
        "Estimada Sra. Lovelace:\n\nsu reserva está confirmada: dos noches con desayuno, entrada el 12 de marzo a partir de las 15 horas.\n\nUn saludo\nHotel Engine, Calle del Molino 12, Sevilla",
    ),
    (
        "Il suo contratto si rinnova",
        "Gentile signora Lovelace,\n\nil suo contratto si rinnova il 12 marzo per un anno. Può disdirlo fino a un mese prima.\n\nCordiali saluti\nEngine S.r.l., Via del Mulino 12, Torino",
    ),
    (
        "Вы записаны на 12 марта",
        "Здравствуйте, Ада!\n\nВы записаны на приём 12 марта в 10:30. Если не сможете прийти, сообщите нам накануне.\n\nКлиника «Энджин», улица Мельничная, 12",
    ),
    (
        "Nieuwe openingstijden",
        "Geachte mevrouw Lovelace,\n\nvanaf 12 maart zijn wij van maandag tot en met vrijdag open van 9 tot 17 uur.\n\nMet vriendelijke groet\nEngine BV, Molenweg 12, Utrecht",
    ),
];

#[test]
fn invoices_reminders_and_notices_are_not_condemned() {
    let points: Vec<(&str, f64)> =
        LETTERS.iter().map(|(subject, text)| (*subject, points((subject, Some(text), None)))).collect();
    let condemned: Vec<_> = points.iter().filter(|(_, points)| *points >= CLEARLY_HONEST).collect();
    assert!(condemned.is_empty(), "{condemned:?}");
}

#[test]
fn demands_for_money_are_told_from_reminders() {
    let deceit: &[Short] = &[
        (
            "Dernier avis : facture impayée",
            None,
            Some(
                "<p>Cher client,</p><p>votre compte sera suspendu aujourd'hui. Réglez 480,00 EUR sous 24 heures et confirmez votre carte bancaire.</p><p><a href=\"http://facture-paiement.verif.top/login.php\">Confirmer ma carte</a></p>",
            ),
        ),
        (
            "Letzte Mahnung: Ihr Konto wird gesperrt",
            None,
            Some(
                "<p>Sehr geehrter Kunde,</p><p>Ihr Konto wird heute gesperrt. Bestätigen Sie innerhalb von 24 Stunden Ihre Daten und Ihre Kreditkarte.</p><p><a href=\"http://konto-sicherheit.verify.top/login.php\">Jetzt bestätigen</a></p>",
            ),
        ),
    ];
    for message in deceit {
        let points = points(*message);
        assert!(points >= 6.0, "{message:?}: {points}");
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
