//! Only links change, and where they lead does not.

use super::*;
use proptest::prelude::*;

/// Every link with its destination in brackets.
fn marked(html: &str) -> String {
    track(html, &mut |url| Some(format!("<{url}>")), Added::default()).expect("small and sound")
}

#[track_caller]
fn becomes(html: &str, expected: &str) {
    assert_eq!(marked(html), expected);
}

#[track_caller]
fn stays(html: &str) {
    assert_eq!(marked(html), html);
}

#[test]
fn links_to_the_web_are_exchanged_and_nothing_else_moves() {
    becomes(
        "<p  class='x' >a&nbsp;b<A  Class=y HREF='https://a.example/?x=1&amp;y=2'\n>c</A ><br/></p  >",
        "<p  class='x' >a&nbsp;b<A  Class=y HREF='&lt;https://a.example/?x=1&amp;y=2&gt;'\n>c</A ><br/></p  >",
    );
    becomes("<a href=http://a.example>x</a>", "<a href=\"&lt;http://a.example&gt;\">x</a>");
    becomes("<a href = \" HTTPS://a.example\n\">x</a>", "<a href = \"&lt;HTTPS://a.example&gt;\">x</a>");
    becomes("<map><area href=\"https://a.example\"></map>", "<map><area href=\"&lt;https://a.example&gt;\"></map>");
    becomes(
        "<a href=\"https://a.example\" href=\"https://b.example\">",
        "<a href=\"&lt;https://a.example&gt;\" href=\"https://b.example\">",
    );
    becomes("é<a href='https://ü.example/é'>ü</a>é", "é<a href='&lt;https://ü.example/é&gt;'>ü</a>é");
}

#[test]
fn what_does_not_lead_to_the_web_stays() {
    for href in [
        "mailto:a@b.example",
        "tel:+1",
        "sms:+1",
        "#top",
        "/path",
        "cid:logo",
        "//a.example",
        "",
        "javascript:x",
        "{{url}}",
    ] {
        stays(&format!("<a href=\"{href}\">x</a>"));
    }
    stays("<a>x</a><a href>x</a><img src=\"https://a.example\"><link href=\"https://a.example\">");
    stays("<!-- <a href=\"https://a.example\"> --><script>'<a href=\"https://a.example\">'</script>");
    stays("<!--[if mso]><a href=\"https://a.example\"><![endif]-->");
    stays("<textarea><a href=\"https://a.example\"></textarea><style><a href=\"https://a.example\"></style>");
    stays("<a href=\"https://a.example\" data-no-track>x</a><a DATA-NO-TRACK='' href=\"https://a.example\">x</a>");
    stays("<a title='<a href=\"https://a.example\">'>x</a>");
}

/// `lol_html` takes the script for an ordinary element here. That costs a script a link, and must not cost more.
#[test]
fn a_script_with_an_empty_attribute_is_survived() {
    for name in ["script", "style", "title", "textarea", "xmp", "plaintext"] {
        let html = format!("<{name} a=><a href=\"https://a.example\"></a>");
        assert!(track(&html, &mut |_| None, Added::default()).is_ok_and(|same| same == html), "{name}");
    }
}

#[test]
fn a_destination_is_decoded_once() {
    let html = "<a href='https://a.example/?a=1&b=2&amp;c=3&copy=4&#38;d&amp;amp;e'>";
    assert_eq!(destinations(html), Ok(vec!["https://a.example/?a=1&b=2&c=3&copy=4&d&amp;e".to_owned()]));
}

#[test]
fn a_link_that_is_not_taken_keeps_its_spelling() {
    let html = "<a href=https://a.example?x&y>1</a><a href='https://b.example'>2</a>";
    let only_b = &mut |url: &str| (url == "https://b.example").then(|| "/t".to_owned());
    assert_eq!(
        track(html, only_b, Added::default()).as_deref(),
        Ok("<a href=https://a.example?x&y>1</a><a href='/t'>2</a>")
    );
}

/// A pixel and no more.
fn with(pixel: &str) -> Added<'_> {
    Added { pixel: Some(pixel), canary: None }
}

