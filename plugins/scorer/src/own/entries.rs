//! A file as a list of its entries: of TOML what a file of rules needs, which is tables by name, texts, numbers, and lists of
//! texts. Whatever else TOML has is refused by its line.

use std::borrow::Cow;

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

/// A name and its value.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub(super) table: Table,
    pub(super) name: Cow<'t, str>,
    pub(super) value: Value<'t>,
    /// Bytes of the file before it.
    pub(super) at: usize,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Table {
    /// Before the first table.
    Top,
    /// In `[points]`.
    Points,
    /// In a `[[rule]]`, counted from 0.
    Rule(usize),
}

/// A value.
#[derive(Debug)]
pub(super) enum Value<'t> {
    Text(Cow<'t, str>),
    Number(f64),
    List(Vec<Cow<'t, str>>),
    /// Anything else, by its name.
    Other(&'static str),
}

/// What is wrong, and the bytes of the file before it.
pub(super) type Wrong = (usize, String);

/// The entries of a file in order, and the places of its `[[rule]]`.
pub(super) fn of(text: &str) -> Result<(Vec<Entry<'_>>, Vec<usize>), Wrong> {
    let tokens = Source::new(text).lex().into_vec();
    let mut reader = Reader {
        text,
        entries: Vec::new(),
        rules: Vec::new(),
        table: Table::Top,
        has_points: false,
        header: None,
        name: (0, Cow::Borrowed("")),
        list: None,
        wrong: None,
    };
    let mut sink = First(None);
    parse_document(&tokens, &mut reader, &mut sink);
    let first = [reader.wrong, sink.0].into_iter().flatten().min_by_key(|(at, _)| *at);
    first.map_or(Ok((reader.entries, reader.rules)), Err)
}

/// Keeps the first thing that is wrong with the TOML.
struct First(Option<Wrong>);

impl ErrorSink for First {
    fn report_error(&mut self, error: ParseError) {
        let at = error.unexpected().or(error.context()).map_or(0, |span| span.start());
        if self.0.as_ref().is_none_or(|(first, _)| at < *first) {
            self.0 = Some((at, format!("it is no TOML: {}", error.description())));
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    entries: Vec<Entry<'t>>,
    rules: Vec<usize>,
    table: Table,
    has_points: bool,
    /// Whether a table's name is being read, and whether in double brackets.
    header: Option<bool>,
    name: (usize, Cow<'t, str>),
    list: Option<Vec<Cow<'t, str>>>,
    wrong: Option<Wrong>,
}

impl<'t> Reader<'t> {
    fn complain(&mut self, at: usize, what: impl Into<String>) {
        self.wrong.get_or_insert_with(|| (at, what.into()));
    }

    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Raw<'t> {
        Raw::new_unchecked(self.text.get(span.start()..span.end()).unwrap_or_default(), encoding, span)
    }

    fn enter(&mut self, at: usize, name: &str, is_double: bool) {
        match (name, is_double) {
            ("rule", true) => {
                self.table = Table::Rule(self.rules.len());
                self.rules.push(at);
            }
            ("points", false) if self.has_points => self.complain(at, "[points] stands twice"),
            ("points", false) => (self.table, self.has_points) = (Table::Points, true),
            ("rule", false) => self.complain(at, "a rule begins with [[rule]], in double brackets"),
            _ => self.complain(at, format!("there is no table {name:?}; there are [points] and [[rule]]")),
        }
    }

    fn value(&mut self, value: Value<'t>) {
        let (at, name) = std::mem::take(&mut self.name);
        self.entries.push(Entry { table: self.table, name, value, at });
    }
}

impl EventReceiver for Reader<'_> {
    fn std_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.header = Some(false);
    }

    fn std_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.header = None;
    }

    fn array_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.header = Some(true);
    }

    fn array_table_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.header = None;
    }

    fn inline_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        self.complain(span.start(), "a table in braces means nothing here");
        false
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        if self.list.is_some() {
            self.complain(span.start(), "a list in a list means nothing here");
            return false;
        }
        self.list = Some(Vec::new());
        true
    }

    fn array_close(&mut self, _: Span, _: &mut dyn ErrorSink) {
        if let Some(list) = self.list.take() {
            self.value(Value::List(list));
        }
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let mut name = Cow::Borrowed("");
        self.raw(span, encoding).decode_key(&mut name, errors);
        match self.header {
            Some(is_double) => self.enter(span.start(), &name, is_double),
            None => self.name = (span.start(), name),
        }
    }

    fn key_sep(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.complain(span.start(), "names with dots mean nothing here");
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let mut decoded = Cow::Borrowed("");
        let kind = self.raw(span, encoding).decode_scalar(&mut decoded, errors);
        if let Some(list) = &mut self.list {
            list.push(decoded);
            if kind != ScalarKind::String {
                self.complain(span.start(), "a list holds texts in quotes alone");
            }
            return;
        }
        let value = match kind {
            ScalarKind::String => Value::Text(decoded),
            ScalarKind::Float | ScalarKind::Integer(_) => {
                decoded.parse().map_or(Value::Other(kind.description()), Value::Number)
            }
            ScalarKind::Boolean(_) | ScalarKind::DateTime => Value::Other(kind.description()),
        };
        self.value(value);
    }
}
