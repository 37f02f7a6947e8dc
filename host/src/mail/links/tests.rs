//! Only links change, and where they lead does not.

use super::*;
use proptest::prelude::*;

/// Every link with its destination in brackets.
fn marked(html: &str) -> String {
    track(html, &mut |url| Some(format!("<{url}>")), None).expect("small and sound")
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
        assert!(track(&html, &mut |_| None, None).is_ok_and(|same| same == html), "{name}");
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
    assert_eq!(track(html, only_b, None).as_deref(), Ok("<a href=https://a.example?x&y>1</a><a href='/t'>2</a>"));
}

#[test]
fn the_pixel_stands_at_the_end_of_the_body() {
    let with_pixel =
        |html: &str| track(html, &mut |_| None, Some("https://t.example/o?a=1&b='2'")).expect("small and sound");
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
    assert_eq!(track(&text, &mut |_| None, None).as_deref(), Ok(text.as_str()));
    assert_eq!(track(&(text + "a"), &mut |_| None, None), Err(LinkError::TooLong));

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
    let same = track(NEWSLETTER, &mut |url| Some(url.to_owned()), None).expect("small and sound");
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
        let same = track(&html, &mut |url| Some(url.to_owned()), None).unwrap();
        prop_assert_eq!(destinations(&same).unwrap(), before);
        prop_assert_eq!(track(&html, &mut |_| None, None).unwrap(), html);
    }

    #[test]
    fn a_url_survives_tracking_and_clicking(path in "[^\\p{C}\\p{Z}]{0,40}", quote in "[\"']") {
        let url = format!("https://a.example/{path}");
        let keys = token::KeyRing::new(vec![(1, [5; 32])]).unwrap();
        let html = format!("<body><a href={quote}{}{quote}>x</a></body>", entities::encode(&url));
        let tracked = track(&html, &mut |url| {
            let claims = token::Claims { email_id: uuid::Uuid::nil(), link: 0, destination: Some(url.to_owned()) };
            keys.seal(&claims, token::Purpose::Click).ok().map(|token| format!("https://t.example/track/c/{token}"))
        }, None).unwrap();
        let link = destinations(&tracked).unwrap().remove(0);
        let claims = keys.open(link.rsplit('/').next().unwrap(), token::Purpose::Click).unwrap();
        prop_assert_eq!(claims.destination, Some(url));
    }
}
