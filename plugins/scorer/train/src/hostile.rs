//! Messages that are made to take long or to trap: each of one kind of piece, as many bytes as are wanted.

use std::fmt::Write;

use pillarbox_scorer::message::Message;

/// Makes a message of about so many bytes.
pub type Make = fn(usize) -> Message;

/// Every kind by name, with a function that makes a message of about so many bytes.
pub const KINDS: [(&str, Make); 16] = [
    ("a page", |bytes| page(&fill("<p>Dear <b>reader</b>, see <i>what is new</i> in the shop today.</p>\n", bytes))),
    ("links", |bytes| page(&fill("<a href='https://a.com/x?y=z'>www.b.com</a>", bytes))),
    ("links of many hosts", |bytes| {
        page(&numbered(bytes, |n| format!("<a href='http://h{n}.example'>h{n}.example.com</a>")))
    }),
    ("nesting", |bytes| page(&fill("<div>", bytes))),
    ("crossed elements", |bytes| page(&fill("<b><i></b></i>", bytes))),
    ("elements of unknown names", |bytes| page(&numbered(bytes, |n| format!("<x{n}>")))),
    ("attributes", |bytes| page(&format!("<p {}>", fill("style='color:red' ", bytes)))),
    ("hidden text", |bytes| page(&fill("<p style='display:none'>abc</p>x", bytes))),
    ("open comments and tags", |bytes| page(&fill("<!--<a <script></", bytes))),
    ("one letter", |bytes| text(fill("a", bytes))),
    ("a run for regular expressions", |bytes| text(fill("a@", bytes / 2) + &fill("aa aa!", bytes / 2))),
    ("signs", |bytes| text(fill("a@b$!|{{*|&#97;://", bytes))),
    ("phrases", |bytes| text(fill("verify your account has been ", bytes))),
    ("base64 as of an archive", |bytes| text(base64(bytes))),
    ("all of Unicode", |bytes| text(unicode(bytes))),
    ("escaped surrogates", |bytes| {
        page(&numbered(bytes, |n| format!("&#{};\\ud8{:02x}&#xdc00;", 0xd800 + n % 2048, n % 256)))
    }),
];

fn page(html: &str) -> Message {
    Message { subject: Some("News".to_owned()), html: Some(html.to_owned()), ..Message::default() }
}

fn text(text: String) -> Message {
    Message { subject: Some(text.chars().take(500).collect()), text: Some(text), ..Message::default() }
}

fn fill(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

fn numbered(bytes: usize, piece: impl Fn(usize) -> String) -> String {
    let mut all = String::with_capacity(bytes + 64);
    let mut number = 0;
    while all.len() < bytes {
        all.push_str(&piece(number));
        number += 1;
    }
    all
}

/// Letters as base64 has them, without any order that could be told, in lines of 76.
fn base64(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut all = String::from("UEsDBBQAAAAIA");
    for at in all.len()..bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        all.push(if at % 77 == 76 { '\n' } else { char::from(LETTERS[(state % 64) as usize]) });
    }
    all
}

/// Every character there is, again and again.
fn unicode(bytes: usize) -> String {
    let mut all = String::with_capacity(bytes + 4);
    let mut characters = ('\0'..=char::MAX).cycle();
    while all.len() < bytes {
        all.extend(characters.next());
    }
    all
}

/// A message with so many links.
pub fn links(count: usize) -> Message {
    let mut html = String::new();
    for number in 0..count {
        write!(html, "<a href='https://h{number}.example/{number}'>link {number}</a> ").expect("a string takes all");
    }
    page(&html)
}

/// A message whose elements stand so deep in each other.
pub fn nested(depth: usize) -> Message {
    page(&format!("{}x{}", "<table><tr><td>".repeat(depth / 3), "</td></tr></table>".repeat(depth / 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_about_the_bytes_that_were_wanted() {
        for (name, make) in KINDS {
            let message = make(2_000_000);
            let bytes = message.html.or(message.text).expect("it has a body").len();
            assert!((1_900_000..2_100_000).contains(&bytes), "{name}: {bytes}");
        }
        assert_eq!(links(100).html.expect("it is a page").matches("href").count(), 100);
        assert_eq!(nested(300).html.expect("it is a page").matches("<td>").count(), 100);
    }
}
