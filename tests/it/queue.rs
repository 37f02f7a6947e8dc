//! The queue on the operators' listener: a page with questions for people, and the admin API for programs

use http::Request;
use pillarbox::control::Command;
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};
use crate::operator::{Person, SETTINGS, admin, admin_json, ask, get, has, hidden, session};

/// A service with one customer, whose domain's mail ends in the mailbox, and an operator who signed in.
struct World {
    app: TestApp,
    acme: TestCustomer,
    cookie: String,
}

impl World {
    async fn start() -> Self {
        let app = TestApp::with(SETTINGS).await;
        let acme = app.customer("acme").await;
        let (name, customer) = ("acme.example".into(), acme.email.clone());
        app.command(Command::DomainAdd { name, customer, assume_verified: true, outlet: None }).await;
        let cookie = session(&app, "/queue").await;
        Self { app, acme, cookie }
    }

    async fn send(&self, to: &str) -> String {
        let email = json!({ "from": "news@acme.example", "to": to, "subject": "Hello", "text": "Hello" });
        let answer = self.acme.post("/api/send", email).await;
        answer.json()["email_id"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
    }

    async fn status(&self, id: &str) -> Value {
        self.acme.get(&format!("/api/emails/{id}")).await.json()["email"]["status"].clone()
    }

    fn person(&self) -> Person<'_> {
        Person { app: &self.app, cookie: &self.cookie }
    }
}

#[tokio::test]
async fn a_person_pauses_a_destination_and_lets_it_go_on() {
    let world = World::start().await;
    has(&get(&world.app, "/queue").await.text(), &["Nothing waits", "Sign in", "href=\"/queue\" aria-current"]);
    let form = "destination=Friends.example&reason=they+%3Cmove%3E";
    world.person().change("/queue/pause", form, "The destination is paused").await;
    let id = world.send("ada@friends.example").await;
    world.app.deliver().await;
    assert_eq!(world.status(&id).await, "queued");
    let page = world.person().page("/queue").await;
    has(
        &page,
        &["friends.example</a> <span class=\"badge wait\">paused", ": they &lt;move&gt;", "ada@friends.example"],
    );
    has(&page, &["not tried yet", &id, "Sign out", "1 copy of an email waits"]);

    let resume = "/queue/resume?destination=friends.example";
    assert_eq!(hidden(&world.person().page(resume).await, "destination"), "friends.example");
    world.person().change(resume, "destination=friends.example", "mail goes on").await;
    world.app.deliver().await;
    assert_eq!(world.status(&id).await, "delivered");
    world.person().refused(resume, "destination=friends.example", "is not paused").await;
}

