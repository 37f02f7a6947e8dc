//! A provider's format as a table, and how an item is read by it.

use serde_json::Value;

use super::path::{self, all, equals, first, has};
use super::reading::{RECIPIENTS_MAX, Reading, addresses, code, instant, status};
use super::words::{self, Meaning};
use crate::types::{BounceType, Clue, ClueKind};

/// One provider's format. Every field but the first ones is a list of paths (see [`super::path`]), best first.
pub(crate) struct Profile {
    /// As in `event.provider`.
    pub(crate) name: &'static str,
    /// What it is and which document defines it.
    pub(crate) description: &'static str,
    pub(crate) content_types: &'static [&'static str],
    /// How a request is proved genuine, by the host.
    pub(crate) verification: &'static str,
    /// What the formats' table lists as its events.
    pub(crate) events: &'static str,
    /// Where the list of events is in a request.
    pub(super) items: &'static str,
    /// Whether an event may come without that list around it.
    pub(super) bare: bool,
    /// What is in every item of this provider and in no other's. All must be there.
    pub(super) marks: &'static [&'static str],
    /// What happened.
    pub(super) word: &'static [&'static str],
    /// Its meaning where [`words::meaning`] has another.
    pub(super) words: &'static [(&'static str, Meaning)],
    /// Whether only `words` are events, because the stream has many others.
    pub(super) closed: bool,
    /// A path, values with `|` between them, and what the event means then, if it is a failure or a complaint. They go
    /// before `certain`.
    pub(super) refine: &'static [(&'static str, &'static str, Meaning)],
    /// Where a failure says whether it is for good.
    pub(super) certain: &'static [&'static str],
    /// A list with an object for each recipient. Paths that begin with `@` lead into that object.
    pub(super) each: &'static [&'static str],
    /// Whom it is about. A path that begins with `1:` counts only where it leads to exactly one address.
    pub(super) recipient: &'static [&'static str],
    pub(super) time: &'static [&'static str],
    pub(super) text: &'static [&'static str],
    /// A word for the cause.
    pub(super) cause: &'static [&'static str],
    pub(super) status: &'static [&'static str],
    pub(super) code: &'static [&'static str],
    pub(super) event_id: &'static [&'static str],
    /// The provider's ids of the message, and its Message-ID.
    pub(super) ids: &'static [&'static str],
    /// Our own values, set when sending.
    pub(super) metadata: &'static [&'static str],
    /// The header of the mail.
    pub(super) headers: &'static [&'static str],
    /// The envelope sender.
    pub(super) sender: &'static [&'static str],
    /// The kind of complaint.
    pub(super) feedback: &'static [&'static str],
}

impl Profile {
    /// What the table's fields are unless it says otherwise.
    pub(super) const DEFAULT: Self = Self {
        name: "",
        description: "",
        content_types: &["application/json"],
        verification: "",
        events: "",
        items: "",
        bare: false,
        marks: &[],
        word: &[],
        words: &[],
        closed: false,
        refine: &[],
        certain: &[],
        each: &[],
        recipient: &[],
        time: &[],
        text: &[],
        cause: &[],
        status: &[],
        code: &[],
        event_id: &[],
        ids: &[],
        metadata: &[],
        headers: &[],
        sender: &[],
        feedback: &[],
    };

    /// Whether an item is of this provider.
    pub(super) fn is_of(&self, item: &Value) -> bool {
        self.marks.iter().all(|mark| has(item, mark))
    }

    /// Reads an item; `None` when its word is not known.
    pub(super) fn read(&self, item: &Value) -> Option<Vec<Reading>> {
        let (word, meaning) = self.meaning(item)?;
        let each: Vec<&Value> =
            self.each.iter().map(|path| all(item, path)).find(|all| !all.is_empty()).unwrap_or_default();
        let place = |single| Place { item, single };
        if each.is_empty() {
            return Some(vec![self.reading(place(None), &word, meaning)]);
        }
        let singles = each.into_iter().take(RECIPIENTS_MAX);
        Some(singles.map(|single| self.reading(place(Some(single)), &word, meaning)).collect())
    }

