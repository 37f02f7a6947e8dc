//! /api/customer/suppressions, /api/customer/unsubscribes

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::harness::{Answer, TestApp, TestCustomer};

const SUPPRESSIONS: &str = "/api/customer/suppressions";
const UNSUBSCRIBES: &str = "/api/customer/unsubscribes";

async fn send(customer: &TestCustomer, to: &str, stream: &str) -> Answer {
    let email = json!({ "to": to, "subject": "Hello", "text": "Hello", "stream_type": stream });
    customer.post("/api/send", email).await
}

/// An address is held back for this cause, in this stream.
async fn is_held_back(customer: &TestCustomer, to: &str, stream: &str, cause: &str) {
    send(customer, to, stream).await.refuses(422, "recipient_suppressed", cause);
}

async fn is_served(customer: &TestCustomer, to: &str, stream: &str) {
    let answer = send(customer, to, stream).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn delete(customer: &TestCustomer, path: &str) -> Answer {
    customer.call(Method::DELETE, path, None, &[]).await
}

async fn import(app: &TestApp, customer: &TestCustomer, list: impl Into<bytes::Bytes>) -> Answer {
    let request = Request::post(SUPPRESSIONS).header("content-type", "text/csv");
    let request = request.header("authorization", format!("Bearer {}", customer.key)).body(Full::new(list.into()));
    app.request(request.expect("it is a request")).await
}

async fn export(customer: &TestCustomer, query: &str) -> Answer {
    customer.call(Method::GET, &format!("{SUPPRESSIONS}{query}"), None, &[("accept", "text/csv")]).await
}

#[tokio::test]
async fn who_unsubscribes_by_the_api_gets_no_broadcasts_and_still_gets_receipts() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let wish = json!({ "email": "Ada@Example.com", "reason": "She asked on the phone" });
    acme.post(UNSUBSCRIBES, wish.clone()).await.is(
        201,
        json!({ "message": "Email unsubscribed successfully", "unsubscribe": {
            "id": "[id]", "email": "ada@example.com", "source": "api", "reason": "She asked on the phone",
            "created_at": "2024-03-15T14:30:00Z",
        } }),
    );
    is_held_back(&acme, "ada@example.com", "broadcast", "unsubscribe").await;
    is_served(&acme, "ada@example.com", "transactional").await;
    let again = acme.post(UNSUBSCRIBES, wish).await;
    again.is(409, json!({ "error": "Already unsubscribed", "code": "already_unsubscribed", "request_id": "[id]" }));

    let path = format!("{UNSUBSCRIBES}/ADA%40example.com");
    let expected = json!({ "message": "Email re-subscribed successfully", "email": "ada@example.com" });
    delete(&acme, &path).await.is(200, expected);
    delete(&acme, &path).await.is(404, json!({ "error": "Not found", "code": "not_found", "request_id": "[id]" }));
    is_served(&acme, "ada@example.com", "broadcast").await;
}

#[tokio::test]
async fn what_is_no_address_or_no_domain_of_the_callers_is_refused() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.customer("acme").await, app.customer("rival").await);
    let wish = async |fields: Value| acme.post(UNSUBSCRIBES, fields).await;
    let answer = wish(json!({ "email": "ada" })).await;
    assert_eq!(answer.json()["error"], "Invalid email address");
    answer.refuses(400, "invalid_request", "/email");
    wish(json!({})).await.refuses(400, "invalid_request", "email is required");
    wish(json!({ "email": "ada@example.com", "domain_id": "x" })).await.refuses(400, "invalid_request", "/domain_id");
    let unknown = json!({ "email": "ada@example.com", "domain_id": "018e4285-0eb8-7000-8000-000000000000" });
    wish(unknown).await.refuses(404, "not_found", "Domain");
    let reason = |bytes| json!({ "email": "ada@example.com", "reason": "x".repeat(bytes) });
    wish(reason(1_001)).await.refuses(400, "invalid_request", "/reason");
    assert_eq!(wish(reason(1_000)).await.status, 201);
    assert_eq!(rival.get(UNSUBSCRIBES).await.json()["pagination"]["total"], 0, "another customer has lists of its own");
    delete(&rival, &format!("{UNSUBSCRIBES}/ada@example.com")).await.refuses(404, "not_found", "Not found");
    delete(&acme, &format!("{UNSUBSCRIBES}/%ff")).await.refuses(404, "not_found", "Not found");
    is_held_back(&acme, "ada@example.com", "broadcast", "unsubscribe").await;
}

