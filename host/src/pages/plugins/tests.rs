use serde_json::json;

use super::*;

fn plugin(candidate: bool) -> Plugin {
    let tally = json!({ "calls": 4, "failed": 1, "failures": { "out_of_cpu": 1 }, "p50_us": 50, "p99_us": 1_600,
        "duration_us": 4_000, "cpu_us": 3_000, "memory_bytes_max": 2_097_152,
        "buckets": [{ "up_to_us": 50, "calls": 3 }, { "up_to_us": 1_600, "calls": 0 }, { "up_to_us": null, "calls": 1 }] });
    let trial = json!({ "version": "1.1.0", "calls": tally, "resting_ms": null, "stage": "canary", "percent": 5.0,
        "since": "2024-03-15T14:30:00Z", "stopped": null,
        "bounds": { "failures_max": 2, "flips_percent_max": 5.0, "difference_max": 1.5 },
        "seen": { "compared": 9, "flips": 1, "failures": 0, "skipped": 0, "last_failure": null,
            "cpu_us": { "active": 900, "candidate": 1_900 },
            "differences": [{ "up_to_points": 0.0, "inputs": 8 }, { "up_to_points": null, "inputs": 1 }],
            "rules": [{ "rule": "BAD<b>", "gained": 1, "lost": 0 }],
            "examples": [{ "input": "0123456789abcdef0123", "before": 1.0, "after": 6.5, "is_flip": true,
                "gained": ["BAD<b>"], "lost": [] }] } });
    let version = |number: &str, state: &str| {
        json!({ "name": "guest", "version": number, "world": "scorer", "state": state, "digest": "sha256:0a", "size": 2_048,
            "built_in": false, "summary": "Judges <i>.", "installed_at": "2024-03-15T14:30:00Z", "installed_by": "ada <x>",
            "signed_by": "00ff", "check_failure": null })
    };
    let shown = json!({ "name": "guest", "versions": [version("1.1.0+b", "canary"), version("1.0.0", "active")],
        "placement": { "active": "1.0.0", "history": [{}] },
        "serving": { "active": { "version": "1.0.0", "calls": tally, "resting_ms": 1_500 },
            "candidate": if candidate { trial } else { json!(null) } },
        "log": [{ "at": "2024-03-15T14:30:00Z", "by": "ada", "action": "canary", "name": "guest", "from": "1.0.0",
            "to": "1.1.0", "why": "<why>" }] });
    serde_json::from_value(shown).expect("it is what the registry tells")
}

fn shown(candidate: bool, done: Option<&str>) -> String {
    let done = done.map(str::to_owned);
    show(&ShowView { plugin: plugin(candidate), done, visitor: Visitor { form_token: Some("f00".into()) } })
}

#[test]
fn a_trial_shows_differences_with_examples_and_leads_to_the_questions() {
    let page = shown(true, None);
    for part in [
        "Trial of 1.1.0",
        "canary 5 %",
        "href=\"/plugins/guest/promote\"",
        "href=\"/plugins/guest/stop\"",
        "0123456789abcdef</code> 1.0 → 6.5 points",
        "another verdict",
        "BAD&lt;b&gt;",
        "stops beyond 1.5 points",
        "the same: 8.",
        "&gt; 0: 1.",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert!(
        !page.contains("<b>")
            && !page.contains("<i>")
            && !page.contains("<why>")
            && !page.contains("<form method=\"post\" action=\"/plugins")
    );
    let without = shown(false, None);
    assert!(!without.contains("Trial of") && !without.contains("/promote"));
}

#[test]
fn the_calls_of_a_version_are_told_in_numbers_and_drawn() {
    let page = shown(false, Some("Done <so>."));
    for part in [
        "4, <strong class=\"bad\">1 failed</strong>, half within 50 µs, 99\u{a0}% within 1.6 ms",
        "resting for 1.5 s",
        "1 × out of cpu",
        "at most 2.0 MiB",
        "≤ 50 µs: 3.",
        "75.0 %",
        "role=\"status\">Done &lt;so&gt;.",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn versions_say_who_installed_them_and_what_can_be_done() {
    let page = shown(true, None);
    assert!(page.contains("by ada &lt;x&gt;, 2 KiB, signed with the key <code>00ff</code>"), "{page}");
    assert!(page.contains("href=\"/plugins/guest/activate?version=1.1.0%2Bb\""));
    assert!(page.contains("href=\"/plugins/guest/rollback\""));
}

#[test]
fn headings_have_an_order_and_every_page_has_one_first() {
    let list = list(&ListView {
        plugins: vec![plugin(true)],
        log: Vec::new(),
        troubles: vec!["<t>".into()],
        ..ListView::default()
    });
    for page in [shown(true, None), shown(false, None), list] {
        assert_eq!(page.matches("<h1>").count(), 1);
        let levels: Vec<_> =
            page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        assert!(!page.contains("<script") && !page.contains("<t>"));
    }
}

#[test]
fn times_and_sizes_are_short() {
    assert_eq!(
        [0, 999, 1_000, 1_600, 25_600, 1_000_000].map(duration),
        ["0 µs", "999 µs", "1 ms", "1.6 ms", "26 ms", "1 s"]
    );
    assert_eq!([0, 2_048, 1_572_864].map(bytes), ["0 bytes", "2 KiB", "1.5 MiB"]);
}
