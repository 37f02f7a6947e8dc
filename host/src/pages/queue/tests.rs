use serde_json::{Value, json};

use super::*;

const NOON: &str = "2024-03-15T12:00:00Z";

fn copy(changes: &Value) -> Value {
    let copy = json!({ "email_id": "0195-id", "customer": "Acme", "from": "news@acme.example",
        "recipient": "ada@friends.example", "destination": "friends.example", "attempts": 0, "due_at": NOON,
        "state": "waiting", "response": null });
    changed(copy, changes)
}

fn destination(changes: &Value) -> Value {
    let destination = json!({ "destination": "friends.example", "copies": 1, "under_way": 0, "due_at": NOON,
        "paused_at": null, "reason": null });
    changed(destination, changes)
}

fn changed(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("it is an object") {
        object[name] = value.clone();
    }
    object
}

fn view(destinations: &[Value], copies: &[Value]) -> ListView {
    let waiting = json!({ "destinations": destinations, "copies": copies, "total": copies.len() });
    let waiting = serde_json::from_value(waiting).expect("it is what the command tells");
    ListView { waiting, page: 1, pages: 1, ..ListView::default() }
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn an_empty_queue_says_so_and_can_still_be_paused() {
    let page = list(&view(&[], &[]));
    has(&page, &["<h1>Queue</h1>", "Nothing waits", "href=\"/queue/pause\"", "aria-current=\"true\">Queue</a>"]);
    assert!(!page.contains("/queue/retry") && !page.contains("id=\"destinations\""), "{page}");
}

#[test]
fn a_destination_says_what_waits_and_since_when_it_is_held_back() {
    let busy = destination(&json!({ "copies": 3, "under_way": 2 }));
    has(
        &list(&view(&[busy], &[copy(&json!({}))])),
        &[
            "3 copies, 2 under way, the next due <time datetime=\"2024-03-15T12:00:00Z\">15 Mar 2024, 12:00:00</time>",
            "href=\"/queue?destination=friends.example\">friends.example</a></h3>",
            "href=\"/queue/retry?destination=friends.example\">Try now…<span class=\"unseen\"> (friends.example)",
            "href=\"/queue/pause?destination=friends.example\">Pause…",
            "href=\"/queue/retry?all=true\"",
        ],
    );
    let paused = destination(&json!({ "copies": 0, "due_at": null, "paused_at": NOON, "reason": "they <move>" }));
    let page = list(&view(&[paused], &[]));
    has(
        &page,
        &[
            "<span class=\"badge wait\">paused</span>",
            "12:00:00</time>: they &lt;move&gt;",
            "href=\"/queue/resume?destination=friends.example\">Resume…",
            "Nothing waits",
        ],
    );
    assert!(!page.contains("/queue/retry") && !page.contains("/queue/pause?"), "there is nothing to try: {page}");
    let all_under_way = list(&view(&[destination(&json!({ "copies": 2, "under_way": 2 }))], &[]));
    assert!(!all_under_way.contains("/queue/retry?destination"), "{all_under_way}");
}

#[test]
fn a_copy_tells_its_last_answer_and_what_can_be_done_about_it() {
    let fresh = list(&view(&[], &[copy(&json!({}))]));
    has(
        &fresh,
        &[
            "<h3>ada@friends.example <span class=\"badge plain\">waiting",
            "From news@acme.example (Acme), not tried yet, due <time",
            "href=\"/queue/retry?email_id=0195-id\">Try now…",
            "href=\"/queue/cancel?email_id=0195-id\">Take back…",
            "1 copy of an email waits",
        ],
    );
    let tried = list(&view(&[], &[copy(&json!({ "attempts": 2, "response": "450 4.2.0 <later>" }))]));
    has(&tried, &["tried 2 times", "Last answer: 450 4.2.0 &lt;later&gt;", "/queue/retry?email_id"]);
    assert!(!tried.contains("/queue/cancel"), "its delivery has begun");
    let leased = list(&view(&[], &[copy(&json!({ "attempts": 1, "state": "under_way" }))]));
    has(&leased, &["under way", "tried once"]);
    assert!(!leased.contains("/queue/retry?email_id") && !leased.contains(", due "), "{leased}");
    let held = destination(&json!({ "paused_at": NOON }));
    assert_eq!(list(&view(&[held], &[copy(&json!({}))])).matches("badge wait\">paused").count(), 2);
}

#[test]
fn a_page_about_one_destination_leads_on_and_back() {
    let mut one = view(&[destination(&json!({}))], &[copy(&json!({}))]);
    one.destination = Some("friends.example".into());
    (one.page, one.pages) = (2, 3);
    has(
        &list(&one),
        &[
            "<title>Queue for friends.example · Pillarbox</title>",
            "← The whole queue",
            "href=\"/queue?destination=friends.example&amp;page=1\">← Due before",
            "href=\"/queue?destination=friends.example&amp;page=3\">Due later →",
            "href=\"/login?to=%2Fqueue%3Fdestination%3Dfriends.example\"",
        ],
    );
    let nothing = ListView { destination: Some("x.example".into()), ..view(&[], &[]) };
    has(&list(&nothing), &["Nothing waits", "href=\"/queue/pause?destination=x.example\">Pause…"]);
    let mut behind = view(&[], &[]);
    (behind.waiting.total, behind.page) = (60, 9);
    has(&list(&behind), &["There is no page 9", "60 copies of emails wait"]);
}

#[test]
fn no_field_can_leave_its_place() {
    let hostile = "\"><img src=x onerror=alert(1)>'";
    let fields = ["email_id", "customer", "from", "recipient", "destination", "due_at", "state", "response"];
    let named =
        |fields: &[&str]| fields.iter().map(|name| ((*name).to_owned(), Value::from(hostile))).collect::<Value>();
    let mut view =
        view(&[destination(&named(&["destination", "due_at", "paused_at", "reason"]))], &[copy(&named(&fields))]);
    view.destination = Some(hostile.into());
    view.has_more_destinations = true;
    view.visitor.form_token = Some(hostile.into());
    let page = list(&view);
    assert!(!page.contains("<img"), "{page}");
    has(&page, &["These are the first 1:"]);
}

#[test]
fn headings_have_an_order() {
    for page in [list(&view(&[], &[])), list(&view(&[destination(&json!({}))], &[copy(&json!({}))]))] {
        assert_eq!(page.matches("<h1>").count(), 1);
        let levels: Vec<_> =
            page.match_indices("<h").filter_map(|(at, _)| page[at + 2..].chars().next()?.to_digit(10)).collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
        assert!(!page.contains("<script"));
    }
}
