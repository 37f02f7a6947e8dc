//! Messages to judge, made from one honest letter by changing what a case is about.

use pillarbox_scorer::message::{Attachment, Mailbox, Message};
use pillarbox_scorer::verdict::{Finding, Location, Part, Verdict};

/// What the model's finding is called.
pub const MODEL: &str = "MODEL_CONTENT";

/// A message in the making.
#[derive(Clone)]
pub struct Mail(Message);

/// A short honest letter in plain text, about which no rule has anything to say.
pub fn letter() -> Mail {
    let mailbox = |name: &str, email: &str| Mailbox { name: name.into(), email: email.into() };
    Mail(Message {
        from: Some(mailbox("Ada Lovelace", "ada@analytical.example")),
        to: vec![mailbox("Charles Babbage", "charles@engine.example")],
        subject: Some("Notes on the engine".into()),
        text: Some("Dear Charles,\nthe notes are done and I am glad of it.\nAda\n".into()),
        ..Message::default()
    })
}

/// The letter with html and no plain text.
pub fn page(html: &str) -> Mail {
    letter().no_text().html(html)
}

/// The letter with one link around `label` in its html.
pub fn link(href: &str, label: &str) -> Mail {
    page(&format!("<p>Dear Charles, the notes are done, see <a href=\"{href}\">{label}</a>. Ada</p>"))
}

/// The letter with one file.
pub fn file(name: &str, content_type: &str, head: &[u8]) -> Mail {
    letter().attachment(name, content_type, head, 2000)
}

impl Mail {
    pub fn subject(mut self, subject: &str) -> Mail {
        self.0.subject = Some(subject.into());
        self
    }

    pub fn no_subject(mut self) -> Mail {
        self.0.subject = None;
        self
    }

    pub fn html(mut self, html: &str) -> Mail {
        self.0.html = Some(html.into());
        self
    }

    pub fn text(mut self, text: &str) -> Mail {
        self.0.text = Some(text.into());
        self
    }

    pub fn no_text(mut self) -> Mail {
        self.0.text = None;
        self
    }

    pub fn from(mut self, name: &str, email: &str) -> Mail {
        self.0.from = Some(Mailbox { name: name.into(), email: email.into() });
        self
    }

    pub fn no_from(mut self) -> Mail {
        self.0.from = None;
        self
    }

    pub fn reply_to(mut self, email: &str) -> Mail {
        self.0.reply_to = Some(Mailbox { name: String::new(), email: email.into() });
        self
    }

    pub fn recipients(mut self, count: usize) -> Mail {
        let recipient = |number| Mailbox { name: String::new(), email: format!("reader-{number}@engine.example") };
        self.0.to = (0..count).map(recipient).collect();
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Mail {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    pub fn attachment(mut self, name: &str, content_type: &str, head: &[u8], size: u64) -> Mail {
        let (filename, content_type) = (name.into(), content_type.into());
        self.0.attachments.push(Attachment { filename, content_type, size, head: head.into(), inline: false });
        self
    }

    pub fn judge(&self) -> Verdict {
        self.judge_with(&[])
    }

    /// By the rules alone.
    pub fn judge_with(&self, settings: &[(&str, &str)]) -> Verdict {
        let off = settings.iter().filter(|(name, _)| *name == "rules-off").map(|(_, value)| *value);
        let off: Vec<&str> = off.chain([MODEL]).collect();
        let off = off.join(",");
        let others = settings.iter().filter(|(name, _)| *name != "rules-off").copied();
        self.judge_wholly(&others.chain([("rules-off", off.as_str())]).collect::<Vec<_>>())
    }

    /// By the rules and the model.
    pub fn judge_wholly(&self, settings: &[(&str, &str)]) -> Verdict {
        let settings: Vec<_> = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        pillarbox_scorer::score(&self.0, &settings).expect("it is small enough")
    }

    /// What stands at a place, if the place is one.
    pub fn at(&self, place: Location) -> Option<&str> {
        let message = &self.0;
        let index = place.index as usize;
        let part: &str = match place.part {
            Part::From => &message.from.as_ref()?.email,
            Part::ReplyTo => &message.reply_to.as_ref()?.email,
            Part::To => &message.to.get(index)?.email,
            Part::Subject => message.subject.as_deref()?,
            Part::Html => message.html.as_deref()?,
            Part::Text => message.text.as_deref()?,
            Part::Headers => &message.headers.get(index)?.1,
            Part::Attachments => &message.attachments.get(index)?.filename,
        };
        part.get(place.offset as usize..(place.offset + place.length) as usize)
    }
}

/// One message and what one rule says of it.
pub struct Case {
    pub rule: &'static str,
    mail: Mail,
    expected: Expected,
}

enum Expected {
    Nothing,
    /// A finding without a place.
    Note,
    /// Findings at places with these words.
    Places(Vec<&'static str>),
}

/// The rule has something to say, of the message as a whole.
pub fn notes(rule: &'static str, mail: Mail) -> Case {
    Case { rule, mail, expected: Expected::Note }
}

/// The rule points at a place where `words` stand.
pub fn points(rule: &'static str, mail: Mail, words: &'static str) -> Case {
    Case { rule, mail, expected: Expected::Places(vec![words]) }
}

/// The rule points at several places.
pub fn points_all(rule: &'static str, mail: Mail, words: &[&'static str]) -> Case {
    Case { rule, mail, expected: Expected::Places(words.to_vec()) }
}

/// The rule has nothing to say, though the message comes near.
pub fn spares(rule: &'static str, mail: Mail) -> Case {
    Case { rule, mail, expected: Expected::Nothing }
}

impl Case {
    pub fn is_near_miss(&self) -> bool {
        matches!(self.expected, Expected::Nothing)
    }

    /// What is wrong, if something is.
    pub fn complaint(&self) -> Option<String> {
        let verdict = self.mail.judge();
        let findings: Vec<&Finding> = verdict.findings.iter().filter(|finding| finding.rule == self.rule).collect();
        let places: Vec<Option<&str>> = findings
            .iter()
            .map(|finding| finding.location.map(|place| self.mail.at(place).expect("it is inside")))
            .collect();
        let expected: Vec<Option<&str>> = match &self.expected {
            Expected::Nothing => Vec::new(),
            Expected::Note => vec![None],
            Expected::Places(words) => words.iter().map(|words| Some(*words)).collect(),
        };
        (places != expected).then(|| format!("{}: expected {expected:?}, found {places:?} in {verdict:#?}", self.rule))
    }
}
