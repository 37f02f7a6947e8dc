//! What the model knows of a message: its words, pairs of words, runs of characters, and signs of how it is built.
//!
//! A feature is a 64-bit hash, so that training and judging agree without a dictionary. What only says where mail was
//! collected is not looked at: numbers count by their length, long mixtures of letters and digits not at all.

use std::ops::Range;

use crate::facts::{Facts, domain_of};
use crate::hosts;
use crate::html::page::{Page, Spot};
use crate::prose::Prose;
use crate::url::Scheme;
use crate::words::{Word, Words};

/// Bytes at the start of a body whose words are looked at.
const WORDS_BYTES_MAX: usize = 16 * 1024;

/// Bytes at the start of a body whose runs of characters are looked at.
const RUNS_BYTES_MAX: usize = 1024;

/// Links of a message whose hosts and paths are looked at.
const LINKS_MAX: usize = 100;

/// Bytes of a word that is looked at as one.
const WORD_BYTES_MAX: usize = 32;

/// Words with digits in them that are longer are ids.
const MIXED_BYTES_MAX: usize = 8;

/// Attachments that are looked at.
const ATTACHMENTS_MAX: usize = 20;

/// Kinds of features. Each counts by itself, so that a long text does not drown what the message looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word of the subject or two in a row.
    SubjectWords,
    /// A word of the body or two in a row.
    Words,
    /// Four characters of the subject in a row.
    SubjectRuns,
    /// Four characters of the body in a row.
    Runs,
    /// How the message is built.
    Signs,
    /// Where it leads.
    Links,
    /// Who it says it is from.
    Sender,
    /// What the rules found.
    Rules,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = Kind::Rules as usize + 1;
}

/// Which text a feature was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Subject,
    Body,
    Elsewhere,
}

/// Where a feature was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spotted {
    pub(crate) origin: Origin,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

const NOWHERE: Spotted = Spotted { origin: Origin::Elsewhere, start: 0, end: 0 };

/// What a feature is about; the same word in two fields is two features.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Field {
    SubjectWord = 1,
    SubjectPair,
    BodyWord,
    BodyPair,
    SubjectRun,
    BodyRun,
    Sign,
    Host,
    Path,
    FromName,
    FromAddress,
    LinkLabel,
    FileName,
    Rule,
}

impl Field {
    fn kind(self) -> Kind {
        match self {
            Field::SubjectWord | Field::SubjectPair => Kind::SubjectWords,
            Field::SubjectRun => Kind::SubjectRuns,
            Field::BodyRun => Kind::Runs,
            _ => Kind::Words,
        }
    }
}

/// Tells `sink` every feature of a message, some of them several times. `rules` are the ids of those that found
/// something.
pub(crate) fn of(facts: &Facts<'_>, rules: &[&str], sink: &mut impl FnMut(Kind, u64, Spotted)) {
    if let Some(subject) = &facts.subject {
        words(&subject.text, Origin::Subject, (Field::SubjectWord, Field::SubjectPair), sink);
        runs(&subject.text, Field::SubjectRun, sink);
    }
    if let Some(body) = facts.body() {
        words(up_to(&body.text, WORDS_BYTES_MAX), Origin::Body, (Field::BodyWord, Field::BodyPair), sink);
        runs(up_to(&body.text, RUNS_BYTES_MAX), Field::BodyRun, sink);
    }
    let mut signs = Signs { sink, kind: Kind::Signs };
    signs.subject(facts);
    signs.body(facts);
    signs.page(facts);
    signs.attachments(facts);
    signs.kind = Kind::Sender;
    signs.sender(facts);
    signs.kind = Kind::Links;
    signs.links(facts);
    signs.kind = Kind::Rules;
    for rule in rules {
        signs.add(Field::Rule, hash_of(rule));
    }
}

