//! Judgements for a terminal.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::super::output::{printable, table, word};
use crate::mail::parsed::ParsedMessage;
use crate::mail::pieces::{Location, Place, places};
use crate::pages::score::chance;

/// Characters of the bar, which stands for ten points.
const BAR_CHARS: u32 = 50;
/// Characters of what was found that are shown with a finding.
const WORDS_CHARS_MAX: usize = 60;

/// One judgement: the points as a bar, and every finding, those with most points first.
pub(super) fn report(answer: &Value, message: &[u8], judge: &str, is_coloured: bool) -> String {
    let verdict = word(&answer["verdict"]);
    let colour = colour(&verdict);
    let paint = |text: &str| painted(text, colour, is_coloured);
    let points = answer["spam_score"].as_f64().unwrap_or_default();
    let score = word(&answer["score"]);
    let mut text = format!("{}    {points:.2} points    score {score}/100", paint(&verdict));
    if let Some(probability) = answer["probability"].as_f64() {
        text.extend(["    ", &chance(probability), " likely spam"]);
    }
    let [review, reject] = [3, 5].map(|points| (BAR_CHARS * points / 10) as usize);
    let marks = format!("{:review$}│ review", "");
    text.extend(["\n▕", &paint(&bar(points)), "▏\n ", &format!("{marks:reject$}│ reject from 5 points\n")]);
    put_findings(&mut text, answer, message, is_coloured);
    for plugin in answer["plugins"].as_array().into_iter().flatten() {
        let id = format!("{}@{}", word(&plugin["name"]), word(&plugin["version"]));
        let told =
            if plugin["error"].is_null() { format!("{} µs", plugin["duration_us"]) } else { word(&plugin["error"]) };
        text.extend(["\njudged by ", &id, " (", &printable(judge), "): ", &told]);
    }
    text.push('\n');
    text
}

fn put_findings(text: &mut String, answer: &Value, message: &[u8], is_coloured: bool) {
    let findings = answer["findings"].as_array().map(Vec::as_slice).unwrap_or_default();
    if findings.is_empty() {
        text.push_str("\nnothing was found\n");
    }
    let parsed = ParsedMessage::parse(message).unwrap_or_default();
    let locations: Vec<_> = findings.iter().map(|finding| location(&finding["location"])).collect();
    for (finding, place) in findings.iter().zip(places(&parsed, &locations)) {
        let points = finding["points"].as_f64().unwrap_or_default();
        let severity = word(&finding["severity"]);
        let colour = match severity.as_str() {
            "error" => 31,
            "warning" => 33,
            _ => 0,
        };
        let rule = painted(&word(&finding["rule"]), colour, is_coloured);
        let place = place.map(|place| told(&place)).unwrap_or_default();
        let _ = write!(text, "\n{points:>6.2}  {rule}  {severity}{place}\n        {}\n", word(&finding["message"]));
        // What speaks for the message is to stay.
        if points >= 0.0 {
            text.extend(["      → ", &word(&finding["suggestion"]), "\n"]);
        }
    }
}

fn location(value: &Value) -> Option<Location<'_>> {
    let number = |name: &str| value[name].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
    let part = value["part"].as_str()?;
    Some(Location { part, index: number("index"), offset: number("offset"), length: number("length") })
}

/// Where it stands and the words there, on one line.
fn told(place: &Place<'_>) -> String {
    let found = place.words();
    let mut words = String::new();
    for found in found.split_whitespace() {
        if words.chars().count() > WORDS_CHARS_MAX {
            break;
        }
        words.extend([if words.is_empty() { "" } else { " " }, found]);
    }
    if let Some((at, _)) = words.char_indices().nth(WORDS_CHARS_MAX) {
        words.truncate(at);
        words.push('…');
    }
    let place = printable(&place.told());
    if words.is_empty() { format!("  {place}") } else { format!("  {place}: “{}”", printable(&words)) }
}

/// One judgement of many: what a row of the table shows.
pub(super) fn row(file: &str, answer: &Value) -> Value {
    let first = &answer["findings"][0];
    let told = if answer["error"].is_null() { &first["rule"] } else { &answer["error"] };
    let verdict = if answer["error"].is_null() { answer["verdict"].clone() } else { "not judged".into() };
    let points = answer["spam_score"].as_f64().map(|points| format!("{points:.2}"));
    json!({ "verdict": verdict, "points": points, "score": answer["score"], "told": told, "file": file,
        "findings": answer["findings"].as_array().map(Vec::len) })
}