#[tokio::test]
async fn a_person_takes_an_email_back_and_has_the_others_tried() {
    let world = World::start().await;
    let first = world.send("ada@friends.example").await;
    let second = world.send("bob@friends.example").await;
    let cancel = format!("/queue/cancel?email_id={first}");
    has(&world.person().page(&cancel).await, &[&format!("Take the email {first} back?"), "href=\"/queue\">Cancel</a>"]);
    world.person().change(&cancel, &format!("email_id={first}"), "The email is taken back").await;
    assert_eq!(world.status(&first).await, "canceled");

    let soon = "What waited there is due now";
    world.person().change("/queue/retry?all=true", "all=true", soon).await;
    world.person().change("/queue/retry?destination=friends.example", "destination=friends.example", soon).await;
    let one = format!("/queue/retry?email_id={second}");
    world.person().change(&one, &format!("email_id={second}"), soon).await;
    world.app.deliver().await;
    world.person().refused(&one, &format!("email_id={second}"), "Nothing of it waits").await;
    let late = format!("/queue/cancel?email_id={second}");
    world.person().refused(&late, &format!("email_id={second}"), "its delivery has begun").await;
    for (path, status) in [
        ("/queue/retry", 404),
        ("/queue/retry?email_id=x", 404),
        ("/queue/cancel", 404),
        ("/queue/explode", 404),
        ("/queue/resume?destination=a..b", 400),
        ("/queue?destination=a..b", 400),
    ] {
        assert_eq!(get(&world.app, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn who_has_not_signed_in_or_comes_from_elsewhere_changes_nothing() {
    let world = World::start().await;
    let asked = get(&world.app, "/queue/pause?destination=friends.example").await;
    let to = "/login?to=%2Fqueue%2Fpause%3Fdestination%3Dfriends.example";
    assert_eq!((asked.status.as_u16(), asked.header("location")), (303, Some(to)));
    let token = hidden(&world.person().page("/queue/pause").await, "form");
    let form = format!("form={token}&destination=friends.example");
    let bare = Request::post("/queue/pause").header("host", "localhost");
    assert_eq!(ask(&world.app, bare, &form).await.status, 401);
    let post = || world.person().with_cookie(Request::post("/queue/pause"));
    assert_eq!(ask(&world.app, post(), "form=made-up&destination=friends.example").await.status, 403);
    assert_eq!(ask(&world.app, post().header("origin", "http://evil.example"), &form).await.status, 403);
    let listed = world.app.command(Command::QueueList { destination: None, offset: 0, limit: 1 }).await;
    assert_eq!(listed["destinations"], json!([]));
}

#[tokio::test]
async fn a_reason_has_a_bound_and_a_destination_must_be_one() {
    let world = World::start().await;
    let of = |chars: usize| format!("destination=friends.example&reason={}", "%C3%A9".repeat(chars));
    world.person().change("/queue/pause", &of(500), "The destination is paused").await;
    world.person().refused("/queue/pause", &of(501), "more than 500 characters").await;
    world.person().refused("/queue/pause", "destination=a..b&reason=why", "value=\"why\"").await;
}

#[tokio::test]
async fn a_full_queue_is_told_in_pages() {
    let world = World::start().await;
    world.person().change("/queue/pause", "destination=quiet.example", "paused").await;
    for number in 0..51 {
        world.send(&format!("ada@friends{}.example", number % 3)).await;
    }
    let first = world.person().page("/queue").await;
    assert_eq!(first.matches("/queue/cancel?").count(), 50);
    has(&first, &["51 copies of emails wait", "Page 1 of 2", "href=\"/queue?page=2\"", "17 copies"]);
    let [paused, full] = ["quiet.example</a>", "friends0.example</a>"].map(|name| first.find(name));
    assert!(paused.is_some() && paused < full, "what is paused stands first: {first}");
    assert_eq!(world.person().page("/queue?page=2").await.matches("/queue/cancel?").count(), 1);
    has(&world.person().page("/queue?page=3").await, &["There is no page 3"]);
    let one = world.person().page("/queue?destination=friends1.example").await;
    assert_eq!(one.matches("/queue/cancel?").count(), 17);
    has(&one, &["Queue for friends1.example", "← The whole queue"]);
    assert!(!one.contains("friends0.example") && !one.contains("quiet.example"), "{one}");
}

#[tokio::test]
async fn only_so_many_destinations_stand_on_a_page() {
    let world = World::start().await;
    for number in 0..101 {
        if number == 100 {
            assert!(!world.person().page("/queue").await.contains("These are the first"), "just inside");
        }
        let (destination, reason) = (format!("d{number}.example"), None);
        world.app.command(Command::QueuePause { destination, reason }).await;
    }
    let page = world.person().page("/queue").await;
    has(&page, &["These are the first 100:"]);
    assert_eq!(page.matches("/queue/resume?").count(), 100);
}

#[tokio::test]
async fn a_program_does_with_the_queue_what_the_command_line_does() {
    let world = World::start().await;
    let app = &world.app;
    let id = world.send("ada@friends.example").await;
    let asked = async |path: &str| ask(app, admin("GET", path), "").await;
    let listed = asked("/admin/queue").await.json();
    assert_eq!((&listed["total"], &listed["copies"][0]["email_id"]), (&json!(1), &json!(id)), "{listed}");
    assert_eq!(asked("/admin/queue?destination=friends.example&limit=1").await.json()["total"], 1);
    let other = asked("/admin/queue?destination=others.example").await.json();
    assert_eq!(other, json!({ "destinations": [], "copies": [], "total": 0 }));
    assert_eq!(asked("/admin/queue?offset=1").await.json()["copies"], json!([]));
    assert_eq!(asked(&format!("/admin/queue/{id}")).await.json()["copies"][0]["recipient"], "ada@friends.example");

    let posted = async |path: &str, body: Value| {
        let answer = admin_json(app, path, body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let pause = json!({ "destination": "friends.example", "reason": "they move" });
    assert_eq!(posted("/admin/queue/pause", pause).await, json!({ "paused": "friends.example" }));
    assert_eq!(asked("/admin/queue").await.json()["destinations"][0]["reason"], "they move");
    let resumed = posted("/admin/queue/resume", json!({ "destination": "friends.example" })).await;
    assert_eq!(resumed, json!({ "resumed": "friends.example" }));
    for body in [json!({ "all": true }), json!({ "destination": "friends.example" }), json!({ "email_id": id })] {
        assert_eq!(posted("/admin/queue/retry", body).await, json!({ "retried": 1 }));
    }
    assert_eq!(posted("/admin/queue/cancel", json!({ "email_id": id })).await, json!({ "canceled": id }));
    assert_eq!(world.status(&id).await, "canceled");
}

#[tokio::test]
async fn a_program_that_asks_wrongly_changes_nothing_and_hears_why() {
    let world = World::start().await;
    let app = &world.app;
    world.send("ada@friends.example").await;
    let bare = Request::post("/admin/queue/retry").header("host", "localhost");
    ask(app, bare, "{\"all\":true}").await.refuses(401, "unauthorized", "operator token");
    for (path, body, words) in [
        ("/admin/queue/retry", json!({}), "one of email_id, destination and all"),
        ("/admin/queue/pause", json!({ "destiny": "x" }), "destiny"),
        ("/admin/queue/resume", json!({}), "destination"),
        ("/admin/queue/cancel", json!({ "email_id": "x" }), "UUID"),
    ] {
        admin_json(app, path, body).await.refuses(400, "invalid_request", words);
    }
    let asked = async |path: &str| ask(app, admin("GET", path), "").await;
    for path in ["/admin/queue?limit=0", "/admin/queue?limit=1001", "/admin/queue?offset=-1"] {
        asked(path).await.refuses(400, "invalid_request", "is a number from");
    }
    assert_eq!(asked("/admin/queue?limit=1000").await.status, 200);
    asked("/admin/queue?destination=a..b").await.refuses(422, "refused", "a..b");
    asked("/admin/queue/x").await.refuses(404, "not_found", "No email has this id");
    asked(&format!("/admin/queue/{}", uuid::Uuid::nil())).await.refuses(422, "refused", "no copy of the email");
    let not_paused = json!({ "destination": "friends.example" });
    admin_json(app, "/admin/queue/resume", not_paused).await.refuses(422, "refused", "is not paused");
    assert_eq!(asked("/admin/queue/retry").await.header("allow"), Some("POST"));
}
