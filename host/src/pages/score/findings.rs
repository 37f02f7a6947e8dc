//! The findings, by category, and what to do first.

use super::{FINDINGS_SHOWN_MAX, Finding, SUGGESTIONS_SHOWN_MAX, Shown, letter, points, severity_badge};
use crate::mail::pieces::Place;
use crate::pages::{Escaped, put, query};

/// Findings of one category, those with most points first.
struct Group<'s> {
    category: &'s str,
    points: f64,
    findings: Vec<(usize, &'s Finding, Option<&'s Place<'s>>)>,
}

/// What to change: the suggestions whose findings have most points together.
pub(super) fn put_suggestions(body: &mut String, shown: &Shown<'_>) {
    let suggestions = suggestions(shown);
    body.push_str("<section class=\"advised\" aria-labelledby=\"change\"><h2 id=\"change\">What to change</h2>");
    if suggestions.is_empty() {
        body.push_str("<p class=\"quiet\">Nothing in it costs points.</p></section>");
        return;
    }
    body.push_str("<ol>");
    for (suggestion, sum, number) in suggestions.iter().take(SUGGESTIONS_SHOWN_MAX) {
        put!(
            body,
            "<li>{} <span class=\"quiet\"><a href=\"#finding-{number}\">Finding {number}</a>, {} points</span></li>",
            Escaped(suggestion),
            points(*sum)
        );
    }
    body.push_str("</ol></section>");
}

/// Each suggestion once, with the points of its findings and the number of the first of them.
fn suggestions<'s>(shown: &'s Shown<'_>) -> Vec<(&'s str, f64, usize)> {
    let mut suggestions: Vec<(&str, f64, usize)> = Vec::new();
    for (number, finding, _) in shown.numbered().filter(|(_, finding, _)| finding.points > 0.0) {
        match suggestions.iter_mut().find(|(known, ..)| *known == finding.suggestion) {
            Some((_, sum, _)) => *sum += finding.points,
            None => suggestions.push((&finding.suggestion, finding.points, number)),
        }
    }
    suggestions.sort_by(|(_, one, _), (_, other, _)| other.total_cmp(one));
    suggestions
}

/// All of them; `total` says how many there are besides.
pub(super) fn put(body: &mut String, shown: &Shown<'_>, total: usize) {
    body.push_str("<section aria-labelledby=\"findings\"><h2 id=\"findings\">Findings</h2>");
    if shown.findings.is_empty() {
        body.push_str("<p class=\"quiet\">No rule found anything.</p></section>");
        return;
    }
    if total > shown.findings.len() {
        put!(
            body,
            "<p class=\"quiet\">These are the {FINDINGS_SHOWN_MAX} of {total} that have most points; <code>pillarbox score \
             </code> shows all.</p>"
        );
    }
    for group in groups(shown) {
        let category = if group.category.is_empty() { "other" } else { group.category };
        put!(
            body,
            "<h3 class=\"category\">{} <span class=\"quiet\">{}, {} points</span></h3><ul class=\"lines findings\">",
            Escaped(category),
            count(group.findings.len()),
            points(group.points)
        );
        for (number, finding, place) in group.findings {
            put_finding(body, number, finding, place);
        }
        body.push_str("</ul>");
    }
    body.push_str("</section>");
}

fn groups<'s>(shown: &'s Shown<'_>) -> Vec<Group<'s>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (number, finding, place) in shown.numbered() {
        let at = groups.iter().position(|group| group.category == finding.category).unwrap_or_else(|| {
            groups.push(Group { category: &finding.category, points: 0.0, findings: Vec::new() });
            groups.len() - 1
        });
        groups[at].points += finding.points;
        groups[at].findings.push((number, finding, place));
    }
    groups.sort_by(|one, other| other.points.total_cmp(&one.points));
    groups
}

fn put_finding(body: &mut String, number: usize, finding: &Finding, place: Option<&Place<'_>>) {
    put!(body, "<li id=\"finding-{number}\" tabindex=\"-1\"><div><p>");
    let place = place.map(|place| (place.told(), letter::shows(place)));
    match &place {
        Some((told, true)) => put!(
            body,
            "<a class=\"pin\" href=\"#place-{number}\" aria-label=\"Finding {number}: show it in the message ({})\">{number}</a>",
            Escaped(told)
        ),
        _ => put!(body, "<span class=\"pin\">{number}</span>"),
    }
    put!(body, " <b>{}</b></p>", Escaped(&finding.message));
    // What speaks for the message is to stay.
    if finding.points >= 0.0 {
        put!(body, "<p>{}</p>", Escaped(&finding.suggestion));
    }
    put!(
        body,
        "<p class=\"quiet\">{} <a href=\"/rules/{}\"><code>{}</code></a>",
        severity_badge(&finding.severity),
        Escaped(&query(&finding.rule)),
        Escaped(&finding.rule)
    );
    match &place {
        Some((told, true)) => put!(body, " <a href=\"#place-{number}\">{}</a>", Escaped(told)),
        Some((told, false)) => put!(body, " {} (not shown below)", Escaped(told)),
        None => {}
    }
    let sign = if finding.points > 0.0 { "+" } else { "" };
    put!(
        body,
        "</p></div><p class=\"points\">{sign}{}<span class=\"unseen\"> points</span></p></li>",
        points(finding.points)
    );
}

fn count(findings: usize) -> String {
    if findings == 1 { "1 finding".into() } else { format!("{findings} findings") }
}
