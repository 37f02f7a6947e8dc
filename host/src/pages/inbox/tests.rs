use serde_json::{Value, json};

use super::*;

const NOON: &str = "2024-03-15T12:00:00Z";

fn row(changes: &Value) -> Value {
    let row = json!({ "id": "0195-id", "source": "bounce", "verified": false, "state": "matched", "received_at": NOON,
        "content_type": "message/rfc822; charset=utf-8", "bytes": 2_000, "accepted": 1, "duplicates": 0, "unmatched": 0,
        "guessed": 0, "attempts": 1, "replays": 0, "due_at": null, "settled_at": NOON, "plugin": "builtin@1.0.0",
        "error": null });
    changed(row, changes)
}

fn shown(changes: &Value) -> Shown {
    let whole = changed(
        row(&json!({})),
        &json!({ "provider": null, "customer_id": null, "source_key": null,
            "headers": [["content-type", "message/rfc822"]],
            "outcome": { "events": [{ "kind": "bounce", "bounce_type": "hard", "recipient": "ada@example.com",
                "reason": "550 <gone>", "provider": "rfc3464", "class": "user-unknown", "enhanced_code": "5.1.1" }],
                "ignored": [{ "index": 1, "reason": "a <copy>" }] },
            "matches": [{ "event": 0, "result": "accepted", "by": "bounce_address", "email_id": "0195-email",
                "recipient": "ada@example.com" }],
            "body_encoding": "text", "body": "Subject: <b>x</b>" }),
    );
    serde_json::from_value(changed(whole, changes)).expect("it is what the command tells")
}

fn changed(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("it is an object") {
        object[name] = value.clone();
    }
    object
}

fn view(rows: &[Value]) -> ListView {
    let kept = json!({ "totals": [{ "state": "matched", "rows": rows.len(), "oldest_at": NOON }],
        "sources": ["bounce", "acme <ses>"], "rows": rows, "total": rows.len() });
    let kept = serde_json::from_value(kept).expect("it is what the command tells");
    ListView { kept, page: 1, pages: 1, ..ListView::default() }
}

