//! A report for people, in a hundred columns.

use std::fmt::Write;

use serde_json::{Value, json};

use super::super::super::output::{printable, table, word};

/// Columns of a terminal that everything fits into.
const WIDTH: usize = 100;
/// Characters of an input's name: an id has 36.
const NAME_CHARS: usize = 44;
/// Columns of the longest bar.
const BAR: usize = 40;
/// Rules that are listed. JSON has all.
const RULES_MAX: usize = 20;

/// The whole report.
pub(super) fn text(report: &Value) -> String {
    let mut text = head(report, &report["candidate"], &report["against"]);
    if report["verdicts"].is_object() {
        text += &verdicts(&report["verdicts"]);
        text += &scores(&report["scores"]);
        text += &rules(&report["rules"]);
    }
    if report["events"].is_object() {
        text += &events(&report["events"]);
    }
    text += &failures_text(report, &word(&report["candidate"]["id"]), &word(&report["against"]["id"]));
    text += &cost(report);
    text + &tail(report)
}

/// What was compared, and on what.
pub(in crate::cli::plugin) fn head(report: &Value, new: &Value, old: &Value) -> String {
    let inputs = &report["inputs"];
    let (new, old) = (word(&new["id"]), word(&old["id"]));
    let mut text = format!("{new} against {old}, on {} {}", inputs["replayed"], word(&inputs["source"]));
    if let (Some(oldest), Some(newest)) = (inputs["oldest_at"].as_str(), inputs["newest_at"].as_str()) {
        let _ = write!(text, "\nfrom {oldest} to {newest}");
    }
    text += "\n";
    let skipped = inputs["skipped"].as_u64().unwrap_or(0);
    if skipped > 0 {
        let _ = writeln!(text, "{skipped} could not be used:");
        for example in list(&inputs["skipped_examples"]) {
            let _ = writeln!(text, "  {}  {}", short(&word(&example["input"])), word(&example["reason"]));
        }
    }
    text + "\n"
}

fn verdicts(verdicts: &Value) -> String {
    let (flips, compared) = (&verdicts["flips"], &verdicts["compared"]);
    let mut text = format!("{flips} of {compared} verdicts flip ({} %).\n", verdicts["flips_percent"]);
    for direction in list(&verdicts["directions"]) {
        let (from, to) = (word(&direction["from"]), word(&direction["to"]));
        let _ = writeln!(text, "\n  {from} → {to}: {}", direction["count"]);
        for example in list(&direction["examples"]) {
            let (before, after) = (points(&example["before"]), points(&example["after"]));
            let _ = writeln!(text, "    {:<NAME_CHARS$} {before:>8} → {after:>8}", short(&word(&example["input"])));
            let gained = list(&example["gained"]).map(|rule| format!("+{}", word(rule)));
            let lost = list(&example["lost"]).map(|rule| format!("-{}", word(rule)));
            let reweighted = list(&example["reweighted"]).map(|rule| format!("±{}", word(rule)));
            text += &wrapped(&gained.chain(lost).chain(reweighted).collect::<Vec<_>>(), 6);
        }
    }
    text + "\n"
}

fn scores(scores: &Value) -> String {
    let (equal, different) = (&scores["equal"], &scores["different"]);
    let mut text = format!("{equal} scores are equal and {different} differ");
    if different.as_u64() == Some(0) {
        return text + ".\n\n";
    }
    let _ = writeln!(
        text,
        ": by {} to {} points, {} on average.\n",
        points(&scores["largest_fall"]),
        points(&scores["largest_rise"]),
        scores["mean_difference"]
    );
    let most = list(&scores["histogram"]).filter_map(|bucket| bucket["count"].as_u64()).max().unwrap_or(0).max(1);
    for bucket in list(&scores["histogram"]) {
        let count = bucket["count"].as_u64().unwrap_or(0);
        let _ = writeln!(text, "  {:<16}{count:>9} {}", range(bucket), bar(count, most));
    }
    text + "\n"
}

/// The bounds of a bucket.
fn range(bucket: &Value) -> String {
    match (bucket["from"].as_f64(), bucket["to"].as_f64()) {
        (None, Some(to)) => format!("to {to}"),
        (Some(from), None) => format!("from {from}"),
        (Some(from), Some(to)) if from < to => format!("{from} to {to}"),
        _ => "equal".into(),
    }
}

/// A bar of at least one mark for at least one input.
fn bar(count: u64, most: u64) -> String {
    let marks = (count * BAR as u64).div_ceil(most);
    "#".repeat(usize::try_from(marks).unwrap_or(BAR).min(BAR))
}

fn rules(rules: &Value) -> String {
    let changed = list(rules).count();
    if changed == 0 {
        return "Every rule finds what it found before.\n\n".into();
    }
    let rows: Vec<_> = list(rules)
        .take(RULES_MAX)
        .map(|rule| {
            json!({ "rule": short(&word(&rule["rule"])),
                "hits": format!("{} → {}", rule["hits_before"], rule["hits_after"]),
                "points": format!("{} → {}", points(&rule["points_before"]), points(&rule["points_after"])),
                "gained": rule["inputs_gained"], "lost": rule["inputs_lost"] })
        })
        .collect();
    let columns =
        [("RULE", "rule"), ("HITS", "hits"), ("POINTS", "points"), ("MORE IN", "gained"), ("LESS IN", "lost")];
    let mut text = table(&json!(rows), &columns);
    if changed > RULES_MAX {
        let _ = writeln!(text, " and {} rules more; --json has all", changed - RULES_MAX);
    }
    text + "\n"
}

