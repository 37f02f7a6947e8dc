//! What `pillarbox domain` prints for people.

use serde_json::{Value, json};

use crate::cli::output::{printable, table, word};

/// All domains, and below them what needs attention.
pub(super) fn list(answer: &Value) -> String {
    let columns = [
        ("DOMAIN", "unicode"),
        ("CUSTOMER", "customer"),
        ("STATUS", "status"),
        ("VERIFIED BY", "verified_by"),
        ("OUTLET", "outlet"),
        ("CREATED", "created_at"),
    ];
    let domains = answer["domains"].as_array().into_iter().flatten();
    domains.fold(table(&answer["domains"], &columns), |text, domain| text + &warnings(domain))
}

fn warnings(domain: &Value) -> String {
    let warnings = domain["warnings"].as_array().into_iter().flatten();
    warnings.fold(String::new(), |text, warning| format!("{text}! {}\n", word(&warning["message"])))
}

/// One domain: what it is, its records and its history.
pub(super) fn one(domain: &Value) -> String {
    let mut text = head(domain) + &warnings(domain);
    text += &records(domain);
    for record in list_of(domain, "removable_records") {
        text = text + "\n" + &word(&record["host"]) + " may be taken out of DNS: its key signs no more.\n";
    }
    text + &history(domain)
}

fn head(domain: &Value) -> String {
    let mut text = String::new();
    let line = |name: &str, value: &str| format!("{name:<14}{value}\n");
    text += &line("domain", &word(&domain["domain"]));
    if domain["unicode"] != domain["domain"] {
        text += &line("", &word(&domain["unicode"]));
    }
    for name in ["customer", "status"] {
        text += &line(name, &word(&domain[name]));
    }
    if let Some(by) = domain["verified_by"].as_str() {
        text += &line("verified by", who(by));
    }
    text += &line("outlet", domain["outlet"].as_str().unwrap_or("the service's"));
    text += &line("created", &word(&domain["created_at"]));
    for (name, field) in [("last checked", "last_checked_at"), ("next check", "next_check_at")] {
        if let Some(at) = domain[field].as_str() {
            text += &line(name, at);
        }
    }
    text + &tracking(&domain["tracking"], line)
}

/// How far the tracking host is, and what stands in its way.
fn tracking(host: &Value, line: impl Fn(&str, &str) -> String) -> String {
    let Some(name) = host["host"].as_str() else { return String::new() };
    let mut text = line("tracking", &format!("{name}, {}", word(&host["state"])));
    for (name, field) in
        [("", "reason"), ("links", "links_begin_with"), ("certificate", "expires_at"), ("next look", "next_check_at")]
    {
        match host[field].as_str() {
            Some(value) if field == "expires_at" => text += &line(name, &format!("until {value}")),
            Some(value) => text += &line(name, value),
            None => {}
        }
    }
    text
}

fn who(verified_by: &str) -> &str {
    match verified_by {
        "service" => "the service, which gave it away",
        "operator" => "an operator, who assumed it: nobody looked into DNS",
        "dns" => "its records in DNS",
        other => other,
    }
}

fn history(domain: &Value) -> String {
    let events = domain["history"].as_array().map(Vec::as_slice).unwrap_or_default();
    if events.is_empty() {
        return String::new();
    }
    let columns = [("WHEN", "timestamp"), ("WHAT", "event"), ("DETAIL", "detail")];
    format!("\n{}", table(&domain["history"], &columns))
}

/// The records to publish, each in a form that can be copied.
pub(super) fn records(domain: &Value) -> String {
    let records = list_of(domain, "records");
    if domain["sandbox"] == true {
        return "\nIts mail is captured on this machine and needs no record in DNS.\n".into();
    }
    let mut text = String::from("\nPublish these records in DNS:\n");
    for record in records {
        let need = if record["required"] == true { "required" } else { "recommended" };
        let state = record["key_state"].as_str().map(|state| format!(", {}", of_key(state))).unwrap_or_default();
        let (purpose, status) = (word(&record["purpose"]), word(&record["status"]));
        text = format!("{text}\n{purpose} ({need}{state}): {status}\n") + &zone_line(record);
    }
    text
}

fn of_key(state: &str) -> &str {
    match state {
        "active" => "signs now",
        "next" => "signs once this is there",
        "retiring" => "signed until lately, leave it for seven days",
        other => other,
    }
}

/// A record as zone files have it; one whose value is longer than a string has several.
fn zone_line(record: &Value) -> String {
    let (host, kind) = (word(&record["host"]), word(&record["type"]));
    if kind != "TXT" {
        return format!("{host}. IN {kind} {}.\n", word(&record["value"]));
    }
    let strings = record["strings"].as_array().into_iter().flatten();
    let quoted: Vec<_> = strings.map(|string| format!("\"{}\"", word(string))).collect();
    format!("{host}. IN {kind} ( {} )\n", quoted.join("\n    "))
}

/// What to do with a domain that was just added.
pub(super) fn next_steps(domain: &Value) -> String {
    if domain["status"] == "verified" {
        return String::new();
    }
    let name = word(&domain["domain"]);
    format!(
        "\nOnce they are published, `pillarbox domain check {name}` looks for them; the service looks by itself too, for \
         three days.\n`pillarbox domain records {name} --format zone` prints them for a zone file, `--format json` for Route \
         53 and Cloudflare.\n"
    )
}

