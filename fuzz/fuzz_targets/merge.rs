//! Mail merge: a value becomes neither markup nor a line, and a template without placeholders stays as it is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pillarbox_fuzz::mail::merge::{Escape, OUTPUT_BYTES_MAX, has_placeholders, merge};
use serde_json::{Map, Value};

fuzz_target!(|input: (&str, &str, &str)| {
    let (template, name, value) = input;
    let vars: Map<String, Value> = [(name.to_owned(), Value::from(value))].into_iter().collect();
    for escape in [Escape::Html, Escape::Plain, Escape::Line] {
        let merged = merge(template, &vars, escape);
        if !has_placeholders(template) {
            assert_eq!(merged.as_deref(), Ok(template));
        }
        let Ok(merged) = merged else { continue };
        assert!(merged.len() <= OUTPUT_BYTES_MAX);
        let count = |text: &str, sign: char| text.matches(sign).count();
        if escape == Escape::Html {
            assert!(['<', '>', '"', '\''].iter().all(|sign| count(&merged, *sign) <= count(template, *sign)));
        }
        if escape == Escape::Line {
            assert!(['\r', '\n'].iter().all(|sign| count(&merged, *sign) <= count(template, *sign)));
        }
    }
});
