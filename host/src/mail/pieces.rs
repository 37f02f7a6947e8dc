//! The pieces of a message that a finding may point into, and what it points at.
//!
//! The contract of plugins counts a place in bytes of one piece: of the author's address, of a header's value, of the html.
//! What a plugin says of a place is never trusted to fit: a span lies inside of its piece, on boundaries of characters.

use std::ops::Range;

use memchr::memchr_iter;

use super::parsed::ParsedMessage;

/// Bytes of a header's name that are told. Names are shorter, unless somebody plays.
const NAME_BYTES_MAX: usize = 60;

/// A text of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<'m> {
    /// `from`, `reply-to`, `to`, `subject`, `text`, `html`, `headers` or `attachments`.
    pub part: &'static str,
    /// Which recipient, header or file, from 0; 0 elsewhere.
    pub index: usize,
    /// What stands before it: an address's display name, a header's name. Empty elsewhere.
    pub name: &'m str,
    /// It.
    pub text: &'m str,
}

/// What a plugin says of a place: which piece, and bytes in it.
#[derive(Debug, Clone, Copy)]
pub struct Location<'a> {
    /// The part of the piece.
    pub part: &'a str,
    /// The index of the piece.
    pub index: usize,
    /// Where it begins.
    pub offset: usize,
    /// How long it is.
    pub length: usize,
}

/// A place in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place<'m> {
    /// The piece that it stands in.
    pub piece: Piece<'m>,
    /// Bytes of the piece's text.
    pub span: Range<usize>,
    /// The line of the piece, from 1.
    pub line: usize,
}

/// Every piece, in the order in which a reader meets them.
pub fn pieces(message: &ParsedMessage) -> impl Iterator<Item = Piece<'_>> {
    let from = message.from.iter().map(|from| address("from", 0, from));
    let reply_to = message.reply_to.iter().map(|reply_to| address("reply-to", 0, reply_to));
    let to = message.to.iter().enumerate().map(|(index, to)| address("to", index, to));
    let subject = message.subject.iter().map(|subject| alone("subject", subject));
    let text = message.text.iter().map(|text| alone("text", text));
    let html = message.html.iter().map(|html| alone("html", html));
    let headers = message.headers.iter().enumerate();
    let headers = headers.map(|(index, (name, text))| Piece { part: "headers", index, name, text });
    let files = message.attachments.iter().enumerate();
    let files = files.map(|(index, file)| Piece { part: "attachments", index, name: "", text: &file.filename });
    from.chain(reply_to).chain(to).chain(subject).chain(text).chain(html).chain(headers).chain(files)
}

fn address<'m>(part: &'static str, index: usize, (name, text): &'m (String, String)) -> Piece<'m> {
    Piece { part, index, name, text }
}

fn alone<'m>(part: &'static str, text: &'m str) -> Piece<'m> {
    Piece { part, index: 0, name: "", text }
}

/// The places that these locations name, each where its location stands; `None` for one that names no piece of the
/// message. Goes through a text once, however many places are in it.
pub fn places<'m>(message: &'m ParsedMessage, locations: &[Option<Location<'_>>]) -> Vec<Option<Place<'m>>> {
    let place = |location: &Option<Location<'_>>| {
        let location = location.as_ref()?;
        let is_named = |piece: &Piece| piece.part == location.part && piece.index == location.index;
        let piece = pieces(message).find(is_named)?;
        Some(Place { piece, span: span(piece.text, location.offset, location.length), line: 1 })
    };
    let mut places: Vec<_> = locations.iter().map(place).collect();
    for part in ["text", "html"] {
        count_lines(places.iter_mut().flatten().filter(|place| place.piece.part == part).collect());
    }
    places
}

impl Place<'_> {
    /// Where it stands, in words: `html, line 3`, `header List-Unsubscribe`.
    pub fn told(&self) -> String {
        let Piece { part, index, name, .. } = self.piece;
        match part {
            "text" | "html" => format!("{part}, line {}", self.line),
            "headers" => format!("header {}", &name[..name.floor_char_boundary(NAME_BYTES_MAX)]),
            "to" => format!("recipient {}", index + 1),
            "attachments" => format!("file {}", index + 1),
            "from" => "sender".into(),
            "reply-to" => "Reply-To".into(),
            other => other.into(),
        }
    }

    /// The words that stand there.
    pub fn words(&self) -> &str {
        &self.piece.text[self.span.clone()]
    }
}

fn span(text: &str, offset: usize, length: usize) -> Range<usize> {
    let start = text.floor_char_boundary(offset);
    let end = text.floor_char_boundary(offset.saturating_add(length));
    start..end.max(start)
}

