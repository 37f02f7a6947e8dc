//! The operator's own rules: what a file of them does, and what is said of one that is wrong.

use pillarbox_scorer::check_settings;
use pillarbox_scorer::own::{
    FILE_BYTES_MAX, HEADERS_MAX, ID_BYTES_MAX, PATTERN_CHARACTERS_MAX, PATTERNS_MAX, RULES_MAX, SENTENCE_BYTES_MAX,
    WORDINGS_MAX, WORDS_PER_WORDING_MAX,
};
use pillarbox_scorer::verdict::{Finding, Severity};

use super::support::{Mail, letter};

/// The example of the README.
fn example() -> String {
    let readme = include_str!("../../README.md");
    let (_, from) = readme.split_once("```toml\n").expect("the README has an example");
    let (example, _) = from.split_once("```").expect("it ends");
    example.to_owned()
}

/// What own rules find, by the rules alone.
fn own(mail: &Mail, file: &str) -> Vec<Finding> {
    let findings = mail.judge_with(&[("rules", file)]).findings;
    findings.into_iter().filter(|finding| finding.rule == "OWN_RULE").collect()
}

/// A rule with everything it needs, and what is said of it besides.
fn rule(more: &str) -> String {
    format!("[[rule]]\nid = \"ACME\"\nwhere = \"text\"\npoints = 1\nmessage = \"Said.\"\n{more}")
}

#[test]
fn the_example_of_the_readme_is_checked_and_found() {
    let file = example();
    assert_eq!(check_settings(&[("rules".to_owned(), file.clone())]), Ok(()));
    let mail = letter().subject("About Project Bluebird").text("See https://intranet.acme.example/x now.");
    let found = own(&mail, &file);
    let told: Vec<_> = found.iter().map(|one| (one.attributes[0].1.as_str(), one.points, one.severity)).collect();
    assert_eq!(told, [("ACME_CODENAME", 4.0, Severity::Error), ("ACME_INTRANET_LINK", 1.5, Severity::Warning)]);
    assert_eq!(mail.at(found[0].location.expect("it is in the subject")), Some("Project Bluebird"));
    assert_eq!(mail.at(found[1].location.expect("it is a link")), Some("https://intranet.acme.example/x"));
}

#[test]
fn a_rule_looks_where_it_is_told_and_nowhere_else() {
    let everywhere = letter()
        .subject("the word bluebird")
        .html("<p>the <b>word</b> bluebird <a href='https://word.example/bluebird'>x</a></p>")
        .text("the word bluebird")
        .from("word", "word@bluebird.example")
        .header("X-A", "the word bluebird")
        .header("X-B", "the word bluebird");
    let check = |place: &str, words: &str, expected: &[&str]| {
        let file = format!("[[rule]]\nid = \"A\"\nwhere = {place}\npoints = 1\nmessage = \"Said.\"\n{words}");
        let found = own(&everywhere, &file);
        let places: Vec<_> = found.iter().map(|one| everywhere.at(one.location.expect("it is somewhere"))).collect();
        assert_eq!(places, expected.iter().copied().map(Some).collect::<Vec<_>>(), "{place} {words}");
    };
    check("\"subject\"", "words = \"WORD Bluebird\"", &["word bluebird"]);
    check("\"html\"", "words = [\"word bluebird\"]", &["word</b> bluebird"]);
    check("\"html\"", "words = \"wor\"", &[]);
    check("\"text\"", "pattern = \"blue*\"", &["bluebird"]);
    check("\"text\"", "pattern = \"blue\"", &[]);
    check("\"link\"", "pattern = \"*://word.*\"", &["https://word.example/bluebird"]);
    check("\"from\"", "pattern = \"*@bluebird.example\"", &["word@bluebird.example"]);
    check("\"from\"", "words = \"word\"", &["word", "word@bluebird.example"]);
    check("\"header:x-b\"", "words = \"bluebird\"", &["bluebird"]);
    check("[\"subject\", \"text\", \"header:X-A\"]", "words = \"bluebird\"", &["bluebird"; 3]);
}

#[test]
fn a_file_reweighs_rules_and_switches_them_off() {
    let mail = letter().text("Read https://bit.ly/x today.");
    let points = |file: &str| {
        let verdict = mail.judge_with(&[("rules", file)]);
        verdict.findings.iter().find(|finding| finding.rule == "LINK_SHORTENER").map(|finding| finding.points)
    };
    assert_eq!(points(""), Some(1.0));
    assert_eq!(points("[points]\nLINK_SHORTENER = 0.25"), Some(0.25));
    assert_eq!(points("[points]\nLINK_SHORTENER = -1"), Some(-1.0));
    assert_eq!(points("[points]\nLINK_SHORTENER = 10"), Some(7.0), "the limit of the category stands");
    assert_eq!(points("off = [\"X\", \"LINK_SHORTENER\"]"), None);
}