    fn meaning(&self, item: &Value) -> Option<(String, Meaning)> {
        let word = self.word.iter().find_map(|path| first(item, path).and_then(path::text))?;
        let own = self.words.iter().find(|(own, _)| equals(&word, own)).map(|&(_, meaning)| meaning);
        let meaning = match own {
            Some(meaning) => meaning,
            None if self.closed => Meaning::Nothing,
            None => words::meaning(&word)?,
        };
        let is_refined = meaning.is_failure() || matches!(meaning, Meaning::Refused | Meaning::Complaint(_));
        let refined = self.refine.iter().filter(|_| is_refined).find(|(path, values, _)| {
            let value = first(item, path).and_then(path::text);
            value.is_some_and(|value| values.split('|').any(|wanted| equals(&value, wanted)))
        });
        let meaning = match refined {
            Some(&(_, _, meaning)) => meaning,
            None if matches!(meaning, Meaning::Bounce | Meaning::Failed | Meaning::Permanent) => {
                self.certainty(item).unwrap_or(meaning)
            }
            None => meaning,
        };
        Some((word, meaning))
    }

    fn certainty(&self, item: &Value) -> Option<Meaning> {
        let stated = self.certain.iter().find_map(|path| words::certainty(&first(item, path).and_then(path::text)?))?;
        Some(if stated == BounceType::Hard { Meaning::Hard } else { Meaning::Soft })
    }

    fn reading(&self, place: Place, word: &str, meaning: Meaning) -> Reading {
        let texts = |paths: &[&str]| -> Vec<String> {
            paths.iter().filter_map(|path| path::text(place.first(path)?)).collect()
        };
        let mut reading = Reading {
            provider: self.name.into(),
            meaning: Some(meaning),
            recipients: place.recipients(self.recipient),
            texts: texts(self.text),
            causes: texts(self.cause),
            status: self.status.iter().find_map(|path| status(place.first(path)?)),
            code: self.code.iter().find_map(|path| code(place.first(path)?)),
            occurred_at: self.time.iter().find_map(|path| instant(place.first(path)?)),
            event_id: texts(self.event_id).into_iter().next(),
            ..Reading::default()
        };
        if let Meaning::Complaint(_) = meaning {
            let stated = texts(self.feedback).into_iter().next();
            if let Some(stated) = &stated {
                reading.meaning = Some(words::feedback(stated));
            }
            reading.complaint_type = stated.or_else(|| Some(word.to_owned()));
        }
        for id in texts(self.ids) {
            reading.take_id(&id);
        }
        for path in self.metadata {
            // Custom values that stand beside the fields are in an object of their own nowhere.
            let metadata = if path.is_empty() { Some(place.item) } else { place.whole(path) };
            if let Some(metadata) = metadata {
                reading.take_metadata(metadata);
            }
        }
        for headers in self.headers.iter().filter_map(|path| place.whole(path)) {
            reading.take_headers(headers);
        }
        for sender in self.sender.iter().filter_map(|path| place.first(path)).flat_map(addresses) {
            reading.clues.push(Clue { kind: ClueKind::Verp, value: sender });
        }
        reading
    }
}

/// Where the paths of a table begin.
#[derive(Clone, Copy)]
struct Place<'a> {
    item: &'a Value,
    /// The object of one recipient.
    single: Option<&'a Value>,
}

impl<'a> Place<'a> {
    fn start<'p>(&self, path: &'p str) -> Option<(&'a Value, &'p str)> {
        match path.strip_prefix('@') {
            Some(path) => Some((self.single?, path)),
            None => Some((self.item, path)),
        }
    }

    fn first(&self, path: &str) -> Option<&'a Value> {
        let (value, path) = self.start(path)?;
        first(value, path)
    }

    /// The value itself, also when it is a list.
    fn whole(&self, path: &str) -> Option<&'a Value> {
        let (value, path) = self.start(path)?;
        path.split('.').try_fold(value, |value, name| value.get(name))
    }

    fn recipients(&self, paths: &[&str]) -> Vec<String> {
        for path in paths {
            let (only, path) = path.strip_prefix("1:").map_or((false, *path), |path| (true, path));
            let Some((value, path)) = self.start(path) else { continue };
            let mut found: Vec<String> = all(value, path).into_iter().flat_map(addresses).collect();
            if only && found.len() != 1 {
                continue;
            }
            if !found.is_empty() {
                found.truncate(RECIPIENTS_MAX);
                return found;
            }
        }
        Vec::new()
    }
}