fn events(events: &Value) -> String {
    let (flips, compared) = (&events["flips"], &events["compared"]);
    let mut text = format!(
        "{flips} of {compared} notifications give other events ({} %); {} events before, {} after.\n",
        events["flips_percent"], events["before"], events["after"]
    );
    for change in list(&events["changes"]) {
        let _ = writeln!(text, "\n  {}: {}", word(&change["change"]), change["count"]);
        for example in list(&change["examples"]) {
            let told = match (example["before"].as_str(), example["after"].as_str()) {
                (None, None) => String::new(),
                (before, after) => format!("{} → {}", before.unwrap_or("-"), after.unwrap_or("-")),
            };
            let line = format!("    {:<NAME_CHARS$} {}", short(&word(&example["input"])), printable(&told));
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    if events["differ_in_detail"].as_u64() != Some(0) {
        let _ =
            writeln!(text, "\n{} events differ in details alone (codes, times, words).", events["differ_in_detail"]);
    }
    text + "\n"
}

/// Calls without an answer, when there are any.
pub(in crate::cli::plugin) fn failures_text(report: &Value, new: &str, old: &str) -> String {
    let failures = &report["failures"];
    let mut text = String::new();
    for (id, side) in [(new, "candidate"), (old, "against")] {
        for kind in list(&failures[side]) {
            let example = &kind["example"];
            let count = match kind["count"].as_u64() {
                Some(1) => "1 input".to_owned(),
                count => format!("{} inputs", count.unwrap_or(0)),
            };
            let _ = writeln!(text, "{id} has no answer for {count} ({}), the first of them", word(&kind["kind"]));
            let told = format!("{}: it {}", short(&word(&example["input"])), word(&example["told"]));
            text += &wrapped(&told.split(' ').map(str::to_owned).collect::<Vec<_>>(), 4);
        }
    }
    if text.is_empty() { text } else { text + "\n" }
}

fn cost(report: &Value) -> String {
    let row = |side: &str| {
        let cost = &report["cost"][side];
        let (cpu, wall) = (&cost["cpu_us"], &cost["wall_us"]);
        json!({ "version": report[side]["id"], "p50": cpu["p50"], "p99": cpu["p99"], "max": cpu["max"],
            "wall": format!("{}, {}", wall["p50"], wall["p99"]), "memory": cost["memory_bytes_max"] })
    };
    let columns = [
        ("COST", "version"),
        ("CPU µs P50", "p50"),
        ("P99", "p99"),
        ("MOST", "max"),
        ("WALL µs P50, P99", "wall"),
        ("MEMORY", "memory"),
    ];
    table(&json!([row("candidate"), row("against")]), &columns)
}

/// How it went, and whether it is well.
pub(in crate::cli::plugin) fn tail(report: &Value) -> String {
    let run = &report["run"];
    let mut text = format!(
        "\n{} calls in {} s on {} threads: {} a second, {} in a second of their CPU time\n",
        run["calls"], run["seconds"], run["threads"], run["calls_per_second"], run["calls_per_cpu_second"]
    );
    let outside: Vec<_> = list(&report["outside"]).map(word).collect();
    if outside.is_empty() {
        return text + "\nWithin the thresholds.\n";
    }
    text += "\nOutside the thresholds:\n";
    for sentence in outside {
        text += &wrapped(&sentence.split(' ').map(str::to_owned).collect::<Vec<_>>(), 2);
    }
    text
}

/// A name that leaves room for the rest of a line: of a path its end says most.
pub(in crate::cli::plugin) fn short(name: &str) -> String {
    let chars = name.chars().count();
    if chars <= NAME_CHARS {
        return name.to_owned();
    }
    format!("…{}", name.chars().skip(chars - NAME_CHARS + 1).collect::<String>())
}

/// Words in lines of bounded width, each indented.
fn wrapped(words: &[String], indent: usize) -> String {
    let mut text = String::new();
    let mut line = String::new();
    for word in words {
        let length = line.chars().count();
        if length > 0 && indent + length + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{:indent$}{line}", "");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
    text
}

fn points(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".into(), |points| format!("{points:.2}"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part_and_never_nothing_for_something() {
        assert_eq!(bar(100, 100).len(), BAR);
        assert_eq!(bar(50, 100).len(), BAR / 2);
        assert_eq!((bar(1, 1_000_000).len(), bar(0, 100).len()), (1, 0));
    }

    #[test]
    fn everything_fits_a_hundred_columns() {
        let rules: Vec<_> = (0..30).map(|at| format!("+A_RATHER_LONG_RULE_ID_{at}")).collect();
        let lines = wrapped(&rules, 6);
        assert!(lines.lines().count() > 5 && lines.lines().all(|line| line.chars().count() <= WIDTH), "{lines}");
        assert_eq!(short(&"x".repeat(NAME_CHARS)).chars().count(), NAME_CHARS);
        let long = short(&format!("{}/end.eml", "x".repeat(200)));
        assert!(long.chars().count() == NAME_CHARS && long.starts_with('…') && long.ends_with("/end.eml"), "{long}");
    }
}