/// The table, and how many there are of each verdict.
pub(super) fn rows(rows: &[Value], judge: &str) -> String {
    let columns = [
        ("VERDICT", "verdict"),
        ("POINTS", "points"),
        ("SCORE", "score"),
        ("FINDINGS", "findings"),
        ("FILE", "file"),
        ("FIRST FINDING", "told"),
    ];
    let mut text = table(&rows.into(), &columns);
    let count = |verdict: &str| rows.iter().filter(|row| row["verdict"] == verdict).count();
    let messages = if rows.len() == 1 { "1 message".to_owned() } else { format!("{} messages", rows.len()) };
    let _ =
        write!(text, "\n{messages}: {} pass, {} review, {} reject", count("pass"), count("review"), count("reject"));
    if count("not judged") > 0 {
        let _ = write!(text, ", {} not judged", count("not judged"));
    }
    text.extend(["\njudged by the scorer of ", &printable(judge), "\n"]);
    text
}

/// An answer with the name of its file before everything else.
pub(super) fn named(file: &str, answer: Value) -> Value {
    let mut named = json!({ "file": file });
    if let (Some(named), Value::Object(answer)) = (named.as_object_mut(), answer) {
        named.extend(answer);
    }
    named
}

fn colour(verdict: &str) -> u8 {
    match verdict {
        "pass" => 32,
        "review" => 33,
        _ => 31,
    }
}

fn painted(text: &str, colour: u8, is_coloured: bool) -> String {
    if is_coloured && colour > 0 { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Ten points and more fill it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the length of the bar before")]
fn bar(points: f64) -> String {
    let filled = (points * f64::from(BAR_CHARS) / 10.0).round().clamp(0.0, f64::from(BAR_CHARS)) as usize;
    "█".repeat(filled) + &"░".repeat(BAR_CHARS as usize - filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: ada@example.org\r\nSubject: FREE \u{1b}[2J MONEY\r\n\r\none\r\ntwo\r\n";

    fn answer() -> Value {
        json!({ "score": 0, "spam_score": 6.25, "verdict": "reject", "probability": 0.995,
            "findings": [
                { "rule": "LOUD", "severity": "error", "points": 6.0, "message": "It is \u{1b}loud.",
                    "suggestion": "Speak softly.", "location": { "part": "subject", "offset": 0, "length": 99 } },
                { "rule": "TWO", "severity": "info", "points": 0.25, "message": "m", "suggestion": "s",
                    "location": { "part": "text", "offset": 5, "length": 3 } },
                { "rule": "WHOLE", "severity": "info", "points": 0.0, "message": "m", "suggestion": "s" }],
            "plugins": [{ "name": "guest", "version": "1.0.0", "duration_us": 12, "error": null }] })
    }

    #[test]
    fn a_person_reads_what_was_found_where_and_what_to_do() {
        let text = report(&answer(), MAIL.as_bytes(), "built in", false);
        assert!(!text.contains('\u{1b}'), "a message cannot steer the terminal: {text:?}");
        assert!(
            text.starts_with("reject    6.25 points    score 0/100    more than 99\u{a0}% likely spam\n▕██"),
            "{text}"
        );
        for part in [
            "                │ review  │ reject from 5 points\n",
            "  6.00  LOUD  error  subject: “FREE �[2J MONEY”\n        It is �loud.\n      → Speak softly.\n",
            "  0.25  TWO  info  text, line 2: “two”\n",
            "  0.00  WHOLE  info\n",
            "judged by guest@1.0.0 (built in): 12 µs\n",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let coloured = report(&answer(), MAIL.as_bytes(), "", true);
        assert!(coloured.starts_with("\u{1b}[31mreject\u{1b}[0m"), "{coloured:?}");
        let none = report(&json!({ "spam_score": -0.5, "score": 100, "verdict": "pass" }), b"", "", false);
        assert!(none.contains("nothing was found") && !none.contains("likely") && !none.contains('█'), "{none}");
    }

    #[test]
    fn words_and_bars_have_bounds() {
        assert_eq!((bar(-1.0), bar(f64::INFINITY)), ("░".repeat(50), "█".repeat(50)));
        assert_eq!(bar(5.0), "█".repeat(25) + &"░".repeat(25));
        let long = |chars: usize| {
            let message = ParsedMessage { subject: Some("é".repeat(chars)), ..ParsedMessage::default() };
            let location = Location { part: "subject", index: 0, offset: 0, length: usize::MAX };
            places(&message, &[Some(location)])[0].as_ref().map(told).expect("it is a place")
        };
        assert_eq!(long(60), format!("  subject: “{}”", "é".repeat(60)));
        assert_eq!(long(61), format!("  subject: “{}…”", "é".repeat(60)));
    }

    #[test]
    fn a_table_has_a_row_for_each_message_and_tells_what_failed() {
        let rows_of = [row("a.eml", &answer()), row("b.eml", &json!({ "error": "b.eml: gone" }))];
        let text = rows(&rows_of, "built in");
        for part in
            ["reject", "6.25", "LOUD", "not judged", "b.eml: gone", "2 messages: 0 pass, 0 review, 1 reject, 1 not"]
        {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        let named = named("a.eml", answer());
        assert_eq!(named.as_object().and_then(|named| named.keys().next()).map(String::as_str), Some("file"));
    }
}
