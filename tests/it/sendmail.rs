//! `pillarbox send`: a message from a script, on the way of SMTP submission

use pillarbox::control::{Bytes, Command};
use serde_json::{Value, json};

use crate::harness::{TestApp, TestCustomer};

struct World {
    app: TestApp,
    acme: TestCustomer,
}

impl World {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[(&str, &str)]) -> Self {
        let app = TestApp::with(settings).await;
        let acme = app.customer_with_events("acme").await;
        Self { app, acme }
    }

    /// A message of Acme with these further headers.
    fn message(&self, headers: &str) -> String {
        format!("From: Acme <news@{}>\r\nSubject: Backup\r\n{headers}\r\nIt is done.\r\n", self.acme.domain)
    }

    async fn send(&self, to: &[&str], message: &str) -> Value {
        self.app.command(command(None, to, message)).await
    }

    async fn refused(&self, to: &[&str], message: &str) -> String {
        self.app.refused_command(command(None, to, message)).await
    }

    async fn recipients(&self, answer: &Value) -> Vec<(String, String)> {
        let id = answer["email_id"].as_str().expect("it is an id");
        let email = self.acme.get(&format!("/api/emails/{id}")).await.json()["email"].clone();
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        let recipients = email["recipients"].as_array().unwrap_or_else(|| panic!("{email}"));
        recipients.iter().map(|one| (text(&one["role"]), text(&one["address"]))).collect()
    }
}

fn command(customer: Option<&str>, to: &[&str], message: &str) -> Command {
    let to = to.iter().map(|address| (*address).to_owned()).collect();
    Command::Send { customer: customer.map(str::to_owned), to, message: Bytes(message.as_bytes().to_vec()) }
}

fn owned(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(role, address)| ((*role).to_owned(), (*address).to_owned())).collect()
}

#[tokio::test]
async fn a_script_sends_to_whomever_its_message_names_and_bcc_is_not_told() {
    let world = World::start().await;
    let named = "To: Ada <ada@example.com>\r\nCc: bob@example.com, Ada <ADA@example.com>\r\nBcc: eve@example.com\r\n\
                 X-Tag: backup\r\n";
    let sent = world.send(&[], &world.message(named)).await;
    assert_eq!(sent["recipients"], 3, "{sent}");
    let expected = owned(&[("to", "ada@example.com"), ("cc", "bob@example.com"), ("bcc", "eve@example.com")]);
    assert_eq!(world.recipients(&sent).await, expected);
    let captured = world.app.captured(sent["email_id"].as_str().expect("it is an id")).await;
    let source = captured["source"].as_str().expect("it is text");
    assert!(source.contains("Subject: Backup\r\n") && source.ends_with("\r\n\r\nIt is done.\r\n"), "{source}");
    assert!(!source.contains("eve@") && !source.contains("X-Tag"), "{source}");
}

#[tokio::test]
async fn whom_the_command_names_goes_before_whom_the_message_names() {
    let world = World::start().await;
    let sent = world.send(&["eve@example.com", "EVE@example.com"], &world.message("To: ada@example.com\r\n")).await;
    assert_eq!(world.recipients(&sent).await, owned(&[("bcc", "eve@example.com")]));
}

#[tokio::test]
async fn whose_message_it_is_has_to_be_clear() {
    let nobody = TestApp::start().await;
    let wrong = nobody.refused_command(command(None, &[], "From: a@example.com\r\n\r\n")).await;
    assert!(wrong.contains("there is no customer yet"), "{wrong}");

    let world = World::start().await;
    let message = world.message("To: ada@example.com\r\n");
    world.app.pass(1);
    world.app.customer("rival").await;
    let wrong = world.refused(&[], &message).await;
    assert!(wrong.contains("--customer EMAIL: acme@example.org, rival@example.org"), "{wrong}");
    world.app.command(command(Some("acme@example.org"), &[], &message)).await;
    let wrong = world.app.refused_command(command(Some("rival@example.org"), &[], &message)).await;
    assert!(wrong.contains("not a verified domain of this account"), "{wrong}");
    let wrong = world.app.refused_command(command(Some("x@example.org"), &[], &message)).await;
    assert!(wrong.contains("no customer with the address x@example.org"), "{wrong}");
    for number in 3..=20 {
        world.app.pass(1);
        world.app.customer(&format!("c{number}")).await;
    }
    let twenty = world.refused(&[], &message).await;
    assert!(twenty.ends_with("c20@example.org"), "{twenty}");
    world.app.pass(1);
    world.app.customer("c21").await;
    let more = world.refused(&[], &message).await;
    assert!(!more.contains("c21@") && more.contains(", and more"), "{more}");
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_told_and_nothing_is_queued() {
    let world = World::start().await;
    for (to, message, why) in [
        (&[][..], world.message(""), "names nobody in To, Cc or Bcc"),
        (&[], world.message("To: undisclosed-recipients:;\r\n"), "names nobody"),
        (&[], world.message("To: ada\r\n"), "the recipient"),
        (&["ada"], world.message(""), "the recipient \"ada\""),
        (&[], "Hello\r\n".into(), "not a header"),
        (&[], "To: ada@example.com\r\n\r\nHello\r\n".into(), "no From header"),
        (&["ada@example.com"], world.message("X-A: b\r\n") + "a\rb\r\n", "a CR that no LF follows"),
        (&["ada@example.com"], world.message("X-Track-Opens: perhaps\r\n"), "X-Track-Opens must be true or false"),
    ] {
        let wrong = world.refused(to, &message).await;
        assert!(wrong.contains(why), "{why}: {wrong}");
    }
    assert_eq!(world.acme.get("/api/emails").await.json()["pagination"]["total"], 0);
}

#[tokio::test]
async fn size_lines_and_recipients_have_the_bounds_of_smtp() {
    let world = World::with(&[("PILLARBOX_SMTP_MESSAGE_BYTES_MAX", "4096")]).await;
    let head = world.message("");
    let sized = |bytes: usize| {
        let rest = bytes - head.len();
        head.clone() + &"0123456789abc\r\n".repeat(rest / 15 - 1) + &"x".repeat(13 + rest % 15) + "\r\n"
    };
    assert_eq!(sized(4096).len(), 4096);
    world.send(&["ada@example.com"], &sized(4096)).await;
    let wrong = world.refused(&["ada@example.com"], &sized(4097)).await;
    assert!(wrong.contains("more than 4096 bytes") && wrong.contains("smtp_message_bytes_max"), "{wrong}");

    let line = |bytes: usize| head.clone() + &"x".repeat(bytes) + "\r\n";
    world.send(&["ada@example.com"], &line(998)).await;
    let wrong = world.refused(&["ada@example.com"], &line(999)).await;
    assert!(wrong.contains("more than 998 bytes"), "{wrong}");

    let many: Vec<_> = (0..51).map(|number| format!("ada{number}@example.com")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(world.send(&many[..50], &head).await["recipients"], 50);
    let wrong = world.refused(&many, &head).await;
    assert!(wrong.contains("51 recipients are more than the 50"), "{wrong}");
}

#[tokio::test]
async fn who_is_suppressed_does_not_get_it_by_command_either() {
    let world = World::start().await;
    world.acme.post("/api/customer/suppressions", json!({ "email": "ada@example.com" })).await;
    let wrong = world.refused(&[], &world.message("To: ada@example.com\r\n")).await;
    assert!(wrong.contains("suppressed"), "{wrong}");
}