fn up_to(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn words(text: &str, origin: Origin, (single, double): (Field, Field), sink: &mut impl FnMut(Kind, u64, Spotted)) {
    let mut before: Option<(u64, Range<usize>)> = None;
    for word in Words::of(text) {
        if !word.is_ascii && text[word.range.clone()].chars().any(is_ideograph) {
            ideographs(text, &word.range, origin, single, sink);
            before = None;
            continue;
        }
        let Some(hash) = plain(&word) else {
            before = None;
            continue;
        };
        sink(single.kind(), feature(single, hash), spotted(origin, &word.range));
        if let Some((former, range)) = before {
            let both = range.start..word.range.end;
            sink(double.kind(), feature(double, pair(former, hash)), spotted(origin, &both));
        }
        before = Some((hash, word.range));
    }
}

/// What a word counts as: numbers by their length, ids not at all.
fn plain(word: &Word) -> Option<u64> {
    let bytes = word.range.len();
    match word.digits {
        _ if bytes > WORD_BYTES_MAX => None,
        0 => Some(word.hash),
        digits if digits == bytes => Some(digits.min(6) as u64),
        _ if bytes > MIXED_BYTES_MAX => None,
        _ => Some(word.hash),
    }
}

/// Scripts without blanks between words are read two characters at a time.
fn ideographs(
    text: &str,
    range: &Range<usize>,
    origin: Origin,
    field: Field,
    sink: &mut impl FnMut(Kind, u64, Spotted),
) {
    let mut before: Option<(usize, char)> = None;
    for (at, character) in text[range.clone()].char_indices() {
        let at = range.start + at;
        if let Some((start, former)) = before {
            let both = start..at + character.len_utf8();
            sink(field.kind(), feature(field, two(former, character)), spotted(origin, &both));
        }
        before = Some((at, character));
    }
}

fn two(one: char, other: char) -> u64 {
    u64::from(u32::from(one)) << 32 | u64::from(u32::from(other))
}

/// Chinese characters, kana, and the scripts of South East Asia that write without blanks.
fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Every four characters in a row, blanks as one and digits as one.
fn runs(text: &str, field: Field, sink: &mut impl FnMut(Kind, u64, Spotted)) {
    // Two characters each.
    let (mut former, mut latter) = (two(' ', ' '), two(' ', ' '));
    for character in text.chars() {
        let character = match character {
            'A'..='Z' => character.to_ascii_lowercase(),
            '0'..='9' => '0',
            '\0'..=' ' | '\u{7f}' | '\u{a0}' => ' ',
            other => other,
        };
        let code = u64::from(u32::from(character));
        if character == ' ' && latter & 0xffff_ffff == code {
            continue;
        }
        former = former << 32 | latter >> 32;
        latter = latter << 32 | code;
        sink(field.kind(), feature(field, pair(former, latter)), NOWHERE);
    }
}

/// Two hashes in their order.
fn pair(former: u64, latter: u64) -> u64 {
    former.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ latter
}

/// Writes down signs.
struct Signs<'s, S: FnMut(Kind, u64, Spotted)> {
    sink: &'s mut S,
    /// What the next signs are about.
    kind: Kind,
}

