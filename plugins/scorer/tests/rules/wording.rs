//! How a message is written and what it is about.

use super::support::{Case, letter, link, notes, page, points, points_all, spares};

pub fn cases() -> Vec<Case> {
    let mut cases = manner();
    cases.extend(fraud());
    cases.extend(offers());
    cases
}

fn manner() -> Vec<Case> {
    let loud = "THIS IS A LOUD SENTENCE OF FIFTY LETTERS OR SO, IT IS. ".repeat(4);
    let soft = "This is a soft sentence of fifty letters or so, it is. ".repeat(4);
    vec![
        points("WORDING_OBFUSCATED", letter().text("Get V1agra here"), "V1agra"),
        points("WORDING_OBFUSCATED", letter().text("Get vi@gra here"), "vi@gra"),
        points("WORDING_OBFUSCATED", page("<p>Play at the c.a.s.i.n.o</p>"), "c.a.s.i.n.o"),
        spares("WORDING_OBFUSCATED", letter().text("The casino on level b2b, ask v1@gras.example")),
        points("WORDING_MIXED_ALPHABETS", letter().text("Your p\u{430}yment"), "p\u{430}yment"),
        spares(
            "WORDING_MIXED_ALPHABETS",
            letter().text("5 \u{3bc}m, \u{3b1}-helix, \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}"),
        ),
        points("WORDING_INVISIBLE_CHARACTERS", page("<p>Pay&#8203;ment</p>"), "Pay&#8203;ment"),
        spares("WORDING_INVISIBLE_CHARACTERS", page("<p>Pay\u{ad}ment &zwnj; &zwnj;</p>")),
        points("WORDING_DIRECTION_OVERRIDE", letter().text("See \u{202e}fdp.exe"), "\u{202e}"),
        spares("WORDING_DIRECTION_OVERRIDE", letter().text("See \u{200f}abc")),
        points("WORDING_MERGE_TAG", page("<p>Dear {{ name }},</p>"), "{{ name }}"),
        spares("WORDING_MERGE_TAG", page("<p>In {braces}, 50%% and a[[1]]</p>")),
        notes("WORDING_SHOUTING", letter().text(&loud)),
        spares("WORDING_SHOUTING", letter().text(&soft)),
        points_all("WORDING_EXCLAMATION", letter().text("Yes!!! It pays $$$."), &["!!!", "$$$"]),
        spares("WORDING_EXCLAMATION", letter().text("Yes!!! It pays $5.")),
    ]
}

fn fraud() -> Vec<Case> {
    vec![
        points("WORDING_CREDENTIALS", letter().text("Please verify your account."), "verify your account"),
        spares("WORDING_CREDENTIALS", letter().text("Please verify your email address.")),
        points(
            "WORDING_ACCOUNT_THREAT",
            letter().text("Your account has been suspended."),
            "account has been suspended",
        ),
        spares("WORDING_ACCOUNT_THREAT", letter().text("Your account has been opened.")),
        points_all("WORDING_URGENCY", letter().text("Act now, within 24 hours."), &["Act now", "within 24 hours"]),
        spares("WORDING_URGENCY", letter().text("We answer within 24 hours.")),
        points_all(
            "WORDING_LOTTERY",
            letter().text("You are the lucky winner of the email lottery."),
            &["lucky winner", "email lottery"],
        ),
        spares("WORDING_LOTTERY", letter().text("The national lottery funds our museum.")),
        points_all(
            "WORDING_INHERITANCE",
            letter().text("As next of kin you help with a transfer of funds."),
            &["next of kin", "transfer of funds"],
        ),
        spares("WORDING_INHERITANCE", letter().text("Name your next of kin on the form.")),
        points("WORDING_CRYPTO", letter().text("Double your bitcoin."), "Double your bitcoin"),
        spares("WORDING_CRYPTO", letter().text("We take bitcoin.")),
        points_all(
            "WORDING_EXTORTION",
            letter().text("I hacked you with my malware and your webcam."),
            &["I hacked", "my malware", "your webcam"],
        ),
        spares("WORDING_EXTORTION", letter().text("Cover your webcam and your camera.")),
    ]
}

