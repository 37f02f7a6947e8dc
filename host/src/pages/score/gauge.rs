//! The judgement in one look: a half circle from 0 to 10 points, drawn as SVG on the server, and the same in words.

use std::f64::consts::PI;

use super::{Judged, chance, points};
use crate::pages::{Escaped, put};

/// Points at the right end.
const POINTS_MAX: f64 = 10.0;
/// The bands: where each ends, and its class.
const BANDS: [(f64, &str); 3] = [(3.0, "good"), (5.0, "wait"), (POINTS_MAX, "bad")];
const CENTRE: f64 = 100.0;
const RADIUS: f64 = 80.0;
/// Between bands, in points.
const GAP: f64 = 0.06;

pub(super) fn put(body: &mut String, judged: &Judged) {
    let tone = match judged.verdict.as_str() {
        "pass" => "good",
        "review" => "wait",
        _ => "bad",
    };
    body.push_str("<div class=\"gauge\">");
    put_drawing(body, judged.spam_score);
    put!(
        body,
        "<p class=\"verdict\"><span class=\"badge {tone}\">{}</span></p><dl class=\"facts\">",
        Escaped(&judged.verdict)
    );
    put!(body, "<div><dt>Spam score</dt><dd>{}, and 5 is spam</dd></div>", points(judged.spam_score));
    put!(body, "<div><dt>Score</dt><dd>{} of 100</dd></div>", judged.score);
    if let Some(probability) = judged.probability {
        put!(body, "<div><dt>Probability</dt><dd>{} that it is spam</dd></div>", chance(probability));
    }
    for plugin in &judged.plugins {
        put!(body, "<div><dt>Judged by</dt><dd>{}@{}", Escaped(&plugin.name), Escaped(&plugin.version));
        match &plugin.error {
            Some(error) => put!(body, ": <span class=\"bad\">{}</span>", Escaped(error)),
            None => put!(body, " in {}", time(plugin.duration_us)),
        }
        body.push_str("</dd></div>");
    }
    body.push_str("</dl></div>");
}

fn put_drawing(body: &mut String, spam_score: f64) {
    let words = points(spam_score);
    put!(
        body,
        "<svg viewBox=\"0 -8 200 122\" role=\"img\" aria-label=\"{words} points on a scale from 0 to 10: review from 3, \
         spam from 5\">"
    );
    let mut from = 0.0;
    for (to, tone) in BANDS {
        let ((x0, y0), (x1, y1)) = (place(from + GAP, RADIUS), place(to - GAP, RADIUS));
        put!(body, "<path class=\"band {tone}\" d=\"M{x0:.1} {y0:.1}A{RADIUS} {RADIUS} 0 0 1 {x1:.1} {y1:.1}\"/>");
        from = to;
    }
    for (label, anchor) in [(3.0, "end"), (5.0, "middle")] {
        let (x, y) = place(label, RADIUS + 13.0);
        put!(body, "<text class=\"scale\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>", y + 3.0);
    }
    let ((x0, y0), (x1, y1)) = (place(spam_score, RADIUS - 14.0), place(spam_score, RADIUS + 10.0));
    put!(body, "<path class=\"hand\" d=\"M{x0:.1} {y0:.1}L{x1:.1} {y1:.1}\"/>");
    put!(
        body,
        "<text class=\"number\" x=\"100\" y=\"92\" text-anchor=\"middle\">{words}</text>\
         <text class=\"scale\" x=\"100\" y=\"110\" text-anchor=\"middle\">points</text></svg>"
    );
}

/// Where so many points are, at this distance from the centre. What is off the scale is at its end.
fn place(points: f64, radius: f64) -> (f64, f64) {
    let angle = PI * (1.0 - points.clamp(0.0, POINTS_MAX) / POINTS_MAX);
    (CENTRE + radius * angle.cos(), CENTRE - radius * angle.sin())
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn time(micros: u64) -> String {
    if micros < 1_000 { format!("{micros}\u{a0}µs") } else { format!("{:.1}\u{a0}ms", micros as f64 / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hand_stays_on_the_scale() {
        let at = |points| {
            let (x, y) = place(points, 100.0);
            (x.round(), y.round())
        };
        assert_eq!([at(0.0), at(5.0), at(10.0)], [(0.0, 100.0), (100.0, 0.0), (200.0, 100.0)]);
        assert_eq!([at(-7.0), at(99.0), at(f64::INFINITY)], [at(0.0), at(10.0), at(10.0)]);
    }

    #[test]
    fn a_time_has_its_unit() {
        assert_eq!([time(999), time(1_550)], ["999\u{a0}µs", "1.6\u{a0}ms"]);
    }
}
