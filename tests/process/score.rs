//! `pillarbox score`: messages judged without a service and without a data directory, and what the exit code says

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Done, Home};

const MAIL: &str = "From: Ada <ada@example.org>\r\nTo: bob@example.com\r\nSubject: Lunch\r\n\r\nAt noon, as ever?\r\n";
/// Bytes of a message that are read at most.
const MESSAGE_BYTES_MAX: usize = 40 * 1024 * 1024;

/// A scorer that says these points of everything.
fn scorer(home: &Home, points: f64) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contract-1.0/scorer.wasm");
    let mut component = fs::read(path).expect("the guest is there");
    let places: Vec<_> = component.windows(8).enumerate().filter(|(_, bytes)| *bytes == 1.5f64.to_le_bytes()).collect();
    let [(at, _)] = places[..] else { panic!("its points stand at {places:?}") };
    component[at..at + 8].copy_from_slice(&points.to_le_bytes());
    home.file(&format!("scorer-{points}.wasm"), component)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn json(done: &Done) -> Value {
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {} {}", done.out, done.err))
}

#[test]
fn a_message_is_judged_by_the_built_in_scorer_where_nothing_was_ever_started() {
    let home = Home::empty();
    let file = home.file("mail.eml", MAIL);
    let from_file = home.run(&["score", "--json", text(&file)]);
    let from_input = home.run_with(&["score", "--json", "-"], MAIL.as_bytes());
    let [one, other] = [&from_file, &from_input].map(|done| {
        assert_eq!(done.err, "");
        let mut answer = json(done);
        answer["plugins"][0]["duration_us"] = Value::Null;
        answer
    });
    assert_eq!((&one, from_file.code), (&other, from_input.code));
    assert_eq!((&one["verdict"], from_file.code), (&"pass".into(), Some(0)), "{one}");
    let fields: Vec<_> = one.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(fields, ["score", "spam_score", "verdict", "probability", "findings", "plugins"]);
    assert_eq!(one["plugins"][0]["name"], "pillarbox-rules");

    let report = home.run(&["score", text(&file)]);
    let told = format!("(built in; there is no data directory {})", home.data().display());
    assert!(report.printed().starts_with("pass ") && report.out.contains(&told), "{}", report.out);
    assert!(!report.out.contains('\u{1b}'), "a pipe gets no colours: {}", report.out);
    assert!(!home.data().exists(), "nothing is made for this");
}

#[test]
fn the_exit_code_tells_the_verdict_and_the_scorer_of_a_file_judges_where_it_is_named() {
    let home = Home::empty();
    let file = home.file("mail.eml", MAIL);
    for (points, verdict, code) in [(2.5, "pass", 0), (3.5, "review", 3), (6.5, "reject", 4)] {
        let plugin = scorer(&home, points);
        let done = home.run(&["score", "--plugin", text(&plugin), "--json", text(&file)]);
        let answer = json(&done);
        assert_eq!(
            (&answer["verdict"], &answer["spam_score"], done.code),
            (&verdict.into(), &points.into(), Some(code)),
            "{answer}"
        );
        assert!(answer["probability"].is_null(), "this scorer says none: {answer}");
        let report = home.run(&["score", "--plugin", text(&plugin), text(&file)]);
        assert_eq!(report.code, Some(code));
        assert!(report.out.starts_with(verdict) && report.out.contains("judged by guest@1.0.0 ("), "{}", report.out);
    }
    let words = home.file("words.wasm", "words");
    home.run(&["score", "--plugin", text(&words), text(&file)]).refuses(&["text"]);
    let normalizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/dist/normalizer.wasm");
    home.run(&["score", "--plugin", text(&normalizer), text(&file)]).refuses(&["is a normalizer"]);
    assert_eq!(home.run(&["score", "--plugin", "x.wasm", "--paths", "-"]).code, Some(2));
}

#[test]
fn what_is_no_message_or_too_large_is_refused_in_words() {
    let home = Home::empty();
    let plugin = scorer(&home, 2.5);
    let judge = |file: &Path| home.run(&["score", "--plugin", text(&plugin), text(file)]);
    home.run(&["score", "missing.eml"]).refuses(&["cannot read missing.eml"]);
    for (name, bytes) in [("empty.eml", ""), ("lines.eml", "\r\n\r\n"), ("headless.eml", "\nHello\n")] {
        judge(&home.file(name, bytes)).refuses(&["Nothing to score"]);
    }
    for garbage in [&b"\0\xff\xfe\x01"[..], b"\x89PNG\r\n\x1a\n\0", b"<html>:</html>", b"{}"] {
        let done = judge(&home.file("garbage.eml", garbage));
        assert_eq!((done.code, done.err.as_str()), (Some(0), ""), "what has a first line is judged by it");
    }
    let of = |bytes: usize| {
        let mut message = b"Subject: large\r\nContent-Type: application/pdf\r\n\r\n".to_vec();
        message.resize(bytes, b'x');
        message
    };
    assert_eq!(judge(&home.file("inside.eml", of(MESSAGE_BYTES_MAX))).code, Some(0), "just inside");
    let outside = judge(&home.file("outside.eml", of(MESSAGE_BYTES_MAX + 1)));
    outside.refuses(&["outside.eml", "more than 41943040 bytes"]);
    let streamed = home.run_with(&["score", "--plugin", text(&plugin)], &of(MESSAGE_BYTES_MAX + 1));
    streamed.refuses(&["more than 41943040 bytes"]);
}

#[test]
fn several_messages_are_a_table_and_the_worst_of_them_counts() {
    let home = Home::empty();
    let plugin = scorer(&home, 3.5);
    fs::create_dir(home.directory().join("drafts")).expect("it is made");
    for name in ["b.eml", "a.eml", ".hidden"] {
        home.file(&format!("drafts/{name}"), MAIL);
    }
    let table = home.run(&["score", "--plugin", text(&plugin), "drafts"]);
    assert_eq!((table.code, table.err.as_str()), (Some(3), ""));
    let order = ["drafts/a.eml", "drafts/b.eml", "2 messages: 0 pass, 2 review, 0 reject", "scorer-3.5.wasm"];
    let places = order.map(|part| table.out.find(part).unwrap_or_else(|| panic!("no {part} in {}", table.out)));
    assert!(places.is_sorted() && !table.out.contains("hidden"), "{}", table.out);

    home.file("drafts/c.eml", "");
    let lines = home.run(&["score", "--plugin", text(&plugin), "--json", "drafts", "missing.eml"]);
    assert_eq!(lines.code, Some(1), "what is not judged is worse than anything");
    let answers: Vec<Value> =
        lines.out.lines().map(|line| serde_json::from_str(line).expect("each line is an answer")).collect();
    let files: Vec<_> = answers.iter().map(|answer| answer["file"].as_str().expect("it has a name")).collect();
    assert_eq!(files, ["drafts/a.eml", "drafts/b.eml", "drafts/c.eml", "missing.eml"]);
    assert_eq!((&answers[0]["verdict"], &answers[1]["spam_score"]), (&"review".into(), &3.5.into()));
    for (answer, why) in [(&answers[2], "Nothing to score"), (&answers[3], "cannot read missing.eml")] {
        assert!(answer["error"].as_str().is_some_and(|error| error.contains(why)), "{answer}");
    }
}

#[test]
fn the_help_teaches_what_to_give_and_what_comes_back() {
    let help = Home::empty().run(&["score", "--help"]);
    for part in ["pillarbox score letter.eml", "Exit codes", "--plugin <FILE>", "--json", "no service has to run"] {
        assert!(help.printed().contains(part), "{part} is not in {}", help.out);
    }
}
