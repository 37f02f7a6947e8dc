//! Who fetched it: documented behaviour of real clients, as the built-in rules judge it

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use pillarbox::mail::client::rules::Rules;
use pillarbox::mail::client::{Class, Delivery, Fetch, Kind, Neighbour, classify};
use serde::Deserialize;

/// One line of `tests/fixtures/clients/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    kind: Kind,
    user_agent: Option<String>,
    address: Option<std::net::IpAddr>,
    delivery_ms: Option<DeliveryMs>,
    #[serde(default)]
    head_before: bool,
    link: Option<u32>,
    #[serde(default)]
    canary: bool,
    #[serde(default)]
    around: Vec<NeighbourCase>,
    class: Class,
    /// The rule that decides; `null` when none knows the client.
    rule: Option<String>,
    source: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum DeliveryMs {
    Since(i64),
    Word(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NeighbourCase {
    away_ms: i64,
    link: Option<u32>,
    #[serde(default)]
    canary: bool,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clients");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the folder is read").collect();
    files.sort_by_key(|file| file.as_ref().expect("the folder is read").path());
    let mut cases = Vec::new();
    for file in files {
        let path = file.expect("the folder is read").path();
        let text = std::fs::read_to_string(&path).expect("the file is read");
        for (number, line) in text.lines().enumerate() {
            let case = serde_json::from_str(line);
            cases.push(case.unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), number + 1)));
        }
    }
    cases
}

#[test]
fn every_documented_client_is_told_as_it_is_documented() {
    let (rules, cases) = (Rules::built_in(), cases());
    assert!(cases.len() >= 100, "{}", cases.len());
    let mut wrong = String::new();
    for case in &cases {
        assert!(case.source.starts_with("https://"), "{}", case.name);
        let around = case.around.iter().map(|n| Neighbour { away_ms: n.away_ms, link: n.link, canary: n.canary });
        let around: Vec<_> = around.collect();
        let delivery = match &case.delivery_ms {
            None => Delivery::Unknown,
            Some(DeliveryMs::Since(since)) => Delivery::Since(*since),
            Some(DeliveryMs::Word(word)) => {
                assert_eq!(word, "ahead", "{}", case.name);
                Delivery::Ahead
            }
        };
        let fetch = Fetch {
            kind: case.kind,
            user_agent: case.user_agent.as_deref(),
            address: case.address,
            delivery,
            head_before: case.head_before,
            link: case.link,
            canary: case.canary,
            around: &around,
        };
        let told = classify(&rules, &fetch);
        if told.class != case.class || told.rules.first() != case.rule.as_ref() {
            writeln!(wrong, "{}: {:?} by {:?}, but told {told:?}", case.name, case.class, case.rule).expect("it fits");
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn every_rule_has_a_case_and_every_class_has_many() {
    let cases = cases();
    let met: BTreeSet<_> = cases.iter().filter_map(|case| case.rule.as_deref()).collect();
    let unmet: Vec<_> = Rules::built_in().rules.into_iter().map(|rule| rule.name).collect();
    let unmet: Vec<_> = unmet.iter().filter(|name| !met.contains(name.as_str())).collect();
    assert!(unmet.is_empty(), "no case is decided by {unmet:?}");
    for (class, least) in [(Class::Human, 40), (Class::Suspicious, 8), (Class::Scanner, 60)] {
        let count = cases.iter().filter(|case| case.class == class).count();
        assert!(count >= least, "{class:?}: {count}");
    }
}

/// What the page says of rules and cases, made from them.
fn tables() -> String {
    let mut page = String::from("## The rules\n\n| rule | it is about | % | class | because | documented |\n");
    page += "| --- | --- | --- | --- | --- | --- |\n";
    for rule in Rules::built_in().rules {
        let class = Class::of(rule.confidence).as_str();
        let (name, client, sure, reason) = (rule.name, rule.client, rule.confidence, rule.reason);
        writeln!(page, "| `{name}` | {client} | {sure} | {class} | {reason} | [source]({}) |", rule.source)
            .expect("it fits");
    }
    page += "\n## The clients they were tried on\n\n| client | fetches | it is | by | documented |\n";
    page += "| --- | --- | --- | --- | --- |\n";
    for case in cases() {
        let kind = if case.kind == Kind::Open { "the pixel" } else { "a link" };
        let rule = case.rule.map_or("no rule".to_owned(), |rule| format!("`{rule}`"));
        let (name, class, source) = (case.name, case.class.as_str(), case.source);
        writeln!(page, "| {name} | {kind} | {class} | {rule} | [source]({source}) |").expect("it fits");
    }
    page
}

#[test]
fn the_page_about_clients_has_every_rule_and_every_case() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/src/mail/client/README.md");
    let page = std::fs::read_to_string(&path).expect("the page is read");
    let (written, tables) = (page.split_once("## The rules\n").map(|(text, _)| text), tables());
    let written = written.expect("the page has a part that a person wrote, and then the rules");
    if page != format!("{written}{tables}") {
        let wanted = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients.md");
        std::fs::write(&wanted, format!("{written}{tables}")).expect("it is written");
        panic!("rules or cases changed; cp {} {}", wanted.display(), path.display());
    }
}