/// All in the same text.
fn count_lines(mut places: Vec<&mut Place<'_>>) {
    places.sort_by_key(|place| place.span.start);
    let (mut seen, mut line) = (0, 1);
    for place in places {
        line += memchr_iter(b'\n', &place.piece.text.as_bytes()[seen..place.span.start]).count();
        seen = place.span.start;
        place.line = line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> ParsedMessage {
        let raw = "From: Ada <ada@example.org>\r\nReply-To: b@example.org\r\nTo: C <c@example.org>, d@example.org\r\n\
                   Subject: Grüße\r\nX-A: first\r\nX-A: second\r\nMIME-Version: 1.0\r\n\
                   Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
                   one\r\ntwo é\r\nthree\r\n--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\r\nx\r\n--b--\r\n";
        ParsedMessage::parse(raw.as_bytes()).expect("it is a message")
    }

    fn at(part: &str, index: usize, offset: usize, length: usize) -> Location<'_> {
        Location { part, index, offset, length }
    }

    #[track_caller]
    fn stands(location: Location<'_>, told: &str, words: &str) {
        let message = message();
        let place = places(&message, &[Some(location)]).remove(0).expect("it is a place");
        assert_eq!((place.told().as_str(), place.words()), (told, words));
    }

    #[test]
    fn a_place_is_told_with_the_words_that_stand_there() {
        stands(at("from", 0, 0, 3), "sender", "ada");
        stands(at("reply-to", 0, 2, 7), "Reply-To", "example");
        stands(at("to", 1, 0, 1), "recipient 2", "d");
        stands(at("subject", 0, 0, 7), "subject", "Grüße");
        stands(at("headers", 5, 0, 6), "header X-A", "second");
        stands(at("attachments", 0, 0, 5), "file 1", "a.pdf");
        stands(at("text", 0, 0, 3), "text, line 1", "one");
        stands(at("text", 0, 5, 3), "text, line 2", "two");
    }

    #[test]
    fn what_a_plugin_says_of_a_place_need_not_fit() {
        stands(at("subject", 0, 3, 1), "subject", "ü");
        stands(at("subject", 0, 2, 2), "subject", "ü");
        stands(at("subject", 0, 4, 99), "subject", "ße");
        stands(at("subject", 0, 99, 1), "subject", "");
        stands(at("subject", 0, usize::MAX, usize::MAX), "subject", "");
        let message = message();
        for location in [
            None,
            Some(at("html", 0, 0, 1)),
            Some(at("to", 2, 0, 1)),
            Some(at("subject", 1, 0, 1)),
            Some(at("nonsense", 0, 0, 1)),
        ] {
            assert_eq!(places(&message, &[location]), [None], "{location:?}");
        }
    }

    #[test]
    fn a_name_is_told_within_bounds() {
        for (length, told) in [(60, 60), (61, 60)] {
            let message = ParsedMessage { headers: vec![("x".repeat(length), String::new())], ..message() };
            let place = places(&message, &[Some(at("headers", 0, 0, 0))]).remove(0).expect("it is a place");
            assert_eq!(place.told(), format!("header {}", "x".repeat(told)));
        }
    }

    #[test]
    fn lines_are_counted_whatever_the_order_of_the_places() {
        let message = ParsedMessage { html: Some("a\nb\n\nc".into()), text: Some("\n\nx".into()), ..message() };
        let locations =
            [at("html", 0, 5, 1), at("text", 0, 2, 1), at("html", 0, 0, 1), at("html", 0, 2, 1), at("html", 0, 9, 9)]
                .map(Some);
        let lines: Vec<_> = places(&message, &locations).into_iter().flatten().map(|place| place.line).collect();
        assert_eq!(lines, [4, 3, 1, 2, 4]);
    }

    #[test]
    fn every_piece_is_found_by_its_part_and_index() {
        let message = message();
        let found: Vec<_> = pieces(&message).map(|piece| (piece.part, piece.index, piece.name, piece.text)).collect();
        assert_eq!(found[..2], [("from", 0, "Ada", "ada@example.org"), ("reply-to", 0, "", "b@example.org")]);
        assert_eq!(found[2..4], [("to", 0, "C", "c@example.org"), ("to", 1, "", "d@example.org")]);
        assert_eq!(found[4].0, "subject");
        assert_eq!(found.last(), Some(&("attachments", 0, "", "a.pdf")));
        assert!(found.contains(&("headers", 4, "X-A", "first")), "{found:?}");
    }
}