#[tokio::test]
async fn unsubscribes_are_listed_newest_first_with_the_way_they_came() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for name in ["ada", "bob", "cyd"] {
        app.pass(1_000);
        let wish = json!({ "email": format!("{name}@example.com") });
        assert_eq!(acme.post(UNSUBSCRIBES, wish).await.status, 201);
    }
    app.pass(1_000);
    let list = "email,cause\ndan@example.com,unsubscribe\neve@example.com,complaint\n";
    assert_eq!(import(&app, &acme, list).await.json()["added"], 2);
    let listed = async |query: &str| {
        let answer = acme.get(&format!("{UNSUBSCRIBES}?{query}")).await.json();
        let rows = answer["unsubscribes"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        let row =
            |row: &Value| format!("{}:{}", row["email"].as_str().expect("text"), row["source"].as_str().expect("text"));
        (rows.map(row).collect::<Vec<_>>(), answer["pagination"]["total"].clone(), answer["next_cursor"].clone())
    };
    let (first, total, cursor) = listed("limit=2").await;
    assert_eq!((first, total), (vec!["dan@example.com:manual".into(), "cyd@example.com:api".into()], json!(4)));
    let (rest, _, end) = listed(&format!("limit=2&cursor={}", cursor.as_str().expect("there is more"))).await;
    assert_eq!((rest, end), (vec!["bob@example.com:api".into(), "ada@example.com:api".into()], Value::Null));
    assert_eq!(listed("email=BOB").await.0, ["bob@example.com:api"]);
}

#[tokio::test]
async fn an_address_is_suppressed_by_hand_in_one_stream_or_in_all() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let add = async |fields: Value| acme.post(SUPPRESSIONS, fields).await;
    add(json!({ "email": "ada@example.com", "reason": "Left the company" })).await.is(
        201,
        json!({ "suppression": {
            "id": "[id]", "email": "ada@example.com", "stream_type": null, "cause": "manual", "source": null,
            "reason": "Left the company", "created_at": "2024-03-15T14:30:00Z",
        } }),
    );
    assert_eq!(add(json!({ "email": "bob@example.com", "stream_type": "broadcast" })).await.status, 201);
    for stream in ["broadcast", "transactional"] {
        is_held_back(&acme, "ada@example.com", stream, "manual").await;
    }
    is_held_back(&acme, "bob@example.com", "broadcast", "manual").await;
    is_served(&acme, "bob@example.com", "transactional").await;
    add(json!({ "email": "ADA@example.com" })).await.refuses(409, "already_suppressed", "already");
    add(json!({ "email": "ada@example.com", "stream_type": "spam" })).await.refuses(
        400,
        "invalid_request",
        "/stream_type",
    );
    add(json!({ "email": "ada@example.com", "cause": "whim" })).await.refuses(400, "invalid_request", "/cause");
    let other = app.request(
        Request::post(SUPPRESSIONS)
            .header("authorization", format!("Bearer {}", acme.key))
            .header("content-type", "text/plain")
            .body(Full::default())
            .expect("it is a request"),
    );
    other.await.refuses(415, "unsupported_media_type", "application/json or text/csv");

    let path = |name: &str, query: &str| format!("{SUPPRESSIONS}/{name}@example.com{query}");
    delete(&acme, &path("ada", "?stream_type=broadcast")).await.refuses(404, "not_found", "Not found");
    is_held_back(&acme, "ada@example.com", "broadcast", "manual").await;
    let expected = json!({ "message": "Suppression removed successfully", "email": "ada@example.com", "removed": 1 });
    delete(&acme, &path("ada", "")).await.is(200, expected);
    is_served(&acme, "ada@example.com", "broadcast").await;
    assert_eq!(delete(&acme, &path("bob", "?stream_type=broadcast")).await.status, 200);
    is_served(&acme, "bob@example.com", "broadcast").await;
    delete(&acme, &path("bob", "?stream_type=spam")).await.refuses(400, "invalid_request", "stream_type");
}

#[tokio::test]
async fn lifting_one_cause_leaves_the_others() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let id = acme.send("ada@example.com").await;
    app.deliver().await;
    let complaint = json!({ "emailId": id, "recipientEmail": "ada@example.com" });
    assert_eq!(app.notify("/webhooks/complaint", complaint).await.status, 200);
    assert_eq!(acme.post(UNSUBSCRIBES, json!({ "email": "ada@example.com" })).await.status, 201);
    assert_eq!(delete(&acme, &format!("{UNSUBSCRIBES}/ada@example.com")).await.status, 200);
    for stream in ["broadcast", "transactional"] {
        is_held_back(&acme, "ada@example.com", stream, "complaint").await;
    }
}

#[tokio::test]
async fn suppressions_are_listed_with_their_cause_and_found_by_it() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let list = "email,stream_type,cause,reason\n\
                ada@example.com,,hard_bounce,550 no such user\n\
                bob@example.com,broadcast,,\n\
                cyd@example.com,transactional,complaint,\n";
    assert_eq!(
        import(&app, &acme, list).await.json(),
        json!({ "total": 3, "added": 3, "known": 0, "failed": 0, "errors": [] })
    );
    let listed = async |query: &str| {
        let answer = acme.get(&format!("{SUPPRESSIONS}?{query}")).await.json();
        let rows = answer["suppressions"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
        let names: String = rows.map(|row| row["email"].as_str().expect("text")[..1].to_owned()).collect();
        assert_eq!(
            answer["pagination"]["total"].as_u64().expect("a number"),
            if query == "limit=1" { 3 } else { names.len() as u64 }
        );
        names
    };
    assert_eq!(listed("").await, "cba");
    assert_eq!(listed("limit=1").await, "c");
    assert_eq!(listed("cause=hard_bounce").await, "a");
    assert_eq!(listed("stream_type=broadcast").await, "ba", "what holds back every stream holds back this one");
    assert_eq!(listed("address=CYD@").await, "c");
    acme.get(&format!("{SUPPRESSIONS}?cause=whim")).await.refuses(400, "invalid_request", "cause");
    assert_eq!(rival.get(SUPPRESSIONS).await.json()["pagination"]["total"], 0);
}

