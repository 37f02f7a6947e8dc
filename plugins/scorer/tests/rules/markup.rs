//! Html that browsers show and mail programs do not.

use super::support::{Case, page, points, points_all, spares};

pub fn cases() -> Vec<Case> {
    let sheet = |bytes: usize| page(&format!("<style>{}</style><p>Notes</p>", " ".repeat(bytes)));
    let blanks: &'static str = Box::leak(" ".repeat(8193).into_boxed_str());
    vec![
        points("HTML_MEDIA", page("<video src='a.mp4'></video>"), "<video src='a.mp4'>"),
        spares("HTML_MEDIA", page("<a href='https://engine.example/a.mp4'>the film</a>")),
        points("HTML_DRAWING", page("<p><svg width='9'></svg></p>"), "<svg width='9'>"),
        spares("HTML_DRAWING", page("<img src='https://engine.example/a.svg' alt='a'>")),
        points("HTML_FORM_FIELD", page("<input type='text'>"), "<input type='text'>"),
        spares("HTML_FORM_FIELD", page("<input type='hidden' value='1'>")),
        points("HTML_IMAGE_MAP", page("<map name='m'></map>"), "<map name='m'>"),
        spares("HTML_IMAGE_MAP", page("<p>the map</p>")),
        points_all(
            "HTML_OLD_ELEMENTS",
            page("<font>a</font><center>b</center><big>c</big>"),
            &["<font>", "<center>", "<big>"],
        ),
        spares("HTML_OLD_ELEMENTS", page("<font>a</font><center>b</center>")),
        points("HTML_INTERACTIVE", page("<details>more</details>"), "<details>"),
        spares("HTML_INTERACTIVE", page("<p>details</p>")),
        points("HTML_NESTED_LINK", page("<a href='#a'>one <a href='#b'>two</a>"), "<a href='#b'>"),
        spares("HTML_NESTED_LINK", page("<a href='#a'>one</a> <a href='#b'>two</a>")),
        points("HTML_SECOND_BODY", page("<body>one<body class='x'>two"), "<body class='x'>"),
        spares("HTML_SECOND_BODY", page("<body>one</body>")),
        points("HTML_POSITIONED", page("<p style='position:absolute'>a</p>"), "<p style='position:absolute'>"),
        spares("HTML_POSITIONED", page("<p style='position:relative'>a</p>")),
        points("HTML_FLEX_LAYOUT", page("<p style='display:flex'>a</p>"), "<p style='display:flex'>"),
        spares("HTML_FLEX_LAYOUT", page("<p style='display:block'>a</p>")),
        points(
            "HTML_BACKGROUND_IMAGE",
            page("<p style='background:url(a.png)'>a</p>"),
            "<p style='background:url(a.png)'>",
        ),
        points("HTML_BACKGROUND_IMAGE", page("<p background='a.png'>a</p>"), "<p background='a.png'>"),
        spares("HTML_BACKGROUND_IMAGE", page("<p style='background:#fff'>a</p>")),
        points("HTML_NEGATIVE_MARGIN", page("<p style='margin:0 -9px'>a</p>"), "<p style='margin:0 -9px'>"),
        spares("HTML_NEGATIVE_MARGIN", page("<p style='margin:0 9px'>a-b</p>")),
        points("HTML_STYLE_VARIABLE", page("<p style='color:var(--ink)'>a</p>"), "<p style='color:var(--ink)'>"),
        spares("HTML_STYLE_VARIABLE", page("<p style='color:#111'>var(--ink)</p>")),
        points("HTML_STYLE_IMPORT", page("<style>@import 'a.css';</style>"), "@import 'a.css';"),
        spares("HTML_STYLE_IMPORT", page("<style>p{margin:0}</style><p>@import</p>")),
        points("HTML_STYLE_SHEET_LARGE", sheet(8193), blanks),
        spares("HTML_STYLE_SHEET_LARGE", sheet(8192)),
    ]
}
