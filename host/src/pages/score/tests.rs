use serde_json::{Value, json};

use super::*;

const MAIL: &str = "From: \"Ada <b>\" <ada@example.org>\r\nTo: bob@example.com\r\nSubject: Lunch <now>\r\nX-Odd: a&b\r\n\
                    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                    Content-Type: text/html; charset=utf-8\r\n\r\n<p>one</p>\r\n<p>two</p>\r\n--b\r\n\
                    Content-Type: application/pdf; name=\"a<b>.pdf\"\r\n\r\nx\r\n--b--\r\n";

fn finding(changes: &Value) -> Value {
    let mut finding = json!({ "rule": "ODD", "category": "links", "severity": "warning", "points": 1.5,
        "message": "It is odd.", "suggestion": "Make it even." });
    for (name, value) in changes.as_object().expect("it is an object") {
        finding[name] = value.clone();
    }
    finding
}

fn at(part: &str, offset: usize, length: usize) -> Value {
    json!({ "part": part, "offset": offset, "length": length })
}

fn judged(findings: &[Value]) -> Judged {
    let judged = json!({ "score": 38, "spam_score": 6.25, "verdict": "reject", "probability": 0.93,
        "findings": findings, "plugins": [{ "name": "guest", "version": "1.0.0", "duration_us": 880, "error": null }] });
    serde_json::from_value(judged).expect("it is what the command tells")
}