#[test]
fn points_of_own_rules_count_beside_the_judgement_of_the_model() {
    let mail = letter().text("Notes on the engine, as every month, about the word bluebird.");
    let without = mail.judge_wholly(&[]).spam_score;
    let with = mail.judge_wholly(&[("rules", &rule("words = \"bluebird\""))]).spam_score;
    assert!((with - without - 1.0).abs() < 1e-9, "{without} {with}");
}

#[test]
fn five_places_of_a_rule_are_told_and_points_count_once() {
    let found = own(&letter().text(&"bluebird ".repeat(9)), &rule("words = \"bluebird\"\npattern = \"bluebird\""));
    let points: Vec<f64> = found.iter().map(|one| one.points).collect();
    assert_eq!(points, [1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_wrong_file_is_told_when_it_is_set_and_passed_over_in_a_call() {
    let mail = letter().text("Read https://bit.ly/x today.");
    let verdict = mail.judge_wholly(&[("rules", "off = [\"LINK_SHORTENER\"]\n[[rule]]\nid = 5\n")]);
    assert!(verdict.findings.iter().any(|finding| finding.rule == "LINK_SHORTENER"), "nothing of it counts");
    let told = verdict.attributes.iter().find(|(name, _)| name == "settings-error");
    assert_eq!(told.map(|(_, value)| value.as_str()), Some("line 3: id is no text in quotes"));
    let untouched = mail.judge_wholly(&[]);
    assert_eq!(verdict.findings, untouched.findings);
}

#[track_caller]
fn told(file: &str, expected: &str) {
    let result = check_settings(&[("rules".to_owned(), file.to_owned())]);
    assert_eq!(result, Err(format!("rules, {expected}")), "{file}");
}

#[track_caller]
fn fine(file: &str) {
    assert_eq!(check_settings(&[("rules".to_owned(), file.to_owned())]), Ok(()), "{file}");
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_field() {
    let words = "words = \"x\"";
    told("on = []", "line 1: on means nothing here; there is off, once, before the tables [points] and [[rule]]");
    told("\n[point]", "line 2: there is no table \"point\"; there are [points] and [[rule]]");
    told("[rule]\nid = \"A\"", "line 1: a rule begins with [[rule]], in double brackets");
    told("[points]\n[points]", "line 2: [points] stands twice");
    told("[points]\nNO_SUCH = 1", "NO_SUCH is no built-in rule");
    told("off = [\"NO_SUCH\"]", "NO_SUCH is no built-in rule");
    told("[points]\nLINK_SHORTENER = \"1\"", "line 2: LINK_SHORTENER is no number");
    told("[points]\nLINK_SHORTENER = true", "line 2: LINK_SHORTENER is a boolean, not a number");
    told("[points]\nLINK_SHORTENER = 10.5", "line 2: LINK_SHORTENER is 10.5, not from -10 to 10");
    told("[points]\nLINK_SHORTENER = nan", "line 2: LINK_SHORTENER is NaN, not from -10 to 10");
    told("[points]\nLINK_SHORTENER = 1\nLINK_SHORTENER = 1", "line 3: LINK_SHORTENER stands twice");
    told("[[rule]]\nwords = \"x\"", "line 1: the rule has no id");
    told(&rule(""), "line 1: the rule ACME has neither words nor a pattern");
    told("[[rule]]\nid = \"A\"\nwords = \"x\"", "line 1: the rule A has no where");
    told(&(rule(words) + "\npoints = 2"), "line 7: points stands twice");
    let fields = "id, where, words, pattern, points, severity, message and suggestion";
    told(&rule("weight = 2"), &format!("line 6: weight means nothing here; there is {fields}"));
    told(&rule("severity = \"bad\""), "line 6: severity is \"bad\"; it can be error, warning and info");
    told(&rule("suggestion = \" \""), "line 6: suggestion is empty");
    told(&rule("words = [\"x\", \"!\"]"), "line 6: words has \"!\", in which there is no word");
    told(&rule("words = []"), "line 6: words is empty");
    told(&rule("words = [1]"), "line 6: a list holds texts in quotes alone");
    told(&rule("words = [[\"x\"]]"), "line 6: a list in a list means nothing here");
    told(&rule("words = { a = \"x\" }"), "line 6: a table in braces means nothing here");
    told(&rule("a.b = \"x\""), "line 6: names with dots mean nothing here");
    told(&rule("pattern = \"a b\""), "line 6: pattern has a blank; it is held against single words");
    told(&rule("pattern = \"**\""), "line 6: pattern fits everything");
    let places = "it can be subject, text, html, link, from, and header: with the name of a header";
    let place = "[[rule]]\nwhere = ";
    told(&format!("{place}\"body\""), &format!("line 2: where is \"body\"; {places}"));
    told(&format!("{place}\"header:\""), &format!("line 2: where is \"header:\"; {places}"));
    told(&format!("{place}[]"), "line 2: where names no place");
    let two = format!("{}\n{}", rule(words), rule(words));
    told(&two, "line 7: there are two rules ACME");
    let id = "not a word of up to 64 upper-case letters, digits and underscores";
    told("[[rule]]\nid = \"acme\"", &format!("line 2: id is \"acme\", {id}"));
    for broken in ["[[rule]]\nid = \"A", "[[rule", "id", "= 1", "a = 'b' c"] {
        let told = check_settings(&[("rules".to_owned(), broken.to_owned())]).expect_err("it is no TOML");
        assert!(told.starts_with("rules, line ") && told.contains(": it is no TOML: "), "{told}");
    }
    let check = |name: &str, value: &str| check_settings(&[(name.to_owned(), value.to_owned())]);
    assert_eq!(check("rules-off", "LINK_SHORTENER, MODEL_CONTENT"), Ok(()));
    assert_eq!(check("rules-off", "LINK_SHORT"), Err("rules-off names LINK_SHORT, which is no rule".to_owned()));
    assert_eq!(check("own-domains", "a.example, b.example"), Ok(()));
    let told = Err("own-domains names \"https://a.example\", which is no domain".to_owned());
    assert_eq!(check("own-domains", "https://a.example"), told);
}

#[test]
fn each_limit_of_a_file_holds_at_its_number_and_not_beyond() {
    let numbered = |count: usize, more: &dyn Fn(usize) -> String| -> String {
        (0..count).map(|number| rule(&more(number)).replace("ACME", &format!("ACME{number}")) + "\n").collect()
    };
    let words = |_: usize| "words = \"x\"".to_owned();
    fine(&numbered(RULES_MAX, &words));
    told(&numbered(RULES_MAX + 1, &words), "line 601: there are more than 100 rules");
    let pattern = |_: usize| "pattern = \"x\"".to_owned();
    fine(&numbered(PATTERNS_MAX, &pattern));
    told(&numbered(PATTERNS_MAX + 1, &pattern), "line 193: more than 32 rules have a pattern");
    let wordings = |count: usize| rule(&format!("words = [{}]", "\"x\",".repeat(count)));
    fine(&wordings(WORDINGS_MAX));
    told(&wordings(WORDINGS_MAX + 1), "line 1: all rules together have more than 400 wordings");
    let wording = |count: usize| rule(&format!("words = \"{}\"", "x ".repeat(count)));
    fine(&wording(WORDS_PER_WORDING_MAX));
    told(&wording(WORDS_PER_WORDING_MAX + 1), "line 6: words has a wording of more than 8 words");
    let pattern = |count: usize| rule(&format!("pattern = \"{}\"", "x".repeat(count)));
    fine(&pattern(PATTERN_CHARACTERS_MAX));
    told(&pattern(PATTERN_CHARACTERS_MAX + 1), "line 6: pattern has 61 characters of at most 60");
    let sentence = |count: usize| rule(&format!("words = \"x\"\nsuggestion = \"{}\"", "x".repeat(count)));
    fine(&sentence(SENTENCE_BYTES_MAX));
    told(&sentence(SENTENCE_BYTES_MAX + 1), "line 7: suggestion has 501 bytes of at most 500");
    let id = |count: usize| rule("words = \"x\"").replace("ACME", &"A".repeat(count));
    fine(&id(ID_BYTES_MAX));
    assert!(check_settings(&[("rules".to_owned(), id(ID_BYTES_MAX + 1))]).is_err());
    let headers =
        |count: usize| rule("words = \"x\"").replace("\"text\"", &format!("[{}]", "\"header:X\",".repeat(count)));
    fine(&headers(HEADERS_MAX));
    told(&headers(HEADERS_MAX + 1), "line 3: where names more than 8 headers");
    let file = |bytes: usize| format!("# {}", "x".repeat(bytes - 2));
    fine(&file(FILE_BYTES_MAX));
    told(&file(FILE_BYTES_MAX + 1), "the file has 32769 bytes of at most 32768");
}

#[test]
fn no_nonsense_in_a_file_makes_it_panic() {
    let file = example();
    for end in (0..file.len()).filter(|end| file.is_char_boundary(*end)) {
        let _ = check_settings(&[("rules".to_owned(), file[..end].to_owned())]);
        let _ = check_settings(&[("rules".to_owned(), file[end..].to_owned())]);
    }
    for nonsense in ["[", "]", "\"", "'''", "[[[[[[", "a=[[[[", "\u{0}", "\\", "a = \"\\u{d800}\"", "\u{feff}"] {
        let _ = check_settings(&[("rules".to_owned(), nonsense.repeat(2_000))]);
    }
}
