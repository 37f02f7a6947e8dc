//! GET /api/stats/outbound and its series

use http::Method;
use pillarbox::control::Command;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

const DAY: &str = "fromdate=2024-03-15&todate=2024-03-15";

/// Sends an email with this tag and gives its id.
async fn send(customer: &TestCustomer, to: &str, tag: &str) -> String {
    let html = "<p>Hello, read <a href=\"https://example.com/a\">this</a>.</p>";
    let answer = customer.post("/api/send", json!({ "to": to, "subject": "Hello", "html": html, "tag": tag })).await;
    answer.json()["email_id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Fetches what an email leads to: its pixel, or its link.
async fn fetch(app: &TestApp, id: &str, what: &str, user_agent: &str) {
    let html = app.captured(id).await["html"].as_str().expect("it has html").to_owned();
    let mut paths = html.split('"').filter_map(|part| part.strip_prefix("http://127.0.0.1:8080"));
    let path = paths.find(|path| path.starts_with(what)).unwrap_or_else(|| panic!("{what} is not in {html}"));
    let request = http::Request::get(path).header("user-agent", user_agent).body(http_body_util::Full::default());
    app.request(request.expect("it is a request")).await;
}

/// How many rows of counts are wrong.
async fn wrong(app: &TestApp) -> i64 {
    let (mut from, mut wrong) = (None, 0);
    loop {
        let part = app.command(Command::StatsRebuild { from, customer: None, dry_run: true }).await;
        wrong += part["wrong"].as_i64().expect("it is a number");
        from = serde_json::from_value(part["next"].clone()).expect("it is a place");
        if from.is_none() {
            return wrong;
        }
    }
}

fn numbers(answer: &Value, names: &[&str]) -> Vec<i64> {
    names.iter().map(|name| answer[*name].as_i64().unwrap_or_else(|| panic!("{name}: {answer}"))).collect()
}

#[tokio::test]
async fn what_was_sent_and_what_came_of_it_is_counted_once() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    let rival = app.customer("rival").await;
    let mut ids = Vec::new();
    for (to, tag) in [("ada@example.com", "welcome"), ("bob@example.com", "welcome"), ("cyd@example.com", "news")] {
        ids.push(send(&acme, to, tag).await);
    }
    app.deliver().await;
    app.pass(3_600_000);
    for _ in 0..2 {
        fetch(&app, &ids[0], "/track/o/", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Thunderbird/115.0").await;
        fetch(&app, &ids[0], "/track/c/", "curl/8.0").await;
        let bounce = json!({ "emailId": ids[1], "bounceType": "hard", "reason": "550 5.1.1 no such user" });
        app.notify("/webhooks/bounce", bounce).await;
        app.notify("/webhooks/complaint", json!({ "emailId": ids[2] })).await;
    }
    let all = acme.get(&format!("/api/stats/outbound?{DAY}")).await.json();
    let names =
        ["sent", "delivered", "bounced", "failed", "complained", "opens", "unique_opens", "clicks", "unique_clicks"];
    assert_eq!(numbers(&all, &names), [3, 3, 1, 0, 1, 2, 1, 2, 1], "{all}");
    let rates = ["delivery_rate", "bounce_rate", "open_rate", "click_rate", "complaint_rate"];
    let rates = rates.map(|name| all[name].as_str().expect("a rate is text").to_owned());
    assert_eq!(rates, ["100.00", "33.33", "33.33", "33.33", "33.33"]);
    let classes = ["human", "suspicious", "scanner"];
    for what in ["opens", "clicks"] {
        let split: i64 = classes.iter().map(|class| all[format!("{class}_{what}")].as_i64().expect("a number")).sum();
        assert_eq!(split, 2, "{all}");
    }
    assert_eq!(all["scanner_clicks"], 2, "curl is a machine: {all}");

    let of = async |query: &str, names: &[&str]| {
        numbers(&acme.get(&format!("/api/stats/outbound?{DAY}&{query}")).await.json(), names)
    };
    assert_eq!(of("tag=welcome", &["sent", "bounced", "complained"]).await, [2, 1, 0]);
    assert_eq!(of("tag=nothing", &["sent"]).await, [0]);
    assert_eq!(of("stream_type=broadcast", &["sent"]).await, [0]);
    assert_eq!(of("filter=human_only", &["clicks", "unique_clicks", "scanner_clicks"]).await, [0, 0, 2]);
    assert_eq!(of("filter=scanner_only", &["clicks", "unique_clicks"]).await, [2, 1]);
    assert_eq!(of("fromdate=2024-03-15T15:00:00Z&todate=2024-03-15T16:00:00Z", &["sent", "opens"]).await, [0, 2]);
    let theirs = rival.get(&format!("/api/stats/outbound?{DAY}&tag=welcome")).await.json();
    assert_eq!(numbers(&theirs, &["sent", "opens"]), [0, 0]);

    let groups = acme.get(&format!("/api/stats/outbound?{DAY}&by=tag")).await.json();
    let groups = groups["breakdown"].as_array().expect("there is a breakdown").clone();
    let shown: Vec<_> = groups.iter().map(|group| (group["tag"].clone(), group["sent"].clone())).collect();
    assert_eq!(shown, [(json!("welcome"), json!(2)), (json!("news"), json!(1))]);
    let classes = acme.get(&format!("/api/stats/outbound?{DAY}&by=bounce_class")).await.json();
    assert_eq!(classes["breakdown"][0]["bounced"], 1, "{classes}");
    let clients = acme.get(&format!("/api/stats/outbound?{DAY}&by=client")).await.json();
    let fetches = |name: &str| -> i64 {
        let rows = clients["breakdown"].as_array().expect("there is a breakdown");
        rows.iter().map(|row| row[name].as_i64().expect("it is a number")).sum()
    };
    assert_eq!((fetches("opens"), fetches("clicks")), (2, 2), "{clients}");
    assert_eq!(wrong(&app).await, 0);
}

#[tokio::test]
async fn a_series_has_every_interval_and_zeros_where_nothing_happened() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    acme.send("ada@example.com").await;
    app.pass(2 * 86_400_000);
    acme.send("ada@example.com").await;
    app.deliver().await;
    let series = async |query: &str| {
        let answer = acme.get(&format!("/api/stats/outbound/sends?{query}")).await.json();
        let series = answer["series"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        let points =
            series.iter().map(|point| format!("{} {}", point["date"].as_str().expect("a date"), point["sent"]));
        (points.collect::<Vec<_>>(), answer["totals"]["sent"].clone())
    };
    let days = ["2024-03-14 0", "2024-03-15 1", "2024-03-16 0", "2024-03-17 1", "2024-03-18 0"].map(str::to_owned);
    assert_eq!(series("fromdate=2024-03-14&todate=2024-03-18").await, (days.to_vec(), json!(2)));
    let weeks = ["2024-03-11 2", "2024-03-18 0"].map(str::to_owned);
    assert_eq!(series("interval=week&fromdate=2024-03-15&todate=2024-03-18").await, (weeks.to_vec(), json!(2)));
    assert_eq!(series("interval=month&fromdate=2024-03-16&todate=2024-03-18").await.0, ["2024-03-01 1"]);
    let hours = "interval=hour&fromdate=2024-03-15T13:00:00Z&todate=2024-03-15T14:59:59Z";
    assert_eq!(series(hours).await.0, ["2024-03-15T13:00:00Z 0", "2024-03-15T14:00:00Z 1"]);
    assert_eq!(series("").await.0.len(), 30);

    let csv = [("accept", "text/csv")];
    let path = "/api/stats/outbound/bounces?fromdate=2024-03-17&todate=2024-03-17";
    let answer = acme.call(Method::GET, path, None, &csv).await;
    assert_eq!(answer.text(), "date,bounced,hard,soft,untyped\r\n2024-03-17,0,0,0,0\r\n");
    for report in ["opens", "clicks", "spam"] {
        acme.get(&format!("/api/v1/stats/outbound/{report}")).await.is_status(200);
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_name() {
    let app = TestApp::start().await;
    let acme = app.customer("acme").await;
    for (query, words) in [
        ("?fromdate=2024-03-16&todate=2024-03-15", "fromdate must not be after todate"),
        ("?fromdate=soon", "fromdate must be a date"),
        ("?domain_id=7", "domain_id must be"),
        ("?filter=robots", "filter must be all or human_only or scanner_only"),
        ("?by=colour", "by must be"),
        ("/opens?interval=minute", "interval must be hour or day or week or month"),
        ("/opens?interval=hour&fromdate=2024-01-01&todate=2024-03-24", "more than 2000 intervals"),
    ] {
        acme.get(&format!("/api/stats/outbound{query}")).await.refuses(400, "invalid_request", words);
    }
    // 83 days and 8 hours are 2,000 hours.
    let most = "/api/stats/outbound/opens?interval=hour&fromdate=2024-01-01&todate=2024-03-24T07:00:00Z";
    acme.get(most).await.is_status(200);
    acme.get("/api/stats/outbound/nothing").await.is_status(404);
}

/// Does one thing that changes counts.
async fn happen(app: &TestApp, acme: &TestCustomer, ids: &mut Vec<String>, (what, which): (u8, u8)) {
    if what < 3 || ids.is_empty() {
        let to = format!("ada{}@example.com", which % 7);
        let tag = ["", "a", "b"][usize::from(which % 3)];
        let answer = acme
            .post(
                "/api/send",
                json!({ "to": to, "subject": "s", "tag": tag,
                "html": "<a href=\"https://example.com/a\">a</a> <a href=\"https://example.com/b\">b</a>" }),
            )
            .await;
        // Whoever complained or unsubscribed gets no more.
        if let Some(id) = answer.json()["email_id"].as_str() {
            ids.push(id.to_owned());
        }
        return;
    }
    let id = ids[usize::from(which) % ids.len()].clone();
    let agents = ["curl/8.0", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Thunderbird/115.0", "x"];
    let agent = agents[usize::from(which) % agents.len()];
    match what {
        3 => app.deliver().await,
        4 => app.pass(i64::from(which) * 997_000),
        5 => drop(acme.post(&format!("/api/emails/{id}/cancel"), json!({})).await),
        6 => {
            let kind = if which % 2 == 0 { "hard" } else { "soft" };
            let body = json!({ "emailId": id, "bounceType": kind, "reason": format!("{}", which % 3) });
            app.notify("/webhooks/bounce", body).await;
        }
        7 => drop(app.notify("/webhooks/complaint", json!({ "emailId": id })).await),
        8 | 9 => {
            // A canceled email has a message, but nobody got it.
            let what = if what == 8 { "/track/o/" } else { "/track/c/" };
            let captured = acme.get(&format!("/api/emails/{id}")).await.json()["status"] == "delivered";
            if captured {
                fetch(app, &id, what, agent).await;
            }
        }
        _ => {
            app.command(Command::Reclassify { after: 0, since: 0, customer: None, dry_run: false }).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Whatever happens, in whichever order and with restarts between: counting again finds nothing wrong.
    #[test]
    fn counts_are_what_counting_again_finds(steps in prop::collection::vec((0_u8..12, any::<u8>()), 20..60)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime starts").block_on(async {
            let mut app = TestApp::start().await;
            let mut acme = app.customer("acme").await;
            let mut ids = Vec::new();
            for (what, which) in steps {
                if what == 11 {
                    (app, acme) = app.restart(acme).await;
                } else {
                    happen(&app, &acme, &mut ids, (what, which)).await;
                }
            }
            assert_eq!(wrong(&app).await, 0);
        });
    }
}
