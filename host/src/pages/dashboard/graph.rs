//! Numbers over time, drawn as SVG on the server. What is written stands beside the drawing, so that it has the same size
//! on a phone as on a desk, and everything stands in a table as well.

use super::super::{Escaped, put};

/// Width and height of the drawing, which is stretched to where it stands.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 150.0;

/// One line of a graph.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) values: Vec<i64>,
}

/// A graph of some lines, which have a value for each label. `id` stands nowhere else on the page.
pub(super) fn put_graph(body: &mut String, id: &str, title: &str, labels: &[String], lines: &[Line]) {
    let most = lines.iter().flat_map(|line| &line.values).copied().max().unwrap_or(0);
    let top = ceiling(most);
    put!(body, "<figure class=\"graph\" id=\"{id}\"><figcaption><h3>{}</h3><p>", Escaped(title));
    for (number, line) in lines.iter().enumerate() {
        let sum = grouped(line.values.iter().sum());
        put!(body, "<span class=\"key g{number}\">{} <b>{sum}</b></span> ", line.name);
    }
    put!(
        body,
        "</p></figcaption><div class=\"plot\"><span class=\"top\" aria-hidden=\"true\">{}</span>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-told\" focusable=\"false\"><title id=\"{id}-title\">{}</title>\
         <desc id=\"{id}-told\">{}</desc>\
         <path class=\"grid\" d=\"M0 .5H{WIDTH}M0 {}H{WIDTH}M0 {}H{WIDTH}\"/>",
        grouped(top),
        Escaped(title),
        Escaped(&told(labels, lines)),
        HEIGHT / 2.0,
        HEIGHT - 0.5,
    );
    // The first line is drawn last, above the others.
    for (number, line) in lines.iter().enumerate().rev() {
        let points = points(&line.values, top);
        if number == 0 {
            put!(body, "<path class=\"area\" d=\"M0 {HEIGHT}L{points}L{WIDTH} {HEIGHT}z\"/>");
        }
        put!(body, "<path class=\"line g{number}\" d=\"M{points}\"/>");
    }
    body.push_str("</svg>");
    if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
        put!(
            body,
            "<span class=\"ends\" aria-hidden=\"true\"><span>{}</span><span>{}</span></span>",
            Escaped(first),
            Escaped(last)
        );
    }
    body.push_str("</div>");
    put_table(body, title, labels, lines);
    body.push_str("</figure>");
}

fn put_table(body: &mut String, title: &str, labels: &[String], lines: &[Line]) {
    put!(
        body,
        "<details><summary>{} as a table</summary><div class=\"wide\"><table><thead><tr><th scope=\"col\">When (UTC)</th>",
        Escaped(title)
    );
    for line in lines {
        put!(body, "<th scope=\"col\">{}</th>", line.name);
    }
    body.push_str("</tr></thead><tbody>");
    for (at, label) in labels.iter().enumerate().rev() {
        put!(body, "<tr><th scope=\"row\">{}</th>", Escaped(label));
        for line in lines {
            put!(body, "<td>{}</td>", grouped(line.values.get(at).copied().unwrap_or(0)));
        }
        body.push_str("</tr>");
    }
    body.push_str("</tbody></table></div></details>");
}

/// What the drawing shows, for those who do not see it.
fn told(labels: &[String], lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let sum: i64 = line.values.iter().sum();
        put!(&mut text, "{}: {} in all", line.name, grouped(sum));
        let most = line.values.iter().zip(labels).filter(|(value, _)| **value > 0).max_by_key(|(value, _)| **value);
        if let Some((value, label)) = most {
            put!(&mut text, ", most at {label}: {}", grouped(*value));
        }
        text.push_str(". ");
    }
    text.push_str("All numbers stand in the table below.");
    text
}

fn points(values: &[i64], top: i64) -> String {
    let last = values.len().saturating_sub(1).max(1);
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        let x = WIDTH * to_float(i64::try_from(at).unwrap_or(0)) / to_float(i64::try_from(last).unwrap_or(1));
        let y = HEIGHT - HEIGHT * to_float((*value).max(0)) / to_float(top.max(1));
        put!(&mut text, "{}{x:.1} {y:.1}", if at > 0 { "L" } else { "" });
    }
    if text.is_empty() { format!("0 {HEIGHT}") } else { text }
}

/// The least of 1, 2 and 5 with zeros behind it that is not less.
fn ceiling(most: i64) -> i64 {
    let mut scale = 1_i64;
    loop {
        for step in [1, 2, 5] {
            if scale.saturating_mul(step) >= most {
                return scale.saturating_mul(step);
            }
        }
        scale = scale.saturating_mul(10);
    }
}

/// A number with its thousands apart.
pub(super) fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "for drawing")]
fn to_float(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(values: &[i64]) -> String {
        let labels: Vec<_> = (1..=values.len()).map(|day| format!("{day} <Mar>")).collect();
        let lines = [
            Line { name: "Sent", values: values.to_vec() },
            Line { name: "Delivered", values: values.iter().map(|value| value / 2).collect() },
        ];
        let mut body = String::new();
        put_graph(&mut body, "sends", "Sends & more", &labels, &lines);
        body
    }

    #[test]
    fn a_graph_tells_in_words_and_in_a_table_what_it_draws() {
        let graph = graph(&[0, 1_500, 30]);
        for part in [
            "Sent: 1,530 in all, most at 2 &lt;Mar&gt;: 1,500. Delivered: 765 in all",
            "role=\"img\" aria-labelledby=\"sends-title sends-told\"",
            "<title id=\"sends-title\">Sends &amp; more</title>",
            "<span class=\"top\" aria-hidden=\"true\">2,000</span>",
            "d=\"M0.0 150.0L300.0 37.5L600.0 147.8\"",
            "<tr><th scope=\"row\">2 &lt;Mar&gt;</th><td>1,500</td><td>750</td></tr>",
        ] {
            assert!(graph.contains(part), "{part} is not in {graph}");
        }
        assert!(!graph.contains("<Mar>"));
    }

    #[test]
    fn a_graph_of_nothing_is_a_line_on_the_ground() {
        assert!(graph(&[0, 0]).contains("d=\"M0.0 150.0L600.0 150.0\""));
        assert!(graph(&[]).contains("d=\"M0 150\"") && graph(&[7]).contains("d=\"M0.0 45.0\""));
    }

    #[test]
    fn the_top_is_a_round_number_that_is_not_less() {
        for (most, top) in [(0, 1), (1, 1), (3, 5), (6, 10), (10, 10), (11, 20), (2_001, 5_000), (-3, 1)] {
            assert_eq!(ceiling(most), top, "{most}");
        }
        assert_eq!(ceiling(i64::MAX), i64::MAX, "and there is one for every number");
        assert_eq!((grouped(-1_234_567), grouped(999), grouped(0)), ("-1,234,567".into(), "999".into(), "0".into()));
    }
}