#[test]
fn the_canary_stands_before_the_pixel_and_is_no_link_to_track() {
    let added = Added { pixel: Some("https://t.example/o"), canary: Some("https://t.example/c?a&b") };
    let canary = canary_tag("https://t.example/c?a&b");
    assert!(canary.starts_with("<a href=\"https://t.example/c?a&amp;b\" data-no-track"), "{canary}");
    assert!(canary.contains("display:none") && canary.ends_with("></a>"), "{canary}");
    let html = "<body>x</body>";
    let tracked = track(html, &mut |_| None, added).expect("small and sound");
    assert_eq!(tracked, format!("<body>x{canary}{}</body>", pixel_tag("https://t.example/o")));
    assert_eq!(destinations(&tracked), Ok(Vec::new()), "it is not tracked once more");
}

#[test]
fn the_pixel_stands_at_the_end_of_the_body() {
    let with_pixel =
        |html: &str| track(html, &mut |_| None, with("https://t.example/o?a=1&b='2'")).expect("small and sound");
    let pixel = pixel_tag("https://t.example/o?a=1&b='2'");
    assert!(pixel.starts_with("<img src=\"https://t.example/o?a=1&amp;b=&#39;2&#39;\" alt=\"\" width=\"1\""));
    for (before, after) in [
        ("<html><body><p>x</p>", "</BODY ></html>\n"),
        ("<p>x</p>", ""),
        ("", ""),
        ("<body><!-- </body> --><p>x", ""),
        ("<body>a<body>b</body>c", "</body>"),
        ("<body><script>'</body>'</script>x", "</body>"),
    ] {
        assert_eq!(with_pixel(&format!("{before}{after}")), format!("{before}{pixel}{after}"));
    }
}

#[test]
fn size_number_and_depth_have_limits() {
    let text = "a".repeat(HTML_BYTES_MAX);
    assert_eq!(track(&text, &mut |_| None, Added::default()).as_deref(), Ok(text.as_str()));
    assert_eq!(track(&(text + "a"), &mut |_| None, Added::default()), Err(LinkError::TooLong));

    let many = "<a href=http://a.example>".repeat(LINKS_MAX as usize + 1);
    assert_eq!(destinations(&many).map(|seen| seen.len()), Ok(LINKS_MAX as usize));

    let deep = |levels: usize| destinations(&format!("{}<a href=http://a.example>", "<div>".repeat(levels)));
    assert_eq!(deep(1_000), Ok(vec!["http://a.example".to_owned()]));
    assert_eq!(deep(1_000_000), Err(LinkError::TooComplex));
    assert_eq!(destinations(&format!("<a title='{}", "x".repeat(PARSER_BYTES_MAX + 1))), Err(LinkError::TooComplex));
}

const NEWSLETTER: &str = r##"<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/>
<style type="text/css">@media only screen { a[href^="http://x.example"] { color:red } .a > .b { } }</style>
<!--[if gte mso 9]><xml><o:OfficeDocumentSettings/></xml><![endif]--></head>
<body style="margin:0" bgcolor=#ffffff>
<div style="display:none">Preheader &zwnj;&nbsp;&#8199;</div>
<table width="100%" cellpadding=0><tr><td align='center'>
<a target="_blank" href="https://shop.example/sale?utm_source=mail&amp;utm_campaign=spring%20sale&id=42#top" style="color:#fff">
<img src="https://cdn.example/hero.jpg" alt="Sale &amp; more" /></a>
<v:roundrect href="https://vml.example/"></v:roundrect>
<p>Unclosed paragraph <b>bold <i>both</b> italic</i>
<a href='https://example.org/it''s' >odd quotes</a> <a href=https://plain.example/a/b?c=d&e=f>plain</a>
<a href="mailto:help@example.com?subject=Hi%20there">mail</a> <a href="#x">jump</a>
</td></tr></table><a href="https://unsub.example/{{id}}" data-no-track>unsubscribe</a>
</body></html>
"##;

#[test]
fn a_real_newsletter_differs_in_its_links_only() {
    let links = [
        "https://shop.example/sale?utm_source=mail&utm_campaign=spring%20sale&id=42#top",
        "https://example.org/it",
        "https://plain.example/a/b?c=d&e=f",
    ];
    assert_eq!(destinations(NEWSLETTER), Ok(links.map(str::to_owned).to_vec()));
    let same = track(NEWSLETTER, &mut |url| Some(url.to_owned()), Added::default()).expect("small and sound");
    let spelled = NEWSLETTER
        .replace("&id=42", "&amp;id=42")
        .replace("href=https://plain.example/a/b?c=d&e=f", "href=\"https://plain.example/a/b?c=d&amp;e=f\"");
    assert_eq!(same, spelled);
}

