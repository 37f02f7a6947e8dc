//! Bars, drawn as SVG on the server: no script, and readable on a phone.

use super::{Escaped, put};

/// Width of the drawing. A unit is a pixel on a phone and a little more elsewhere.
const WIDTH: f64 = 340.0;
/// Where bars begin: the names stand left of it.
const LEFT: f64 = 78.0;
/// Room for the number right of the longest bar.
const RIGHT: f64 = 60.0;
/// Height of one bar.
const BAR: f64 = 14.0;
/// Between rows.
const GAP: f64 = 8.0;

/// A row: its name, and a value for each series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) values: Vec<u64>,
}

/// A chart of one or two series, each bar a share of its series. Rows before the first and behind the last that has a
/// value are left out.
pub(super) fn bars(title: &str, series: &[&str], rows: &[Row]) -> String {
    let is_filled = |row: &Row| row.values.iter().any(|value| *value > 0);
    let (Some(first), Some(last)) = (rows.iter().position(is_filled), rows.iter().rposition(is_filled)) else {
        return String::new();
    };
    let rows = &rows[first..=last];
    let totals: Vec<_> = (0..series.len()).map(|at| rows.iter().map(|row| value(row, at)).sum::<u64>()).collect();
    let most = rows.iter().flat_map(|row| (0..series.len()).map(|at| share(value(row, at), totals[at])));
    let most = most.fold(0.0, f64::max);
    let row_height = BAR * to_float(series.len() as u64) + GAP;
    let height = row_height * to_float(rows.len() as u64);
    let mut svg = String::from("<figure class=\"chart\">");
    put!(&mut svg, "<figcaption>{}", Escaped(title));
    if series.len() > 1 {
        svg.push_str("<br>");
        for (at, name) in series.iter().enumerate() {
            put!(&mut svg, "<span class=\"series s{at}\">{}</span> ", Escaped(name));
        }
    }
    put!(
        &mut svg,
        "</figcaption><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
        Escaped(&told(title, series, rows))
    );
    for (number, row) in rows.iter().enumerate() {
        let top = row_height * to_float(number as u64);
        let middle = top + (row_height - GAP) / 2.0 + 4.0;
        put!(&mut svg, "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>", LEFT - 8.0, Escaped(&row.name));
        for (at, total) in totals.iter().enumerate() {
            let share = share(value(row, at), *total);
            let width = if most > 0.0 { (WIDTH - LEFT - RIGHT) * share / most } else { 0.0 };
            let y = top + BAR * to_float(at as u64);
            if value(row, at) > 0 {
                let width = width.max(1.0);
                put!(
                    &mut svg,
                    "<rect class=\"s{at}\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\"/>",
                    y + 1.0,
                    BAR - 2.0
                );
                put!(
                    &mut svg,
                    "<text x=\"{:.1}\" y=\"{:.1}\">{:.1} %</text>",
                    LEFT + width + 5.0,
                    y + BAR - 2.0,
                    100.0 * share
                );
            }
        }
    }
    svg.push_str("</svg></figure>");
    svg
}

fn value(row: &Row, at: usize) -> u64 {
    row.values.get(at).copied().unwrap_or(0)
}

fn share(value: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { to_float(value) / to_float(total) }
}

#[expect(clippy::cast_precision_loss, reason = "for drawing")]
fn to_float(number: u64) -> f64 {
    number as f64
}

/// The same in words, for those who do not see it.
fn told(title: &str, series: &[&str], rows: &[Row]) -> String {
    let mut text = format!("{title}.");
    for row in rows {
        put!(&mut text, " {}:", row.name);
        for (at, name) in series.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            if series.len() > 1 {
                put!(&mut text, "{comma} {} {name}", value(row, at));
            } else {
                put!(&mut text, " {}", value(row, at));
            }
        }
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, values: &[u64]) -> Row {
        Row { name: name.into(), values: values.to_vec() }
    }

    #[test]
    fn a_chart_says_in_words_what_it_shows_and_leaves_out_empty_ends() {
        let rows = [row("a", &[0, 0]), row("<b>", &[3, 0]), row("c", &[0, 0]), row("d", &[1, 2]), row("e", &[0, 0])];
        let svg = bars("Times", &["active", "candidate"], &rows);
        assert!(svg.contains("aria-label=\"Times. &lt;b&gt;: 3 active, 0 candidate. c: 0 active, 0 candidate. d: 1 active, 2 candidate.\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("75.0 %") && svg.contains("25.0 %") && svg.contains("100.0 %"));
        assert!(!svg.contains(">a<") && !svg.contains(">e<") && !svg.contains("<b>"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(bars("Times", &["active"], &[row("a", &[0])]), "");
        assert_eq!(bars("Times", &["active"], &[]), "");
    }
}