fn view(findings: &[Value]) -> ReportView {
    ReportView {
        judged: judged(findings),
        message: ParsedMessage::parse(MAIL.as_bytes()).expect("it is a message"),
        given: MAIL.into(),
        message_bytes_max: 1024,
        visitor: Visitor { form_token: Some("f00".into()) },
    }
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn a_form_takes_a_message_pasted_or_as_a_file() {
    let visitor = Visitor { form_token: Some("f\"00".into()) };
    let asking = FormView { given: "</textarea><b>".into(), wrong: None, message_bytes_max: 1_048_577, visitor };
    let page = form(&asking);
    has(
        &page,
        &[
            "action=\"/score\" enctype=\"multipart/form-data\"",
            "name=\"form\" value=\"f&quot;00\"",
            "<label for=\"message\">",
            "\n&lt;/textarea&gt;&lt;b&gt;</textarea>",
            "<label for=\"file\">",
            "at most 2 MiB",
            "href=\"/rules\"",
            "href=\"/score\" aria-current=\"true\">Score</a>",
        ],
    );
    assert!(!page.contains("role=\"alert\""));
    has(&form(&FormView { wrong: Some("It <is> wrong".into()), ..asking }), &["role=\"alert\">It &lt;is&gt; wrong"]);
    assert!(!form(&FormView::default()).contains("<textarea"), "a program gets no form");
}

#[test]
fn a_report_tells_the_verdict_in_a_drawing_and_in_words() {
    let page = report(&view(&[]));
    has(
        &page,
        &[
            "<h1>Lunch &lt;now&gt;</h1>",
            "Mail filters will take it for spam.",
            "aria-label=\"6.25 points on a scale from 0 to 10: review from 3, spam from 5\"",
            "<span class=\"badge bad\">reject</span>",
            "<dd>38 of 100</dd>",
            "<dt>Probability</dt><dd>93\u{a0}% that it is spam</dd>",
            "guest@1.0.0 in 880\u{a0}µs",
            "No rule found anything.",
            "Nothing in it costs points.",
        ],
    );
    let mut quiet = view(&[]);
    (quiet.judged.probability, quiet.judged.spam_score, quiet.judged.verdict) = (None, -0.5, "pass".into());
    quiet.judged.plugins[0].error = Some("it <trapped>".into());
    quiet.judged.degraded = true;
    quiet.message.subject = Some("  ".into());
    let page = report(&quiet);
    has(
        &page,
        &[
            "<h1>A message without a subject",
            "\u{2212}0.5 points on",
            "badge good",
            "it &lt;trapped&gt;",
            "in its place",
        ],
    );
    assert!(!page.contains("Probability"));
}

#[test]
fn findings_stand_by_category_and_lead_to_their_places_and_rules() {
    let findings = [
        finding(
            &json!({ "points": 4.0, "category": "html", "location": at("html", 3, 3), "suggestion": "Say <less>." }),
        ),
        finding(&json!({ "points": 3.0, "rule": "LINK_A", "location": at("subject", 0, 5) })),
        finding(&json!({ "points": 2.5, "severity": "error", "message": "“<a>” leads away." })),
        finding(&json!({ "points": 0.0, "category": "", "severity": "info",
            "location": { "part": "headers", "index": 3, "offset": 1, "length": 1 } })),
        finding(&json!({ "points": -1.0, "category": "model", "location": at("html", 15, 3) })),
    ];
    let page = report(&view(&findings));
    has(
        &page,
        &[
            "<h3 class=\"category\">links <span class=\"quiet\">2 findings, 5.5 points</span></h3>",
            "<h3 class=\"category\">other <span class=\"quiet\">1 finding, 0 points</span></h3>",
            "<li id=\"finding-1\"",
            "href=\"#place-1\" aria-label=\"Finding 1: show it in the message (html, line 1)\">1</a>",
            "<a href=\"/rules/LINK_A\"><code>LINK_A</code></a> <a href=\"#place-2\">subject</a>",
            "<span class=\"pin\">3</span> <b>“&lt;a&gt;” leads away.</b>",
            "href=\"#place-4\">header X-Odd</a>",
            "+2.5<span",
            "<p class=\"points\">\u{2212}1<span",
            "href=\"#place-5\">html, line 2</a>",
            "&lt;p&gt;<mark><a class=\"pin\" id=\"place-1\" href=\"#finding-1\" aria-label=\"Finding 1\">1</a>one</mark>&lt;/p&gt;",
            "id=\"place-2\" href=\"#finding-2\" aria-label=\"Finding 2\">2</a>Lunch</mark> &lt;now&gt;",
            "<details class=\"headers\" open>",
            "a<mark><a class=\"pin\" id=\"place-4\"",
        ],
    );
    let categories =
        [">links ", ">html ", ">other ", ">model "].map(|name| page.find(&format!("class=\"category\"{name}")));
    assert!(categories.is_sorted() && categories[0].is_some(), "{categories:?}");
    let advice: Vec<_> = page.split("<ol>").nth(1).and_then(|list| list.split("</ol>").next()).into_iter().collect();
    assert!(
        advice[0]
            .starts_with("<li>Make it even. <span class=\"quiet\"><a href=\"#finding-2\">Finding 2</a>, 5.5 points"),
        "{advice:?}"
    );
    has(advice[0], &["Say &lt;less&gt;."]);
}

#[test]
fn the_message_is_text_whatever_it_holds() {
    let page = report(&view(&[]));
    has(
        &page,
        &[
            "<dt>From</dt><dd>Ada &lt;b&gt; ada@example.org</dd>",
            "<dt>Subject</dt><dd>Lunch &lt;now&gt;</dd>",
            "<h3>Source of the html</h3>",
            "&lt;p&gt;two&lt;/p&gt;",
            "<dt>X-Odd</dt><dd>a&amp;b</dd>",
            "a&lt;b&gt;.pdf",
            "application/pdf, 1 bytes",
            "<details class=\"headers\"><summary>All 6 headers</summary>",
        ],
    );
    assert!(!page.contains("<p>one") && !page.contains("<h3>Text</h3>"), "{page}");
    let hostile = "\"><img src=x onerror=alert(1)></textarea>'";
    let names = ["rule", "category", "severity", "message", "suggestion"];
    let fields: Value = names.iter().map(|name| ((*name).to_owned(), Value::from(hostile))).collect();
    let mut view = view(&[finding(&fields)]);
    view.judged.verdict = hostile.into();
    view.judged.plugins[0].name = hostile.into();
    view.given = hostile.into();
    view.visitor.form_token = Some(hostile.into());
    let pair = || (hostile.to_owned(), hostile.to_owned());
    view.message = ParsedMessage {
        from: Some(pair()),
        reply_to: Some(pair()),
        to: vec![pair()],
        subject: Some(hostile.into()),
        html: Some(hostile.into()),
        text: Some(hostile.into()),
        headers: vec![pair()],
        ..view.message
    };
    view.message.attachments[0].content_type = hostile.into();
    let page = report(&view);
    assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
}

#[test]
fn findings_and_suggestions_have_bounds() {
    let of = |count: usize| {
        let findings: Vec<_> =
            (0..count).map(|number| finding(&json!({ "suggestion": format!("Change {number}.") }))).collect();
        report(&view(&findings))
    };
    let inside = of(FINDINGS_SHOWN_MAX);
    assert!(inside.contains("id=\"finding-200\"") && !inside.contains("have most points"));
    let outside = of(FINDINGS_SHOWN_MAX + 1);
    has(&outside, &["id=\"finding-200\"", "These are the 200 of 201 that have most points"]);
    assert!(!outside.contains("id=\"finding-201\""));
    let advice = |count: usize| {
        of(count)
            .split("<ol>")
            .nth(1)
            .map(|rest| rest.split("</ol>").next().unwrap_or_default().matches("<li>").count())
    };
    assert_eq!((advice(SUGGESTIONS_SHOWN_MAX), advice(SUGGESTIONS_SHOWN_MAX + 1)), (Some(5), Some(5)));
}

#[test]
fn what_is_shown_of_a_message_has_bounds() {
    let of = |html: String, offset: usize| {
        let mut view = view(&[finding(&json!({ "location": at("html", offset, 1) }))]);
        view.message.html = Some(html);
        report(&view)
    };
    let bytes_max = letter::TEXT_SHOWN_BYTES_MAX;
    let inside = of("x".repeat(bytes_max), bytes_max - 1);
    assert!(inside.contains("id=\"place-1\"") && !inside.contains("These are the first"));
    let outside = of("x".repeat(bytes_max + 1), bytes_max);
    has(&outside, &["These are the first 65536 of 65537 bytes.", "html, line 1 (not shown below)"]);
    assert!(!outside.contains("place-1"));
    has(&of("é".repeat(bytes_max), 0), &["id=\"place-1\"", "These are the first 65536 of 131072 bytes."]);

    let mut many = view(&[]);
    let person = |number: usize| (String::new(), format!("person{number}@example.com"));
    many.message.to = (0..20).map(person).collect();
    many.message.headers = (0..100).map(|number| (format!("X-{number}"), "y".repeat(2_048))).collect();
    let file = many.message.attachments[0].clone();
    many.message.attachments = vec![file.clone(); 50];
    let inside = report(&many);
    has(&inside, &["person19@", "<dt>X-99</dt>"]);
    assert!(!inside.contains("more</span>") && !inside.contains("These are the first") && !inside.contains("… ("));
    many.message.to.push(person(20));
    many.message.headers.push(("X-100".into(), String::new()));
    many.message.headers[0].1.push('y');
    many.message.attachments.push(file);
    let outside = report(&many);
    has(&outside, &["and 1 more</span>", "first 100 of them", "first 50 of 51", "… (2049 bytes)"]);
    assert!(!outside.contains("person20@") && !outside.contains("X-100"));
}

#[test]
fn a_message_comes_back_to_be_changed_unless_it_is_long_or_no_text() {
    let again = |given: Vec<u8>| report(&ReportView { given, ..view(&[]) }).contains("Change it and judge it again");
    assert!(again(MAIL.into()) && again(vec![b'x'; GIVEN_BYTES_MAX]));
    assert!(!again(vec![b'x'; GIVEN_BYTES_MAX + 1]) && !again(b"\xff".to_vec()));
    let program = ReportView { visitor: Visitor::default(), ..view(&[]) };
    assert!(!report(&program).contains("<textarea"));
}

#[test]
fn numbers_are_for_people() {
    for (given, expected) in [(0.0, "0"), (-0.0, "0"), (-0.001, "0"), (2.0, "2"), (0.3, "0.3"), (-6.22, "\u{2212}6.22")]
    {
        assert_eq!(points(given), expected, "{given}");
    }
    assert_eq!([0.0, 0.5, 0.991].map(chance), ["less than 1\u{a0}%", "50\u{a0}%", "more than 99\u{a0}%"]);
}
