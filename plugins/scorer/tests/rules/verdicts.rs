//! What all rules together say, and what settings change.

use super::support::{Mail, file, letter, link, page};
use pillarbox_scorer::message::Message;
use pillarbox_scorer::{HTML_BYTES_READ_MAX, MESSAGE_BYTES_MAX, TEXT_BYTES_READ_MAX, score};

#[test]
fn an_honest_letter_has_no_finding_at_all() {
    let verdict = letter().judge();
    assert_eq!((verdict.spam_score, verdict.findings.len()), (0.0, 0), "{verdict:#?}");
}

#[test]
fn an_honest_newsletter_that_can_be_left_with_one_click_scores_below_zero() {
    let html = r#"<!doctype html><html lang="en"><head><title>Notes</title><style>p{margin:0}</style></head><body>
        <div style="display:none">What the engine did this month</div>
        <h1>Notes on the engine</h1><p>The mill turned a thousand times in May, and the store was oiled.</p>
        <p><a href="https://analytical.example/may"><img src="https://analytical.example/m.png" alt="The mill"></a></p>
        <p>Analytical Society, 12 St James's Square, London SW1Y 4JH, 20095 Hamburg.
        <a href="https://analytical.example/u/1">Unsubscribe</a></p></body></html>"#;
    let verdict = letter()
        .html(html)
        .header("List-Unsubscribe", "<https://analytical.example/u/1>")
        .header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        .judge();
    let rules: Vec<&str> = verdict.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(
        (verdict.spam_score, rules),
        (-0.3, vec!["TEXT_LINKS_MISSING", "ONE_CLICK_UNSUBSCRIBE"]),
        "{verdict:#?}"
    );
}

#[test]
fn the_score_is_the_sum_of_the_findings_and_they_stand_most_important_first() {
    let verdict =
        link("http://evil.net:81/#charles@engine.example", "https://bank.com/").subject("ACT NOW AND SAVE").judge();
    let sum: f64 = verdict.findings.iter().map(|finding| finding.points).sum();
    assert_eq!(format!("{sum:.6}"), format!("{:.6}", verdict.spam_score));
    // Further places of a rule stand with the first, and have no points of their own.
    let points = verdict.findings.iter().map(|finding| finding.points).filter(|points| *points > 0.0);
    assert!(points.is_sorted_by(|one, next| one >= next), "{verdict:#?}");
    assert_eq!(verdict.findings[0].rule, "LINK_TEXT_MISMATCH");
}

#[test]
fn a_rule_counts_once_and_lists_five_places_and_how_many_more_there_are() {
    let links = "<p>Some notes <a href='https://bit.ly/x'>to read</a></p>".repeat(7);
    let verdict = page(&links).judge();
    let found: Vec<_> = verdict.findings.iter().filter(|finding| finding.rule == "LINK_SHORTENER").collect();
    assert_eq!(found.iter().map(|finding| finding.points).collect::<Vec<_>>(), [1.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(found[0].attributes, [("more-places".to_owned(), "2".to_owned())]);
    assert!(found[1..].iter().all(|finding| finding.attributes.is_empty()));
}

#[test]
fn words_alone_never_reach_the_five_points_of_spam() {
    let all = "Viagra no prescription online casino free spins horny hot singles next of kin transfer of funds lucky \
               winner email lottery work from home earn extra cash this is not spam dear friend claim your prize \
               double your bitcoin rolex breitling lose weight burn fat verify your account";
    assert_eq!(letter().text(all).judge().spam_score.to_string(), "4");
}

#[test]
fn a_program_under_another_name_is_more_than_enough() {
    assert!(file("bill.pdf.exe", "application/pdf", b"MZ\0\0").judge().spam_score >= 5.0);
}

#[test]
fn settings_turn_rules_off_and_name_own_domains() {
    let mail = link("https://bit.ly/x", "www.notes.com");
    let points = |settings: &[(&str, &str)], rule: &str| {
        let verdict = mail.judge_with(settings);
        verdict.findings.iter().find(|finding| finding.rule == rule).map(|finding| finding.points)
    };
    assert_eq!(points(&[], "LINK_SHORTENER"), Some(1.0));
    assert_eq!(points(&[("rules-off", "X, LINK_SHORTENER")], "LINK_SHORTENER"), None);
    assert_eq!(points(&[("unknown", "x")], "LINK_TEXT_MISMATCH"), Some(2.0));
    assert_eq!(points(&[("own-domains", "bit.ly")], "LINK_TEXT_MISMATCH"), None);
}

#[test]
fn a_message_up_to_the_limit_is_judged_and_a_larger_one_is_refused_in_a_sentence() {
    // A long header costs next to nothing to judge.
    let message = |bytes: usize| {
        let value = "x".repeat(bytes - "X-A".len());
        Message { headers: vec![("X-A".to_owned(), value)], ..Message::default() }
    };
    assert!(score(&message(MESSAGE_BYTES_MAX), &[]).is_ok());
    let refusal = Err("The message is larger than the 67108864 bytes that are judged.".to_owned());
    assert_eq!(score(&message(MESSAGE_BYTES_MAX + 1), &[]), refusal);
}

#[test]
fn what_stands_beyond_the_bytes_that_are_read_is_not_looked_at() {
    let found = |mail: Mail, rule: &str| mail.judge().findings.iter().any(|finding| finding.rule == rule);
    let link = "<a href='https://bit.ly/x'>notes</a>";
    let page =
        |bytes: usize| letter().html(&format!("<p>{}</p>{link}", " ".repeat(bytes - "<p></p>".len() - link.len())));
    assert!(found(page(HTML_BYTES_READ_MAX), "LINK_SHORTENER"));
    assert!(!found(page(HTML_BYTES_READ_MAX + 100), "LINK_SHORTENER"));
    let address = "https://bit.ly/x";
    let text = |bytes: usize| letter().text(&format!("{}{address}", " ".repeat(bytes - address.len())));
    assert!(found(text(TEXT_BYTES_READ_MAX), "LINK_SHORTENER"));
    assert!(!found(text(TEXT_BYTES_READ_MAX + 100), "LINK_SHORTENER"));
    // The limit falls inside of a character, which is then not read.
    assert!(!found(letter().text(&format!(" {}", "\u{20ac}".repeat(TEXT_BYTES_READ_MAX / 3 + 1))), "LINK_SHORTENER"));
}