fn page_of(shown: Shown) -> String {
    show(&ShowView { shown, done: None, visitor: Visitor::default() })
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn an_empty_inbox_says_what_comes_here() {
    let page = list(&ListView::default());
    has(&page, &["<h1>Inbox</h1>", "Nothing came in yet", "aria-current=\"true\">Inbox</a>"]);
    assert!(!page.contains("/inbox/replay"), "{page}");
}

#[test]
fn a_list_leads_to_rows_states_and_sources() {
    let page = list(&view(&[row(&json!({})), row(&json!({ "state": "refused", "accepted": 0 }))]));
    has(
        &page,
        &[
            "href=\"/inbox/0195-id\"><time datetime=\"2024-03-15T12:00:00Z\">15 Mar 2024, 12:00:00</time></a>",
            "<span class=\"badge good\">matched</span>",
            "From bounce, message/rfc822, 2 KiB",
            "1 event recorded.",
            "<span class=\"badge bad\">refused</span>",
            "It could not be read.",
            "href=\"/inbox?state=matched\">Matched<span class=\"count\">2</span>",
            "href=\"/inbox\" aria-current=\"page\">All</a>",
            "<strong>everywhere</strong>",
            "href=\"/inbox?source=acme+%3Cses%3E\">acme &lt;ses&gt;</a>",
            "href=\"/inbox/replay?all=true\">Read these again…",
        ],
    );
}

#[test]
fn a_filter_stays_through_every_link() {
    let mut one = view(&[row(&json!({ "state": "unmatched", "accepted": 0, "unmatched": 2, "guessed": 1 }))]);
    (one.state, one.source, one.page, one.pages) = (Some("unmatched"), Some("bounce".into()), 2, 3);
    has(
        &list(&one),
        &[
            "2 events without an email, 1 event with a guess.",
            "href=\"/inbox/replay?state=unmatched&amp;source=bounce\"",
            "href=\"/inbox?state=unmatched&amp;source=bounce&amp;page=1\">← Newer",
            "href=\"/inbox?state=matched&amp;source=bounce\"",
            "href=\"/inbox?state=unmatched\">everywhere</a>",
        ],
    );
    let mut waiting = view(&[row(&json!({ "state": "received", "accepted": 0, "due_at": NOON }))]);
    waiting.state = Some("received");
    let page = list(&waiting);
    has(&page, &["It waits to be read."]);
    assert!(!page.contains("/inbox/replay"), "what waits is read by itself: {page}");
    has(&list(&view(&[])), &["Nothing like that is kept"]);
}

#[test]
fn a_row_shows_what_came_and_what_was_made_of_it() {
    let page = page_of(shown(&json!({})));
    has(
        &page,
        &[
            "<h1>From bounce</h1>",
            "<h3>Bounce, hard: ada@example.com</h3>",
            "rfc3464, user-unknown, 5.1.1",
            "550 &lt;gone&gt;",
            "Recorded for ada@example.com of <code>0195-email</code>, found by bounce address",
            "a &lt;copy&gt;",
            "<pre class=\"letter\" tabindex=\"0\" aria-label=\"Body\">Subject: &lt;b&gt;x&lt;/b&gt;</pre>",
            "href=\"/inbox/replay?id=0195-id\">Read again…",
            "builtin@1.0.0",
        ],
    );
    let waits = page_of(shown(&json!({ "state": "received", "due_at": NOON, "error": "no <turn>", "attempts": 3 })));
    has(&waits, &["class=\"alarm\">no &lt;turn&gt;", "<dt>Due</dt>", "3 times"]);
    assert!(!waits.contains("/inbox/replay"), "{waits}");
    let found = json!([{ "event": 0, "result": "guessed", "by": "guess", "email_id": "e", "recipient": "ada@x" }]);
    has(&page_of(shown(&json!({ "matches": found }))), &["perhaps it is about ada@x of <code>e</code>"]);
    has(&page_of(shown(&json!({ "matches": [] }))), &["No news about an email."]);
}

#[test]
fn a_large_body_is_cut_and_says_so() {
    let inside = page_of(shown(&json!({ "body": "x".repeat(BODY_BYTES_MAX) })));
    assert!(!inside.contains("This is the beginning"));
    let outside = page_of(shown(&json!({ "body": "x".repeat(BODY_BYTES_MAX + 1) })));
    has(&outside, &["This is the beginning", "pillarbox inbox show 0195-id"]);
    has(&page_of(shown(&json!({ "body_encoding": "base64", "body": "AAEC" }))), &["It is no text"]);
}

#[test]
fn no_field_can_leave_its_place() {
    let hostile = "\"><img src=x onerror=alert(1)>'";
    let fields = ["id", "source", "state", "received_at", "content_type", "due_at", "plugin", "error"];
    let named = |fields: &[&str]| fields.iter().map(|name| ((*name).to_owned(), json!(hostile))).collect::<Value>();
    let mut many = view(&[row(&named(&fields))]);
    many.source = Some(hostile.into());
    many.kept.sources = vec![hostile.into()];
    many.done = Some(hostile.into());
    let mut one = named(&fields);
    let event = named(&["kind", "bounce_type", "recipient", "reason", "provider", "class", "enhanced_code"]);
    one["outcome"] = json!({ "events": [event], "ignored": [{ "reason": hostile }] });
    let mut found = named(&["result", "by", "email_id", "recipient"]);
    found["event"] = json!(0);
    one["matches"] = json!([found]);
    one["headers"] = json!([[hostile, hostile]]);
    one["provider"] = json!(hostile);
    one["body"] = json!(hostile);
    for page in [list(&many), page_of(shown(&one))] {
        assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
    }
}

#[test]
fn headings_have_an_order() {
    for page in [list(&view(&[])), list(&view(&[row(&json!({}))])), page_of(shown(&json!({})))] {
        assert_eq!(page.matches("<h1>").count(), 1);
        let levels: Vec<_> =
            page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    }
}