#[tokio::test]
async fn a_list_tells_which_of_its_lines_are_wrong_and_takes_the_others() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let list: &[u8] = b"\xef\xbb\xbfName, E-Mail ,EMAIL,cause,stream_type\r\n\
        Ada,x,ada@example.com,,\r\n\
        Bob,x,bob,,\r\n\
        \"Cyd, \"\"the\"\" third\",x, CYD@example.com ,,\r\n\
        Dan,x,dan@example.com,whim,\r\n\
        Eve,x,eve@example.com,,spam\r\n\
        \xff,x,\xff@example.com,,\r\n\
        Fay,x\r\n\
        Ada,x,Ada@example.com,,\r\n";
    let answer = import(&app, &acme, list).await;
    answer.is(
        200,
        json!({ "total": 8, "added": 2, "known": 1, "failed": 5, "errors": [
            { "line": 3, "error": "the address has no @; write it as name@example.com" },
            { "line": 5, "error": "cause is none of hard_bounce, soft_bounces, complaint, unsubscribe and manual" },
            { "line": 6, "error": "stream_type is neither transactional nor broadcast" },
            { "line": 7, "error": "the line is not UTF-8" },
            { "line": 8, "error": "email is required" },
        ] }),
    );
    is_held_back(&acme, "cyd@example.com", "transactional", "manual").await;
    import(&app, &acme, "e-mail;cause\nada@example.com;manual\n").await.refuses(400, "invalid_request", "commas");
    import(&app, &acme, "").await.refuses(400, "invalid_request", "first line");
}

#[tokio::test]
async fn ten_thousand_lines_are_taken_and_one_more_changes_nothing() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let list = |lines: usize| {
        let lines = (0..lines).map(|n| format!("ada{n}@example.com\n"));
        std::iter::once("email\n".to_owned()).chain(lines).collect::<String>()
    };
    import(&app, &acme, list(10_001)).await.refuses(400, "invalid_request", "10000 lines");
    assert_eq!(acme.get(SUPPRESSIONS).await.json()["pagination"]["total"], 0);
    assert_eq!(import(&app, &acme, list(10_000)).await.json()["added"], 10_000);
    let exported = export(&acme, "").await.text();
    assert_eq!(exported.lines().count(), 10_001, "an export has all of them, however many pages that are");
    assert_eq!(export(&acme, "?address=ada9999@").await.text().lines().count(), 2);
}

#[tokio::test]
async fn a_list_has_five_mebibytes_and_not_one_byte_more() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let list = |bytes: usize| {
        let start = "email,note\nada@example.com,";
        format!("{start}{}", "x".repeat(bytes - start.len()))
    };
    assert_eq!(import(&app, &acme, list(5 * 1024 * 1024)).await.json()["added"], 1);
    import(&app, &acme, list(5 * 1024 * 1024 + 1)).await.refuses(413, "body_too_large", "5242880");
}

#[tokio::test]
async fn what_is_exported_comes_back_as_it_was() {
    let app = TestApp::start().await;
    let (acme, other) = (app.customer("acme").await, app.customer("other").await);
    let list = "email,stream_type,cause,reason\n\
                '=1+1@example.com,,hard_bounce,'=SUM(A1)\n\
                '+1@example.com,broadcast,unsubscribe,\"one, \"\"two\"\"\nthree\"\n\
                érika@example.com,transactional,manual,\n";
    assert_eq!(import(&app, &acme, list).await.json()["added"], 3);
    let exported = export(&acme, "").await;
    assert_eq!(exported.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    let text = exported.text();
    let expected = "email,stream_type,cause,reason,source,created_at\r\n\
        érika@example.com,transactional,manual,,,2024-03-15T14:30:00Z\r\n\
        '+1@example.com,broadcast,unsubscribe,\"one, \"\"two\"\"\nthree\",manual,2024-03-15T14:30:00Z\r\n\
        '=1+1@example.com,,hard_bounce,'=SUM(A1),,2024-03-15T14:30:00Z\r\n";
    assert_eq!(text, expected);
    let kept = async |customer: &TestCustomer| {
        let mut rows = customer.get(SUPPRESSIONS).await.json()["suppressions"].take();
        for row in rows.as_array_mut().expect("a list") {
            row["id"].take();
        }
        let mut rows = rows.as_array().expect("a list").clone();
        rows.sort_by_key(ToString::to_string);
        rows
    };
    assert_eq!(import(&app, &other, text).await.json()["added"], 3);
    assert_eq!(kept(&acme).await, kept(&other).await);
    is_held_back(&acme, "=1+1@example.com", "transactional", "hard_bounce").await;
}
