//! What html does.

use super::support::{Case, notes, page, points, points_all, spares};

const SECRET: &str = "These forty and more letters are for filters and for nobody else at all.";

pub fn cases() -> Vec<Case> {
    let after = |style: &str| page(&format!("<p>Seen.</p><p style=\"{style}\">{SECRET}</p>"));
    let numbers = |count: usize| page(&format!("<p>{}</p>", "&#97;".repeat(count)));
    let nested = |depth: usize| page(&format!("{}x{}", "<div>".repeat(depth), "</div>".repeat(depth)));
    let sized = |bytes: usize| page(&format!("<p>{}</p>", "x ".repeat((bytes - 7) / 2) + &"x".repeat((bytes - 7) % 2)));
    vec![
        points("HTML_HIDDEN_TEXT", after("display : NONE !important"), SECRET),
        points("HTML_HIDDEN_TEXT", after("max-height:0;overflow:hidden"), SECRET),
        spares("HTML_HIDDEN_TEXT", page(&format!("<div style='display:none'>{SECRET}</div><p>Seen.</p>"))),
        spares("HTML_HIDDEN_TEXT", page("<p>Seen.</p><p style='display:none'>Only a few letters</p>")),
        points("HTML_TINY_TEXT", after("font-size:1px"), SECRET),
        spares("HTML_TINY_TEXT", after("font-size:2px")),
        spares(
            "HTML_TINY_TEXT",
            page(&format!("<p>Seen.</p><div style='font-size:0'><p style='font-size:14px'>{SECRET}</p></div>")),
        ),
        points("HTML_INVISIBLE_COLOUR", after("color:#fffffe;background:white"), SECRET),
        points("HTML_INVISIBLE_COLOUR", page(&format!("<p>Seen.</p><font color=white>{SECRET}</font>")), SECRET),
        spares("HTML_INVISIBLE_COLOUR", after("color:#fff;background:#333")),
        spares("HTML_INVISIBLE_COLOUR", after("color:#fff;background:url(dark.png)")),
        spares(
            "HTML_INVISIBLE_COLOUR",
            page(&format!("<style>body{{background:#000}}</style><p>Seen.</p><p style='color:#fff'>{SECRET}</p>")),
        ),
        points("HTML_SCRIPT", page("<p>Seen.</p><SCRIPT src='x'></script>"), "<SCRIPT src='x'>"),
        spares("HTML_SCRIPT", page("<p>&lt;script&gt;</p><!-- <script> -->")),
        points("HTML_EVENT_HANDLER", page("<p onClick=x>Seen.</p>"), "<p onClick=x>"),
        spares("HTML_EVENT_HANDLER", page("<p on=1 data-onclick=x>Seen.</p>")),
        points("HTML_FORM", page("<form action=x>Seen.</form>"), "<form action=x>"),
        spares("HTML_FORM", page("<format>Seen.</format>")),
        points("HTML_PASSWORD_FIELD", page("<input type=\" Password \">"), "<input type=\" Password \">"),
        spares("HTML_PASSWORD_FIELD", page("<input type=text name=password>")),
        points("HTML_FRAME", page("<iframe src='x'></iframe>"), "<iframe src='x'>"),
        spares("HTML_FRAME", page("<p title='<iframe>'>Seen.</p>")),
        points("HTML_PLUGIN_CONTENT", page("<object data=x></object>"), "<object data=x>"),
        spares("HTML_PLUGIN_CONTENT", page("<objects>")),
        points(
            "HTML_META_REFRESH",
            page("<meta http-equiv=refresh content='0;url=x'>"),
            "<meta http-equiv=refresh content='0;url=x'>",
        ),
        spares("HTML_META_REFRESH", page("<meta http-equiv=content-type content=refresh>")),
        points("HTML_BASE_TAG", page("<base href='https://evil.net/'>"), "<base href='https://evil.net/'>"),
        spares("HTML_BASE_TAG", page("<basefont size=3>")),
        points("HTML_EXTERNAL_STYLE_SHEET", page("<link rel=stylesheet href=x>"), "<link rel=stylesheet href=x>"),
        spares("HTML_EXTERNAL_STYLE_SHEET", page("<link rel=icon href=x>")),
        points("HTML_MOVING_TEXT", page("<marquee>Seen.</marquee>"), "<marquee>"),
        spares("HTML_MOVING_TEXT", page("<mark>Seen.</mark>")),
        points_all(
            "HTML_SPLIT_WORDS",
            page("V<!--xxxx-->iagra cas<!--yyyy-->ino lot<!--zzzz-->tery"),
            &["<!--xxxx-->", "<!--yyyy-->", "<!--zzzz-->"],
        ),
        spares("HTML_SPLIT_WORDS", page("a<!-- -->b a<!-- -->b a<!-- -->b x <!--note--> y")),
        notes("HTML_DISGUISED_TEXT", numbers(12)),
        spares("HTML_DISGUISED_TEXT", numbers(11)),
        points("HTML_MISNESTED", page("<div><b>Seen.</div>"), "<b>"),
        spares("HTML_MISNESTED", page("<table><tr><td><ul><li>Seen.<li>Too.</ul></table>")),
        points("HTML_UNCLOSED", page("<p>Seen.<div id=a>"), "<div id=a>"),
        spares("HTML_UNCLOSED", page("<html><body><p>Seen.<br><img src=x>")),
        points("HTML_DEEP_NESTING", nested(257), "<div>"),
        spares("HTML_DEEP_NESTING", nested(256)),
        points("HTML_CLIPPED", sized(102 * 1024 + 1), ">"),
        spares("HTML_CLIPPED", sized(102 * 1024)),
        points(
            "HTML_EMBEDDED_IMAGE",
            page("<img src='data:image/png;base64,AAAA'>"),
            "<img src='data:image/png;base64,AAAA'>",
        ),
        spares("HTML_EMBEDDED_IMAGE", page("<img src='https://data.com/a.png'>")),
        points(
            "HTML_LONG_LINE",
            page(&format!("<p>\n{}</p>", "x".repeat(995))),
            leaked(&format!("{}</p>", "x".repeat(995))),
        ),
        spares("HTML_LONG_LINE", page(&format!("<p>\n{}</p>", "x".repeat(994)))),
        notes("HTML_NO_DOCTYPE", page("<p>Seen.</p>")),
        spares("HTML_NO_DOCTYPE", page("<!doctype html><p>Seen.</p>")),
    ]
}

fn leaked(text: &str) -> &'static str {
    String::leak(text.to_owned())
}