fn offers() -> Vec<Case> {
    vec![
        points_all("WORDING_PHARMACY", letter().text("Viagra, no prescription"), &["Viagra", "no prescription"]),
        spares("WORDING_PHARMACY", letter().text("Your prescription drugs are ready.")),
        points_all(
            "WORDING_GAMBLING",
            letter().text("Online casino with free spins"),
            &["Online casino", "free spins"],
        ),
        spares("WORDING_GAMBLING", letter().text("The film Jackpot is on tonight.")),
        points_all("WORDING_ADULT", letter().text("Horny hot singles"), &["Horny", "hot singles"]),
        spares("WORDING_ADULT", letter().text("Nude with apples, oil on canvas")),
        points_all(
            "WORDING_EASY_MONEY",
            letter().text("Work from home and earn extra cash."),
            &["Work from home", "earn extra cash"],
        ),
        spares("WORDING_EASY_MONEY", letter().text("I work from home on Fridays.")),
        points_all("WORDING_DEBT", letter().text("Bad credit? Instant loan!"), &["Bad credit", "Instant loan"]),
        spares("WORDING_DEBT", letter().text("Your home loan statement is ready.")),
        points_all(
            "WORDING_SALES_PRESSURE",
            letter().text("Risk free, no obligation, buy now."),
            &["Risk free", "no obligation", "buy now"],
        ),
        spares("WORDING_SALES_PRESSURE", letter().text("Buy now, no obligation.")),
        points_all("WORDING_REPLICA", letter().text("Rolex and Breitling"), &["Rolex", "Breitling"]),
        spares("WORDING_REPLICA", letter().text("My grandfather's Rolex")),
        points_all(
            "WORDING_CHEAP_SOFTWARE",
            letter().text("OEM software, discount software"),
            &["OEM software", "discount software"],
        ),
        spares("WORDING_CHEAP_SOFTWARE", letter().text("Windows XP Professional is retired.")),
        points_all(
            "WORDING_STOCK_TIP",
            letter().text("Strong buy: penny stock with price target 9"),
            &["Strong buy", "penny stock", "price target"],
        ),
        spares("WORDING_STOCK_TIP", letter().text("Our current price and ticker")),
        points_all("WORDING_WEIGHT_LOSS", letter().text("Lose weight, burn fat"), &["Lose weight", "burn fat"]),
        spares("WORDING_WEIGHT_LOSS", letter().text("A study on weight loss")),
        points("WORDING_SPAM_DISCLAIMER", letter().text("This is not spam."), "This is not spam"),
        spares("WORDING_SPAM_DISCLAIMER", letter().text("Is this spam?")),
        points("WORDING_GENERIC_GREETING", letter().text("Dear valued customer,"), "Dear valued customer"),
        spares("WORDING_GENERIC_GREETING", letter().text("Dear Charles,")),
        points("WORDING_PRIZE", letter().text("Claim your prize today."), "Claim your prize"),
        spares("WORDING_PRIZE", letter().text("The Nobel prize went to Marie.")),
        points("WORDING_PARCEL", letter().text("Your parcel is on hold."), "parcel is on hold"),
        spares("WORDING_PARCEL", letter().text("Your parcel is on its way.")),
        points_all(
            "WORDING_SEARCH_RANKING",
            letter().text("SEO services and backlinks"),
            &["SEO services", "backlinks"],
        ),
        spares("WORDING_SEARCH_RANKING", letter().text("A guest post for our blog")),
        points("WORDING_PLACEHOLDER", page("<p>Lorem <b>ipsum</b></p>"), "Lorem <b>ipsum"),
        spares("WORDING_PLACEHOLDER", page("<p>Lorem and ipsum</p>")),
        points(
            "WORDING_PHISHING",
            letter().text("Unusual activity. Verify your account at https://evil.test.org/x"),
            "Verify your account",
        ),
        spares(
            "WORDING_PHISHING",
            letter().text("Unusual activity. Verify your account at https://www.analytical.example/x"),
        ),
        spares("WORDING_PHISHING", link("https://other.example/", "Verify your account")),
    ]
}
