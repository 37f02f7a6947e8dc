//! Documents are taken as a whole or refused with the place, and each bound has two sides.

use super::rules::{RULES_BYTES_MAX, WINDOW_MS_MAX};
use super::*;

const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36";

fn document(rules: &str) -> String {
    format!("format = 1\nupdated = \"2026-11-27\"\nunknown = {{ confidence = 40, reason = \"nobody knows\" }}\n{rules}")
}

/// A rule with this name and these lines.
fn rule(name: &str, lines: &str) -> String {
    format!(
        "[[rule]]\nname = \"{name}\"\nclient = \"c\"\nreason = \"because\"\nsource = \"https://example.com\"\n{lines}\n"
    )
}

fn rules(text: &str) -> Rules {
    Rules::parse(&document(text)).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[track_caller]
fn refuses(text: &str, words: &str) {
    let wrong = Rules::parse(text).expect_err("it is refused").to_string();
    assert!(wrong.contains(words), "{words} is not in: {wrong}");
}

#[test]
fn the_built_in_rules_are_read_and_their_sources_are_pages() {
    let rules = Rules::built_in();
    assert!(rules.rules.len() > 30 && rules.window_ms() <= WINDOW_MS_MAX);
    for rule in &rules.rules {
        assert!(rule.source.starts_with("https://") && rule.source.is_ascii(), "{}", rule.name);
    }
    assert_eq!(Rules::parse(rules.text()).expect("they are read again").text(), rules.text());
}

#[test]
fn the_class_follows_from_the_confidence() {
    let classes = [0, 49, 50, 79, 80, 100].map(|confidence| Class::of(confidence).as_str());
    assert_eq!(classes, ["human", "human", "suspicious", "suspicious", "scanner", "scanner"]);
}

#[test]
fn the_strongest_rule_decides_and_the_others_are_named_behind_it() {
    let rules = rules(
        &[
            rule("weak", "confidence = 10\nuser_agent = { begins = [\"Mozilla/5.0 (\"] }"),
            rule("strong", "confidence = 90\naddresses = [\"192.0.2.0/24\"]"),
            rule("middle", "confidence = 60\nuser_agent = { has = [\"Chrome/\"] }"),
            rule("strong-too", "confidence = 90\nuser_agent = { has = [\"Safari/\"] }"),
        ]
        .concat(),
    );
    let fetch = Fetch { address: "192.0.2.7".parse().ok(), ..Fetch::of(Kind::Click, Some(BROWSER)) };
    let client = classify(&rules, &fetch);
    assert_eq!((client.confidence, client.class, client.reason.as_str()), (90, Class::Scanner, "because"));
    assert_eq!(client.rules, ["strong", "strong-too", "middle"], "what speaks for a person is no reason here");
    let nobody = classify(&rules, &Fetch::of(Kind::Open, Some("Zustellung 3000")));
    assert_eq!((nobody.confidence, nobody.reason.as_str(), nobody.rules.len()), (40, "nobody knows", 0));
}

#[test]
fn so_many_reasons_are_kept_and_no_more() {
    let all: String =
        (0..=REASONS_MAX).map(|n| rule(&format!("r{n}"), "confidence = 80\nhead_before = true")).collect();
    let fetch = Fetch { head_before: true, ..Fetch::of(Kind::Open, Some(BROWSER)) };
    assert_eq!(classify(&rules(&all), &fetch).rules, ["r0", "r1", "r2", "r3", "r4"]);
}

#[test]
fn the_canary_is_a_machines_whatever_the_rules_say() {
    let rules = rules(&rule("everybody", "confidence = 0\nuser_agent = { has = [\"Mozilla\"] }"));
    let fetch = Fetch { canary: true, ..Fetch::of(Kind::Click, Some(BROWSER)) };
    let client = classify(&rules, &fetch);
    assert_eq!((client.confidence, client.class, client.rules), (100, Class::Scanner, vec![CANARY.to_owned()]));
}

#[test]
fn a_pattern_counts_where_it_must_stand() {
    for (lines, user_agent, holds) in [
        ("is = [\"Mozilla/5.0\"]", "mozilla/5.0", true),
        ("is = [\"Mozilla/5.0\"]", " Mozilla/5.0 ", true),
        ("is = [\"Mozilla/5.0\"]", "Mozilla/5.0 (X11)", false),
        ("begins = [\"curl/\"]", "curl/8.5.0", true),
        ("begins = [\"curl/\"]", "libcurl/8.5.0", false),
        ("has = [\"Slackbot\"]", "x-SLACKBOT-x", true),
        ("words = [\"bot\"]", "a bot, really", true),
        ("words = [\"bot\"]", "bot", true),
        ("words = [\"bot\"]", "Cubot bottle", false),
        ("has = [\"bot/\"], not = [\"cubot\"]", "CUBOT/X19", false),
        ("has = [\"bot/\"], not = [\"cubot\"]", "wpbot/1.1", true),
        ("has = [\"Überprüfer\"]", "der Überprüfer", true),
        ("missing = true", "", true),
        ("missing = true", " ", true),
        ("missing = true", "x", false),
    ] {
        let rules = rules(&rule("it", &format!("confidence = 99\nuser_agent = {{ {lines} }}")));
        let client = classify(&rules, &Fetch::of(Kind::Open, Some(user_agent)));
        assert_eq!(client.confidence == 99, holds, "{lines} and {user_agent:?}");
    }
    let rules = rules(&rule("it", "confidence = 99\nuser_agent = { missing = true }"));
    assert_eq!(classify(&rules, &Fetch::of(Kind::Open, None)).confidence, 99);
}

#[test]
fn every_condition_of_a_rule_must_hold() {
    let rules = rules(&rule(
        "it",
        "confidence = 99\non = \"click\"\naddresses = [\"192.0.2.7\", \"2001:db8::/32\"]\nafter_delivery_ms_max = 10",
    ));
    let holds = |kind, address: &str, delivery| {
        let fetch = Fetch { address: address.parse().ok(), delivery, ..Fetch::of(kind, Some(BROWSER)) };
        classify(&rules, &fetch).confidence == 99
    };
    assert!(holds(Kind::Click, "192.0.2.7", Delivery::Since(10)));
    assert!(holds(Kind::Click, "::ffff:192.0.2.7", Delivery::Since(0)));
    assert!(holds(Kind::Click, "2001:db8:1::7", Delivery::Since(0)));
    assert!(!holds(Kind::Open, "192.0.2.7", Delivery::Since(10)));
    assert!(!holds(Kind::Click, "192.0.2.8", Delivery::Since(10)));
    assert!(!holds(Kind::Click, "nowhere", Delivery::Since(10)));
    for delivery in [Delivery::Since(11), Delivery::Ahead, Delivery::Unknown] {
        assert!(!holds(Kind::Click, "192.0.2.7", delivery), "{delivery:?}");
    }
}

#[test]
fn a_document_that_is_not_right_is_refused_with_the_place() {
    refuses("format = 1\nupdated = 3", "line 2");
    refuses(&document("").replace("format = 1", "format = 2"), "format is 2");
    refuses(&document("nonsense = 1"), "nonsense");
    refuses(&document("").replace("40", "101"), "unknown: confidence is from 0 to 100");
    for (lines, words) in [
        ("", "missing field `confidence`"),
        ("confidence = 99", "rule `it`: it has no condition"),
        ("confidence = 99\nhead_first = true", "head_first"),
        ("confidence = 101\nhead_before = true", "line 5, rule `it`: confidence is from 0 to 100"),
        ("confidence = 99\naddresses = [\"192.0.2.7/24\"]", "`192.0.2.7/24` should be `192.0.2.0/24`"),
        ("confidence = 99\naddresses = [\"example.com\"]", "`example.com` is neither an address nor a range"),
        ("confidence = 99\nuser_agent = {}", "user_agent needs"),
        ("confidence = 99\nuser_agent = { not = [\"abc\"] }", "user_agent needs"),
        ("confidence = 99\nuser_agent = { missing = true, has = [\"abc\"] }", "has no patterns"),
        ("confidence = 99\nuser_agent = { has = [\"ab\"] }", "less than 3 characters"),
        ("confidence = 99\nuser_agent = { has = [\"abc\"], not = [\"ab\"] }", "less than 3 characters"),
        ("confidence = 99\nlinks_min = 3", "need within_ms"),
        ("confidence = 99\nlinks_min = 1\nwithin_ms = 5", "links_min is 2 or more"),
        ("confidence = 99\nhead_before = true\nwithin_ms = 5", "within_ms belongs to"),
        ("confidence = 99\nafter_delivery_ms_max = -1", "after_delivery_ms_max is 0 or more"),
        ("confidence = 99\nafter_delivery_ms_max = 1\nbefore_delivery = true", "both before and after"),
        ("confidence = 99\nhead_before = true\non = \"hover\"", "hover"),
    ] {
        refuses(&document(&format!("\n{}", rule("it", lines))), words);
    }
    let twice = rule("it", "confidence = 99\nhead_before = true");
    refuses(&document(&twice.repeat(2)), "line 11, rule `it`: another rule has this name");
    refuses(&document(&rule("It!", "confidence = 99\nhead_before = true")), "small letters");
}

#[test]
fn every_bound_of_a_document_has_two_sides() {
    let padded = |bytes: usize| {
        let text = document("#");
        let padding = "x".repeat(bytes - text.len());
        text + &padding
    };
    assert!(Rules::parse(&padded(RULES_BYTES_MAX)).is_ok());
    refuses(&padded(RULES_BYTES_MAX + 1), "more than 1048576 bytes");

    let window = |within| document(&rule("it", &format!("confidence = 99\ncanary = true\nwithin_ms = {within}")));
    assert_eq!(Rules::parse(&window(WINDOW_MS_MAX)).expect("just inside").window_ms(), WINDOW_MS_MAX);
    refuses(&window(WINDOW_MS_MAX + 1), "within_ms is from 1 to 600000");

    let text = |chars| rule("it", "confidence = 99\nhead_before = true").replace("because", &"ä".repeat(chars));
    assert!(Rules::parse(&document(&text(rules::TEXT_CHARS_MAX))).is_ok());
    refuses(&document(&text(rules::TEXT_CHARS_MAX + 1)), "a reason has from 1 to 300 characters");

    let many = |count: usize| {
        document(&(0..count).map(|n| rule(&format!("r{n}"), "confidence = 9\nhead_before = true")).collect::<String>())
    };
    assert!(Rules::parse(&many(rules::RULES_MAX)).is_ok());
    refuses(&many(rules::RULES_MAX + 1), "there are 2001 rules, and 2000 is the most");

    let list = |count: usize, item: &dyn Fn(usize) -> String| {
        (0..count).map(|n| format!("\"{}\"", item(n))).collect::<Vec<_>>().join(", ")
    };
    let ranges = |count| {
        let ranges = list(count, &|n| format!("10.{}.{}.0/24", n / 256, n % 256));
        document(&rule("it", &format!("confidence = 9\naddresses = [{ranges}]")))
    };
    assert!(Rules::parse(&ranges(rules::RANGES_MAX)).is_ok());
    refuses(&ranges(rules::RANGES_MAX + 1), "4097 ranges of addresses, and 4096 is the most");

    let patterns = |count| {
        let patterns = list(count, &|n| format!("pattern {n}"));
        document(&rule("it", &format!("confidence = 9\nuser_agent = {{ has = [{patterns}] }}")))
    };
    assert!(Rules::parse(&patterns(rules::PATTERNS_MAX)).is_ok());
    refuses(&patterns(rules::PATTERNS_MAX + 1), "20001 patterns of user agents, and 20000 is the most");
}
