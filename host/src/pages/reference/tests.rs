//! The reference of a small service, and of documents that are nothing like one.

use super::*;
use serde_json::json;

/// A service that is small and has everything.
fn sample() -> Json {
    serde_json::from_str(include_str!("sample.json")).expect("the sample is JSON")
}

#[track_caller]
fn has(page: &str, pieces: &[&str]) {
    for piece in pieces {
        assert!(page.contains(piece), "the page lacks {piece}");
    }
}

#[test]
fn every_operation_has_a_place_and_a_link_to_it() {
    let page = page(&sample());
    for anchor in
        ["post-api-send", "get-api-emails-email-id", "get-api-v1-events", "get-track-c-token", "post-webhooks-bounce"]
    {
        has(&page, &[&format!("href=\"#{anchor}\""), &format!("<h3 id=\"{anchor}\">")]);
    }
    has(&page, &["<h1 id=\"title\">Pillarbox API</h1>", "API reference 0.1.0", "One email at a time, or many."]);
    assert!(!page.contains("Unused"), "a tag without operations has no heading");
}

#[test]
fn the_first_sentence_is_the_heading_and_nothing_is_said_twice() {
    let page = page(&sample());
    has(
        &page,
        &[
            ">Queues one message</h3>",
            "<p>It is on disk, with its <code>queued</code> event, before the caller hears 200.</p>",
        ],
    );
    assert_eq!(page.matches("One of the customer&#39;s emails").count(), 1);
}

#[track_caller]
fn splits(summary: &str, description: &str, heading: &str, text: &str) {
    let operation = json!({ "summary": summary, "description": description });
    assert_eq!(heading_and_text("/p", &operation), (heading.to_owned(), text.to_owned()));
}

#[test]
fn headings_come_from_what_is_said() {
    splits("A b.", "", "A b", "");
    splits("A b. C d.", "", "A b", "C d.");
    splits("A\nb. C", "", "A b", "C");
    splits("Version 1.2 is out", "", "Version 1.2 is out", "");
    splits("A.", "B.", "A", "B.");
    splits("A.", "A.\n\nB.", "A", "B.");
    splits("", "A b\n\nC", "A b", "C");
    splits("", "", "/p", "");
    splits("...", "", "/p", "");
}

#[test]
fn a_request_can_be_pasted() {
    let page = page(&sample()).replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">");
    has(
        &page,
        &[
            "curl -X POST http://localhost:8080/api/send \\\n  -H \"Authorization: Bearer $PILLARBOX_KEY\" \\\n  \
             -H 'Content-Type: application/json' \\\n  -d '{\n  ",
            "<span class=\"key\">\"subject\"</span>: <span class=\"string\">\"It'\\''s here\"</span>",
            "curl http://localhost:8080/api/emails/01980a3e-5c1b-7d42-9f10-3b6f2a7c8e55 \\\n  -H \"Auth",
            "curl 'http://localhost:8080/api/v1/events?type=bounced' \\\n",
            "curl http://localhost:8080/track/c/TOKEN</code>",
            "<figcaption>Answer 200</figcaption>",
        ],
    );
}

#[test]
fn who_may_call_is_said() {
    let of = |security: &Json| {
        let document = json!({ "security": [{ "b": [] }], "components": { "securitySchemes": { "b": { "type": "http", "scheme": "bearer" } } } });
        let operation = if security.is_null() { json!({}) } else { json!({ "security": security }) };
        let page = page(
            &json!({ "security": document["security"], "components": document["components"], "paths": { "/p": { "get": operation } } }),
        );
        ["public", "key needed", "key optional"]
            .into_iter()
            .filter(|word| page.contains(&format!(">{word}</span>")))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&Json::Null), ["key needed"]);
    assert_eq!(of(&json!([])), ["public"]);
    assert_eq!(of(&json!([{}])), ["public"]);
    assert_eq!(of(&json!([{}, { "b": [] }])), ["key optional"]);
    assert_eq!(of(&json!([{ "unknown": [] }])), ["key needed"]);
}