impl<S: FnMut(Kind, u64, Spotted)> Signs<'_, S> {
    fn add(&mut self, field: Field, hash: u64) {
        (self.sink)(self.kind, feature(field, hash), NOWHERE);
    }

    fn sign(&mut self, name: &str, value: u64) {
        self.add(Field::Sign, mix(hash_of(name)) ^ value);
    }

    fn is(&mut self, name: &str, holds: bool) {
        if holds {
            self.sign(name, 1);
        }
    }

    /// A count in steps that double.
    fn count(&mut self, name: &str, count: usize) {
        self.sign(name, steps(count));
    }

    fn subject(&mut self, facts: &Facts<'_>) {
        let Some(subject) = &facts.subject else {
            self.sign("no subject", 1);
            return;
        };
        let text = subject.text.trim();
        self.count("subject words", subject.words);
        self.capitals("subject capitals", subject);
        self.is("subject shouts", text.contains('!'));
        self.is("subject asks", text.contains('?'));
        self.is("subject has digits", text.bytes().any(|byte| byte.is_ascii_digit()));
        self.is("subject has money", text.contains(['$', '€', '£', '¥', '%']));
        self.is("subject has brackets", text.starts_with('['));
        self.is("subject answers", is_answer(text));
        self.is("subject has odd characters", text.chars().any(crate::scripts::is_emoji));
    }

    fn capitals(&mut self, name: &str, prose: &Prose<'_>) {
        if let Some(tenths) = (prose.capitals * 10).checked_div(prose.letters) {
            self.sign(name, tenths as u64);
        }
    }

    fn sender(&mut self, facts: &Facts<'_>) {
        let Some(from) = &facts.message.from else {
            self.sign("no from", 1);
            return;
        };
        for word in Words::of(up_to(&from.name, 200)).take(8) {
            self.add(Field::FromName, word.hash);
        }
        self.is("from has no name", from.name.trim().is_empty());
        self.is("from name has an address", from.name.contains('@'));
        let local = from.email.split('@').next().unwrap_or_default();
        for word in Words::of(up_to(local, 100)).take(4) {
            if let Some(hash) = plain(&word) {
                self.add(Field::FromAddress, hash);
            }
        }
        let digits = local.bytes().filter(u8::is_ascii_digit).count();
        self.count("from digits", digits);
        self.count("from length", local.len());
        if let Some(domain) = domain_of(&from.email) {
            let domain = domain.to_ascii_lowercase();
            let end = domain.rsplit('.').next().unwrap_or_default();
            self.sign("from end", hash_of(end));
            self.is("from free mail", hosts::is_free_mail(&domain));
            self.is(
                "from free mail with a company's name",
                hosts::is_free_mail(&domain) && hosts::brand_in(&from.name).is_some(),
            );
            self.is("from domain digits", domain.bytes().any(|byte| byte.is_ascii_digit()));
            self.is("from domain hyphens", domain.matches('-').count() > 1);
            self.count("from domain parts", domain.matches('.').count());
            self.count("from domain length", domain.len() / 4);
        }
        if let Some(reply_to) = &facts.message.reply_to {
            let same = domain_of(&reply_to.email).is_some_and(|domain| facts.is_own(&domain.to_ascii_lowercase()));
            self.sign("reply-to", u64::from(same));
        }
    }

    fn body(&mut self, facts: &Facts<'_>) {
        let html = facts.page.is_some();
        self.sign("parts", u64::from(html) * 2 + u64::from(facts.text.is_some()));
        let Some(body) = facts.body() else {
            self.sign("blank", 1);
            return;
        };
        self.sign("words", steps(body.words) * 2 + u64::from(html));
        self.capitals("capitals", body);
        let text = up_to(&body.text, WORDS_BYTES_MAX);
        let count = |mark: char| text.matches(mark).count();
        self.sign("exclamations", per(count('!'), body.words));
        self.sign("questions", per(count('?'), body.words));
        self.count("dollars", count('$'));
        let quotes = body.has_any(b">") && text.contains("\n>");
        self.is("quotes another", quotes || body.has_any(b"-") && text.contains("-----Original Message"));
        self.count("torn words", body.torn_words.len());
        self.count("disguised words", body.disguised_words.len());
        self.count("spaced words", body.spaced_words.len());
        self.sign("mixed words", per(body.digit_words.len(), body.words));
        self.is("for many", facts.bulk.is_some());
    }

    fn links(&mut self, facts: &Facts<'_>) {
        let html = u64::from(facts.page.is_some());
        let mut web = 0;
        let mut foreign = 0;
        let mut unsafe_links = 0;
        let mut found: Vec<&str> = Vec::new();
        for link in facts.links().take(LINKS_MAX) {
            let url = &link.url;
            if !url.is_web() {
                self.is(
                    "link to a file or script",
                    matches!(url.scheme, Scheme::Script | Scheme::Data | Scheme::Other),
                );
                self.is("link to mail", url.scheme == Scheme::Mailto);
                self.is(
                    "link without an address",
                    matches!(url.scheme, Scheme::Fragment | Scheme::Empty | Scheme::Relative),
                );
                continue;
            }
            web += 1;
            unsafe_links += usize::from(url.scheme == Scheme::Http);
            if !facts.is_own(&url.host) {
                foreign += 1;
            }
            if !found.contains(&url.host.as_str()) {
                found.push(&url.host);
                self.host(&url.host);
            }
            self.path(url.tail());
            self.is("link has a port", url.port.is_some());
            self.is("link has a user", url.has_userinfo);
            if let Some(label) = facts.label(link) {
                self.label(label);
            }
        }
        self.sign("links", steps(web) * 2 + html);
        self.sign("link hosts", steps(found.len()) * 2 + html);
        for (name, some) in [("foreign links", foreign), ("unsafe links", unsafe_links)] {
            if let Some(quarters) = (some * 4_usize).checked_div(web) {
                self.sign(name, quarters as u64);
            }
        }
    }

    fn host(&mut self, host: &str) {
        let end = host.rsplit('.').next().unwrap_or_default();
        self.sign("host end", hash_of(end));
        for label in host.split('.').take(6) {
            if label.len() <= WORD_BYTES_MAX && label != end {
                self.add(Field::Host, hash_of(label));
            }
        }
        let digits = host.bytes().filter(u8::is_ascii_digit).count();
        self.count("host digits", digits);
        self.count("host length", host.len() / 6);
        self.count("host parts", host.matches('.').count());
        self.count("host hyphens", host.matches('-').count());
        self.is("host is an address", hosts::ip(host).is_some());
        self.is("host shortens", hosts::is_shortener(host));
        self.is("host is free", hosts::is_free_hosting(host));
        self.is("host stores", hosts::is_public_storage(host));
        self.is("host tracks", hosts::is_tracker(host));
        self.is("host end is risky", hosts::has_risky_end(host));
        self.is("host borrows a name", hosts::borrowed_brand(host).is_some());
    }

    fn path(&mut self, tail: &str) {
        let tail = up_to(tail, 200);
        let mut parts = 0;
        for word in Words::of(tail).take(12) {
            if let Some(hash) = plain(&word) {
                self.add(Field::Path, hash);
            }
            parts += 1;
        }
        self.count("path words", parts);
        self.count("path length", tail.len() / 8);
    }

    fn label(&mut self, label: &str) {
        let label = up_to(label, 120);
        self.is("label is an address", label.starts_with("http") || label.starts_with("www."));
        let mut hash = 0;
        for word in Words::of(label).take(4) {
            hash = mix(hash) ^ word.hash;
        }
        self.add(Field::LinkLabel, hash);
    }

    fn page(&mut self, facts: &Facts<'_>) {
        let Some(page) = facts.page else { return };
        let text = page.visible.text.trim().len();
        let pictures = page.pictures().count();
        self.count("pictures", pictures);
        self.sign("text for each picture", steps(text / (pictures + 1) / 16));
        self.sign("source for each letter", steps(page.html.len() / text.max(1)));
        self.count("source", page.html.len() / 256);
        self.is("pixel", page.images.iter().any(crate::html::page::Image::is_pixel));
        self.is("only pictures", pictures > 0 && text < 40);
        self.sign("alternatives", share(page, |image| image.alt.as_deref().is_some_and(|alt| !alt.trim().is_empty())));
        self.is("picture without an address", page.images.iter().any(|image| image.source.starts_with("cid:")));
        self.is("picture in the source", page.images.iter().any(|image| image.source.starts_with("data:")));
        self.is("doctype", page.declares.doctype);
        self.is("language", page.declares.language);
        self.is("title", page.declares.title);
        let hidden: usize = page.hidden.iter().map(|hidden| hidden.letters).sum();
        self.count("hidden letters", hidden / 8);
        self.count("disguised letters", page.visible.disguised_letters);
        for (name, spot) in SPOTS {
            self.count(name, page.count(*spot));
        }
    }

    fn attachments(&mut self, facts: &Facts<'_>) {
        let attachments = &facts.message.attachments;
        self.count("attachments", attachments.len());
        for file in attachments.iter().take(ATTACHMENTS_MAX) {
            let end = file.filename.rsplit_once('.').map_or("", |(_, end)| end);
            self.sign("file end", hash_of(up_to(end, 8)));
            self.sign("file type", hash_of(&file.content_type));
            for word in Words::of(up_to(&file.filename, 100)).take(6) {
                if let Some(hash) = plain(&word) {
                    self.add(Field::FileName, hash);
                }
            }
        }
    }
}