fn piece() -> impl Strategy<Value = String> {
    let url = "https?://[a-z.]{1,8}(/[a-zA-Z0-9%&=?#;+~'\"<>_. ü-]{0,20})?";
    prop_oneof![
        (url, "[\"']", "[ \n]{0,2}").prop_map(|(url, quote, space)| {
            format!("<a{space} href{space}={space}{quote}{}{quote}>", entities::encode(&url))
        }),
        "<a href=https?://[a-z.]{1,8}(/[a-z0-9%&=?#;]{0,12})?>",
        "</?(a|p|div|td|body|span|br/?|script|style|!--|title|svg|select|table)( [a-z]=['\"]?)?>",
        "[a-z&;<>'\"/= -]{0,12}",
        "-->|<!\\[CDATA\\[|\\]\\]>|&amp;|&#38;",
    ]
}

proptest! {
    #[test]
    fn destinations_are_preserved_byte_for_byte(pieces in proptest::collection::vec(piece(), 0..12)) {
        let html = pieces.concat();
        let before = destinations(&html).unwrap();
        let same = track(&html, &mut |url| Some(url.to_owned()), Added::default()).unwrap();
        prop_assert_eq!(destinations(&same).unwrap(), before);
        prop_assert_eq!(track(&html, &mut |_| None, Added::default()).unwrap(), html);
    }

    #[test]
    fn a_url_survives_tracking_and_clicking(path in "[^\\p{C}\\p{Z}]{0,40}", quote in "[\"']") {
        let url = format!("https://a.example/{path}");
        let keys = token::KeyRing::new(vec![(1, [5; 32])]).unwrap();
        let html = format!("<body><a href={quote}{}{quote}>x</a></body>", entities::encode(&url));
        let tracked = track(&html, &mut |url| {
            let claims = token::Claims { email_id: uuid::Uuid::nil(), link: 0, destination: Some(url.to_owned()) };
            keys.seal(&claims, token::Purpose::Click).ok().map(|token| format!("https://t.example/track/c/{token}"))
        }, Added::default()).unwrap();
        let link = destinations(&tracked).unwrap().remove(0);
        let claims = keys.open(link.rsplit('/').next().unwrap(), token::Purpose::Click).unwrap();
        prop_assert_eq!(claims.destination, Some(url));
    }
}

/// Where tracked links begin in what follows. It needs no encoding, so it stands in the html as it is.
const TRACKER: &str = "https://t.example/c/";

/// Html parts that people really get: the newsletters, and those inside of the mails about mails.
fn newsletters() -> Vec<(String, String)> {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let entries = std::fs::read_dir(fixtures.join("newsletters")).expect("they are there");
    let files = entries.map(|entry| entry.expect("it is there").path());
    let written: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "html"))
        .map(|path| (path.display().to_string(), std::fs::read_to_string(&path).expect("it is text")))
        .collect();
    let mails = std::fs::read_to_string(fixtures.join("webhooks/mail.jsonl")).expect("they are there");
    let inside = mails.lines().flat_map(|line| {
        let mail: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        let (id, body) = (mail["id"].to_string(), mail["body"].as_str().unwrap_or_default().as_bytes().to_vec());
        html_parts(&body).into_iter().map(move |html| (id.clone(), html))
    });
    let inside: Vec<_> = inside.collect();
    assert!(written.len() >= 5 && inside.len() >= 10, "{} and {}", written.len(), inside.len());
    written.into_iter().chain(inside).collect()
}

/// The html of a mail, and of the mails inside of it.
fn html_parts(raw: &[u8]) -> Vec<String> {
    let Some(message) = mail_parser::MessageParser::new().parse(raw) else { return Vec::new() };
    let parts = message.parts.iter().flat_map(|part| match &part.body {
        mail_parser::PartType::Html(html) => vec![html.to_string()],
        mail_parser::PartType::Message(inner) => html_parts(inner.raw_message()),
        _ => Vec::new(),
    });
    parts.collect()
}