/// What was found, and what to do about it.
pub(super) fn checks(answer: &Value) -> String {
    let row = |check: &Value| {
        let need = if check["required"] == true { "yes" } else { "no" };
        json!({ "purpose": check["purpose"], "type": check["type"], "host": check["host"], "required": need,
            "status": check["status"] })
    };
    let rows: Vec<_> = list_of(answer, "checks").iter().map(row).collect();
    let columns =
        [("PURPOSE", "purpose"), ("TYPE", "type"), ("HOST", "host"), ("REQUIRED", "required"), ("STATUS", "status")];
    let domain = &answer["domain"];
    let (name, status) = (word(&domain["domain"]), word(&domain["status"]));
    let end = match domain["status"].as_str() {
        Some("verified") => "mail is taken from it.".to_owned(),
        _ => format!("no mail is taken from it. `pillarbox domain records {name}` shows what to publish."),
    };
    let todo = list_of(answer, "checks").iter().filter_map(todo).collect::<String>();
    let todo = if todo.is_empty() { todo } else { format!("\nWHAT TO DO\n{todo}") };
    format!("{}{todo}\n{name} is {status}: {end}\n{}", table(&json!(rows), &columns), warnings(domain))
}

/// What to do about one record, below the table, where a sentence has room and a name can be copied.
fn todo(check: &Value) -> Option<String> {
    let reason = match (check["status"].as_str(), check["reason"].as_str()) {
        (_, Some(reason)) => printable(reason),
        (Some("verified"), None) => return None,
        (_, None) => format!("Publish {}", word(&check["value"])),
    };
    Some(format!(" {} {}\n   {reason}\n", word(&check["type"]), word(&check["host"])))
}

/// What to publish for new keys.
pub(super) fn rotation(domain: &Value) -> String {
    let name = word(&domain["domain"]);
    let next = list_of(domain, "records").iter().filter(|record| record["key_state"] == "next");
    let lines = next.fold(String::new(), |text, record| text + "\n" + &zone_line(record));
    format!(
        "New keys for {name} are made. Publish their records; each signs as soon as its record is seen, and the present keys \
         sign until then:\n{lines}\nLeave the present records in DNS until `pillarbox domain show {name}` says that they may \
         go, seven days later.\n"
    )
}

/// What is gone.
pub(super) fn removed(answer: &Value) -> String {
    let (name, customer) = (word(&answer["removed"]), word(&answer["customer"]));
    match answer["failed"].as_u64().unwrap_or(0) {
        0 => format!("{name} of {customer} is gone\n"),
        1 => format!("{name} of {customer} is gone, and the one copy that waited to be sent from it has failed\n"),
        copies => format!(
            "{name} of {customer} is gone, and the {copies} copies that waited to be sent from it have failed\n"
        ),
    }
}

fn list_of<'a>(answer: &'a Value, field: &str) -> &'a [Value] {
    answer[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_shows_a_row_for_each_record_and_below_it_what_to_do() {
        let check = |purpose: &str, status: &str, reason: Option<&str>| {
            json!({ "purpose": purpose, "type": "TXT", "host": format!("{purpose}.acme.example"), "value": "v",
                "required": purpose == "dkim", "status": status, "reason": reason })
        };
        let answer = json!({
            "domain": { "domain": "acme.example", "status": "pending", "warnings": [] },
            "checks": [check("dkim", "mismatch", Some("Another key\u{1b} is there.")), check("dmarc", "verified", None),
                check("spf", "pending", None)],
        });
        let expected = " PURPOSE  TYPE  HOST                REQUIRED  STATUS
 dkim     TXT   dkim.acme.example   yes       mismatch
 dmarc    TXT   dmarc.acme.example  no        verified
 spf      TXT   spf.acme.example    no        pending

WHAT TO DO
 TXT dkim.acme.example
   Another key\u{fffd} is there.
 TXT spf.acme.example
   Publish v

acme.example is pending: no mail is taken from it. `pillarbox domain records acme.example` shows what to publish.
";
        assert_eq!(
            checks(&answer).lines().map(str::trim_end).collect::<Vec<_>>(),
            expected.lines().collect::<Vec<_>>()
        );
    }

    #[test]
    fn records_are_shown_so_that_they_can_be_copied() {
        let record = |kind: &str, value: &str, state: Option<&str>| {
            json!({ "purpose": "dkim", "type": kind, "host": "a.acme.example", "value": value, "strings": [value, "b"],
                "required": true, "status": "missing", "key_state": state })
        };
        let domain =
            json!({ "records": [record("TXT", "a", Some("next")), record("MX", "10 mail.example.com", None)] });
        let expected = "\nPublish these records in DNS:\n\
            \ndkim (required, signs once this is there): missing\na.acme.example. IN TXT ( \"a\"\n    \"b\" )\n\
            \ndkim (required): missing\na.acme.example. IN MX 10 mail.example.com.\n";
        assert_eq!(records(&domain), expected);
        assert!(records(&json!({ "sandbox": true })).contains("needs no record"));
    }
}
