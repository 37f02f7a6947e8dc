//! What a newcomer meets: the first start, its printed tour, and the second start.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::Home;

#[test]
fn the_first_start_prints_a_key_and_a_request_that_works() {
    let home = Home::empty();
    let service = home.serve(&[]);
    let printed = service.printed();
    assert_eq!(service.key.len(), "ml_live_".len() + 64, "{printed}");
    for part in [
        format!("http://{}/mailbox", service.operator),
        format!("http://{}/docs", service.api),
        format!("export PILLARBOX_KEY={}", service.key),
        format!(
            "http://{}/login needs the token in {}",
            service.operator,
            home.data().join("operator.token").display()
        ),
    ] {
        assert!(printed.contains(&part), "{part} is not in {printed}");
    }

    let body = printed.split(" -d '").nth(1).and_then(|rest| rest.split('\'').next()).expect("the tour has a body");
    let answer = service.call("POST", "/api/send", body.as_bytes());
    assert_eq!((answer.status, &answer.json()["to"]), (200, &Value::from("ada@example.com")), "{answer:?}");
    let events = service.get("/api/v1/events?type=queued");
    assert_eq!(events["events"][0]["email_id"], answer.json()["email_id"]);
    let docs = service.call("GET", "/docs", b"");
    assert_eq!((docs.status, docs.header("content-type")), (200, Some("text/html; charset=utf-8")));
}

#[test]
fn the_second_start_prints_neither_key_nor_tour_and_the_key_still_works() {
    let home = Home::empty();
    let first = home.serve(&[]);
    let key = first.key.clone();
    assert_eq!(first.stop().code(), Some(0));

    let mut second = home.serve(&[]);
    assert_eq!(second.printed(), "");
    second.key = key;
    second.still_serves();
}

#[test]
fn the_data_directory_is_its_owners_alone() {
    let home = Home::prepared();
    let _service = home.serve(&[]);
    let mode = |name: &str| {
        let path = home.data().join(name);
        std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(mode("operator.token"), 0o600);
    assert_eq!([mode(""), mode("host.key"), mode("control.sock"), mode("compiled")], [0o700, 0o600, 0o600, 0o700]);
}