/// Walks through both documents side by side: what lies between tracked links must be the same bytes, and where a tracked
/// link stands, the author's spelling of the same destination must have stood.
fn same_but_for(html: &str, tracked: &str, destinations: &[String]) -> Result<(), String> {
    let mut rest = html;
    let mut between = tracked.split(TRACKER);
    let first = between.next().unwrap_or_default();
    let mut before = first;
    for (number, piece) in between.enumerate() {
        let wrong = |what: &str| format!("link {number}: {what} near {:?}", rest.get(..80).unwrap_or(rest));
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        // A value without quotes has got some.
        let unquoted = before.strip_suffix('"').filter(|_| !rest.starts_with(before));
        let skipped = unquoted.unwrap_or(before);
        rest = rest.strip_prefix(skipped).ok_or_else(|| wrong("other bytes before it"))?;
        let end = match before.chars().next_back() {
            Some(quote @ ('"' | '\'')) if unquoted.is_none() => rest.find(quote),
            _ => rest.find(|character: char| character == '>' || character.is_ascii_whitespace()),
        };
        let (value, after) = rest.split_at(end.ok_or_else(|| wrong("no end"))?);
        let leads = entities::decode(value);
        if leads.trim_matches(|character: char| character <= ' ') != destinations[number] {
            return Err(wrong(&format!("{value:?} leads elsewhere than {:?}", destinations[number])));
        }
        rest = after;
        before = &piece[digits..];
        before = if unquoted.is_some() { before.strip_prefix('"').ok_or_else(|| wrong("one quote"))? } else { before };
    }
    if rest == before { Ok(()) } else { Err(format!("another end: {rest:?} and {before:?}")) }
}

#[test]
fn real_newsletters_differ_in_the_values_of_their_links_only() {
    let mut links = 0;
    for (name, html) in newsletters() {
        let mut seen = Vec::new();
        let tracked = track(
            &html,
            &mut |url| {
                seen.push(url.to_owned());
                Some(format!("{TRACKER}{}", seen.len() - 1))
            },
            Added::default(),
        );
        let tracked = tracked.unwrap_or_else(|error| panic!("{name}: {error}"));
        same_but_for(&html, &tracked, &seen).unwrap_or_else(|error| panic!("{name}: {error}"));
        links += seen.len();
    }
    assert!(links > 80, "{links}");
}

#[test]
fn what_differs_elsewhere_would_be_seen() {
    let html = "<a href=https://a.example?x&y>1</a> <a href='https://b.example'>2</a>";
    let tracked = "<a href=\"https://t.example/c/0\">1</a> <a href='https://t.example/c/1'>2</a>";
    let seen = ["https://a.example?x&y".to_owned(), "https://b.example".to_owned()];
    assert_eq!(same_but_for(html, tracked, &seen), Ok(()));
    for (from, to) in
        [("<a href='", "<a  href='"), ("2</a>", "2</A>"), ("1</a>", "1 </a>"), ("'>2", "' >2"), ("\">1", "'>1")]
    {
        let changed = tracked.replacen(from, to, 1);
        assert!(changed != tracked && same_but_for(html, &changed, &seen).is_err(), "{changed}");
    }
    assert!(same_but_for(html, tracked, &[seen[0].clone(), "https://c.example".into()]).is_err());
}

#[test]
fn every_link_of_a_real_newsletter_opens_to_its_destination() {
    let keys = token::KeyRing::new(vec![(1, [5; 32])]).expect("one key");
    for (name, html) in newsletters() {
        let mut link = 0;
        let mut given = Vec::new();
        let tracked = track(
            &html,
            &mut |url| {
                let claims = token::Claims { email_id: uuid::Uuid::nil(), link, destination: Some(url.to_owned()) };
                let token = keys.seal(&claims, token::Purpose::Click).ok();
                given.push((url.to_owned(), token.is_some()));
                link += 1;
                token.map(|token| format!("https://t.example/track/c/{token}"))
            },
            with("https://t.example/track/o/x"),
        );
        let tracked = tracked.unwrap_or_else(|error| panic!("{name}: {error}"));
        let followed = destinations(&tracked).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(followed.len(), given.len(), "{name}");
        for (address, (destination, is_tracked)) in followed.iter().zip(&given) {
            let Some(token) = address.strip_prefix("https://t.example/track/c/") else {
                assert!(address == destination && !is_tracked, "{name}: {address}");
                continue;
            };
            let claims = keys.open(token, token::Purpose::Click).unwrap_or_else(|| panic!("{name}: {address}"));
            assert_eq!(claims.destination.as_deref(), Some(destination.as_str()), "{name}");
        }
    }
}