#[test]
fn nested_fields_stand_in_their_field() {
    let page = page(&sample());
    has(
        &page,
        &[
            "<dt><code>attachments</code> <span class=\"type\">array of object or null</span></dt><dd><p>Files.</p>\
             <p class=\"notes\">At most 100 items</p><dl class=\"fields\"><div><dt><code>",
            "<p class=\"notes\">One of <code>transactional</code>, <code>broadcast</code> · Default <code>transactional</code></p>",
            "<code>subject</code> <span class=\"type\">string</span> <span class=\"needed\">required</span>",
        ],
    );
}

#[test]
fn a_document_of_nothing_makes_a_page() {
    for document in
        [json!(null), json!([]), json!("x"), json!({}), json!({ "paths": [], "info": 7, "tags": {}, "servers": {} })]
    {
        has(&page(&document), &["<h1 id=\"title\"> API</h1>", "</html>"]);
    }
}

#[test]
fn a_hostile_document_stays_text_and_ends() {
    let evil = "\"><script>alert('x')</script>`*[";
    let mut schemas = serde_json::Map::new();
    for index in 0..30 {
        let next = json!({ "$ref": format!("#/components/schemas/s{}", (index + 1) % 30) });
        let either = json!({ "oneOf": [next, next], "anyOf": [next], "allOf": [next, next] });
        schemas.insert(format!("s{index}"), json!({
            "type": "object", "description": evil, "properties": { evil: next, "a": next, "b": either, "c": { "type": "array", "items": next } },
            "allOf": [next, next], "required": [evil],
        }));
    }
    let content = json!({ evil: { "schema": { "$ref": "#/components/schemas/s0" } }, "application/json": { "schema": { "$ref": "#/components/schemas/s0" } } });
    let operation = json!({
        "summary": evil, "description": evil, "tags": [evil], "deprecated": true, "security": [{ evil: [] }],
        "parameters": [{ "name": evil, "in": "query", "required": true, "schema": { "pattern": evil, "enum": [evil, { evil: evil }] }, "example": evil }, { "$ref": "#/paths" }, 7],
        "requestBody": { "content": content }, "responses": { evil: { "description": evil, "content": content }, "200": { "content": content } },
    });
    let document = json!({
        "info": { "title": evil, "version": evil, "description": evil }, "servers": [{ "url": format!("https://{evil}") }],
        "tags": [{ "name": evil, "description": evil }], "paths": { evil: { "get": operation, "post": operation, "put": operation } },
        "components": { "schemas": schemas, "securitySchemes": { evil: { "type": "apiKey", "in": "header", "name": evil } } },
    });
    let page = page(&document);
    assert!(!page.contains("<script") && !page.contains("\"><script"));
    assert!(page.len() < PAGE_BYTES_MAX + PAGE_BYTES_MAX / 2, "{} bytes", page.len());
    assert!(page.ends_with("</html>\n"));
}

#[test]
fn places_with_the_same_name_are_told_apart() {
    let page = page(&json!({ "paths": { "/a-b": { "get": {} }, "/a/b": { "get": {} }, "/a.b": { "get": {} } } }));
    let ids: Vec<_> = page.split("<h3 id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3);
    assert!(!page.contains("id=\"content\"><h3"));
}

#[test]
fn refusals_that_say_the_same_are_shown_once() {
    let body = |schema: &str| json!({ "application/json": { "schema": { "$ref": format!("#/{schema}") } } });
    let document = json!({
        "paths": { "/p": { "get": { "responses": {
            "200": { "description": "Well" },
            "400": { "description": "Malformed", "content": body("e") },
            "401": { "description": "Who?", "content": body("e") },
            "404": { "description": "Gone" },
            "500": { "description": "Ours", "content": body("f") },
        } } } },
        "e": { "properties": { "error": { "type": "string" } } },
        "f": { "properties": { "fault": { "type": "string" } } },
    });
    let page = page(&document);
    assert_eq!(page.matches("<code>error</code>").count(), 1);
    assert_eq!(page.matches("<code>fault</code>").count(), 1);
    has(
        &page,
        &[
            "<p class=\"answer\"><b class=\"status s2\">200</b> Well</p>",
            "<li><b class=\"status s4\">400</b> Malformed</li><li><b class=\"status s4\">401</b> Who?</li></ul><dl",
            "<li><b class=\"status s4\">404</b> Gone</li></ul>",
        ],
    );
}
