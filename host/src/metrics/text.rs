//! The two forms in which Prometheus reads metrics: its own text, and OpenMetrics 1.0.
//!
//! They differ in the name of a counter's family, in the line that names a unit, in how a bound is written and in the
//! last line. Numbers are written as Go writes them, because OpenMetrics wants one spelling for each.

use std::fmt::Write as _;

/// Which form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Prometheus text 0.0.4.
    Plain,
    /// OpenMetrics 1.0.0.
    Open,
}

impl Form {
    /// The form for an `Accept` header: OpenMetrics only for those who name it.
    pub(super) fn wanted(accept: &str) -> Self {
        let names = accept.split(',').any(|kind| kind.trim().starts_with("application/openmetrics-text"));
        if names { Self::Open } else { Self::Plain }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Plain => "text/plain; version=0.0.4; charset=utf-8",
            Self::Open => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// What a family is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// The page as it grows. A family is begun, and then its samples follow.
pub(super) struct Text {
    out: String,
    form: Form,
    name: &'static str,
    kind: Kind,
}

impl Text {
    pub(super) fn new(form: Form) -> Self {
        Self { out: String::with_capacity(16 * 1024), form, name: "", kind: Kind::Gauge }
    }

    /// Begins a family. `name` has no `_total`; it ends in the unit where it has one.
    pub(super) fn family(&mut self, kind: Kind, name: &'static str, help: &str) {
        (self.name, self.kind) = (name, kind);
        let suffix = if kind == Kind::Counter && self.form == Form::Plain { "_total" } else { "" };
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name}{suffix} {help}"));
        self.line(format_args!("# TYPE {name}{suffix} {word}"));
        let unit = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}")));
        if let (Form::Open, Some(unit)) = (self.form, unit) {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
    }

    /// A value of the family.
    pub(super) fn value(&mut self, labels: Labels<'_>, value: f64) {
        let suffix = if self.kind == Kind::Counter { "_total" } else { "" };
        self.sample(suffix, labels, None, value);
    }

    /// The same for what is counted.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^53, as every reader of metrics has it")]
    pub(super) fn count(&mut self, labels: Labels<'_>, value: u64) {
        self.value(labels, value as f64);
    }

    /// A histogram of the family: how many lie in each bucket, one more than there are ends, and their sum in seconds.
    #[expect(clippy::cast_precision_loss, reason = "counts below 2^53, as every reader of metrics has it")]
    pub(super) fn histogram(&mut self, labels: Labels<'_>, ends_us: &[u64], buckets: &[u64], sum_us: u64) {
        let mut seen = 0;
        let ends = ends_us.iter().map(|end_us| number(micros(*end_us))).chain(["+Inf".to_owned()]);
        for (end, count) in ends.zip(buckets) {
            seen += count;
            // OpenMetrics has one spelling for a whole bound as well: 1.0.
            let whole = self.form == Form::Open && end.bytes().all(|byte| byte.is_ascii_digit());
            let end = if whole { end + ".0" } else { end };
            self.sample("_bucket", labels, Some(&end), seen as f64);
        }
        self.sample("_sum", labels, None, micros(sum_us));
        self.sample("_count", labels, None, seen as f64);
    }

    pub(super) fn finish(mut self) -> String {
        if self.form == Form::Open {
            self.out.push_str("# EOF\n");
        }
        self.out
    }

    fn sample(&mut self, suffix: &str, labels: Labels<'_>, le: Option<&str>, value: f64) {
        let all = labels.iter().copied().chain(le.map(|le| ("le", le)));
        let labels: Vec<_> = all.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let name = self.name;
        self.line(format_args!("{name}{suffix}{labels} {}", number(value)));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.out, "{line}").expect("writing to a String cannot fail");
    }
}

/// Seconds.
#[expect(clippy::cast_precision_loss, reason = "285 years of microseconds are exact")]
pub(super) fn micros(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A number as Go's `%g` has it.
fn number(value: f64) -> String {
    let plain = value.to_string();
    if value == 0.0 || (1e-4..1e21).contains(&value.abs()) || !value.is_finite() {
        return plain;
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(form: Form) -> String {
        let mut text = Text::new(form);
        text.family(Kind::Counter, "a_seconds", "Time.");
        text.value(&[("b", "c\"\\\n")], 0.25);
        text.family(Kind::Histogram, "d_seconds", "How long.");
        text.histogram(&[], &[25, 1_000_000], &[2, 0, 1], 3_000_000);
        text.finish()
    }

    #[test]
    fn the_plain_form_is_what_every_prometheus_reads() {
        let expected = "# HELP a_seconds_total Time.\n# TYPE a_seconds_total counter\n\
                        a_seconds_total{b=\"c\\\"\\\\\\n\"} 0.25\n# HELP d_seconds How long.\n# TYPE d_seconds histogram\n\
                        d_seconds_bucket{le=\"2.5e-05\"} 2\nd_seconds_bucket{le=\"1\"} 2\nd_seconds_bucket{le=\"+Inf\"} 3\n\
                        d_seconds_sum 3\nd_seconds_count 3\n";
        assert_eq!(page(Form::Plain), expected);
    }

    #[test]
    fn the_open_form_names_units_and_ends() {
        let expected = "# HELP a_seconds Time.\n# TYPE a_seconds counter\n# UNIT a_seconds seconds\n\
                        a_seconds_total{b=\"c\\\"\\\\\\n\"} 0.25\n# HELP d_seconds How long.\n# TYPE d_seconds histogram\n\
                        # UNIT d_seconds seconds\nd_seconds_bucket{le=\"2.5e-05\"} 2\nd_seconds_bucket{le=\"1.0\"} 2\n\
                        d_seconds_bucket{le=\"+Inf\"} 3\nd_seconds_sum 3\nd_seconds_count 3\n# EOF\n";
        assert_eq!(page(Form::Open), expected);
    }

    #[test]
    fn the_form_is_the_one_that_was_asked_for() {
        assert_eq!(Form::wanted(""), Form::Plain);
        assert_eq!(Form::wanted("text/plain;version=0.0.4;q=0.5,*/*;q=0.1"), Form::Plain);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
        assert_eq!(Form::wanted(prometheus), Form::Open);
    }

    #[test]
    fn numbers_have_one_spelling() {
        let check = |value: f64, expected: &str| assert_eq!(number(value), expected);
        check(0.0, "0");
        check(1.5, "1.5");
        check(0.0001, "0.0001");
        check(0.00005, "5e-05");
        check(0.000_025, "2.5e-05");
        check(1e21, "1e+21");
        check(12_345_678.0, "12345678");
    }
}