/// Oddities of html that are counted.
const SPOTS: &[(&str, Spot)] = &[
    ("scripts", Spot::Script),
    ("handlers", Spot::EventHandler),
    ("forms", Spot::Form),
    ("passwords", Spot::PasswordField),
    ("frames", Spot::Frame),
    ("misnested", Spot::Misnested),
    ("unclosed", Spot::Unclosed),
    ("split words", Spot::SplitWord),
    ("layout tables", Spot::LayoutTable),
];

/// Quarters of the pictures for which something holds; 9 when there are none.
fn share(page: &Page<'_>, holds: impl Fn(&crate::html::page::Image<'_>) -> bool) -> u64 {
    let pictures = page.pictures().count();
    if pictures == 0 {
        return 9;
    }
    (page.pictures().filter(|image| holds(image)).count() * 4 / pictures) as u64
}

fn is_answer(subject: &str) -> bool {
    let start = subject.get(..4).unwrap_or(subject).to_ascii_lowercase();
    start.starts_with("re:") || start.starts_with("fw:") || start.starts_with("fwd:")
}

/// How often for each hundred words, in steps.
fn per(count: usize, words: usize) -> u64 {
    steps(count * 100 / words.max(1))
}

/// 0, 1, 2, 3-4, 5-8 and so on.
fn steps(count: usize) -> u64 {
    match count {
        0 => 0,
        1 => 1,
        more => u64::from((more - 1).ilog2()) + 2,
    }
}

fn spotted(origin: Origin, range: &Range<usize>) -> Spotted {
    let bytes = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Spotted { origin, start: bytes(range.start), end: bytes(range.end) }
}

fn feature(field: Field, hash: u64) -> u64 {
    mix(hash ^ (field as u64) << 56)
}

/// Spreads a hash over all bits (the finalizer of `SplitMix64`).
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

fn hash_of(text: &str) -> u64 {
    crate::words::hash_bytes(text.as_bytes(), 0, text.len())
}
