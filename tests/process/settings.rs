//! Settings as the process finds them: the environment, the file, the defaults, and what is wrong with them.

use serde_json::{Value, json};

use crate::harness::{Home, finish};

#[track_caller]
fn shown(home: &Home, settings: &[(&str, &str)], words: &[&str]) -> Value {
    let mut command = home.command(&[words, &["serve", "--print-config", "--json"]].concat());
    let done = finish(command.envs(settings.iter().copied()), b"");
    serde_json::from_str(done.printed()).expect("it is JSON")
}

#[test]
fn each_setting_is_printed_with_where_it_came_from() {
    let home = Home::empty();
    let file =
        home.file("pillarbox.toml", "drain_secs = 3\nlog_level = \"warn\"\nwebhook_bounce_secret = \"hunter2\"\n");
    let file = file.to_str().expect("the path is text");
    let settings = [("PILLARBOX_LOG_LEVEL", "debug")];
    let printed = shown(&home, &settings, &["--config", file]);
    assert_eq!(printed, shown(&home, &[settings[0], ("PILLARBOX_CONFIG", file)], &[]));

    let rows = printed["settings"].as_array().expect("a list");
    let check = |name: &str, value: &str, from: &str| {
        let row = rows.iter().find(|row| row["name"] == name).expect("the setting exists");
        assert_eq!(*row, json!({ "name": name, "value": value, "from": from }));
    };
    check("drain_secs", "3", file);
    check("log_level", "debug", "PILLARBOX_LOG_LEVEL");
    check("head_bytes_max", "32768", "default");
    check("webhook_bounce_secret", "(secret)", file);
    let table = home.run(&["--config", file, "serve", "--print-config"]);
    assert!(table.printed().contains("FROM") && !table.out.contains("hunter2"), "{}", table.out);
    assert!(!home.data().exists(), "looking makes no data directory");
}

#[track_caller]
fn refuses(home: &Home, settings: &[(&str, &str)], parts: &[&str]) {
    finish(home.command(&["serve"]).envs(settings.iter().copied()), b"").refuses(parts);
}

#[test]
fn a_bad_setting_is_named_before_anything_is_opened() {
    let home = Home::empty();
    let file = |content: &str| home.file("bad.toml", content).to_str().expect("the path is text").to_owned();
    refuses(&home, &[("PILLARBOX_LISTEN", "nowhere")], &["listen", "PILLARBOX_LISTEN", "nowhere"]);
    refuses(&home, &[("PILLARBOX_DRAIN_SECS", "3601")], &["drain_secs", "3600"]);
    refuses(&home, &[("PILLARBOX_LOG_FORMAT", "xml")], &["log_format", "pretty, json"]);
    refuses(&home, &[("PILLARBOX_LOG_LEVEL", "loud")], &["log_level", "loud"]);
    refuses(&home, &[("PILLARBOX_TLS_CERTIFICATE", "cert.pem")], &["tls_certificate", "tls_key"]);
    refuses(&home, &[("PILLARBOX_CONFIG", "missing.toml")], &["missing.toml"]);
    refuses(&home, &[("PILLARBOX_CONFIG", &file("lissen = 1"))], &["bad.toml", "no setting `lissen`"]);
    refuses(&home, &[("PILLARBOX_CONFIG", &file("= ="))], &["bad.toml"]);
    assert!(!home.data().exists(), "a bad setting makes no data directory");
    home.run(&["customer", "list", "--config", "missing.toml"]).refuses(&["missing.toml"]);
}

#[test]
fn a_certificate_that_cannot_be_used_is_named() {
    let home = Home::prepared();
    let (empty, text) = (home.file("empty.pem", ""), home.file("text.pem", "nothing"));
    let name = |path: &std::path::Path| path.to_str().expect("the path is text").to_owned();
    let tls = |certificate: &str, part: &str| {
        let settings = [("PILLARBOX_TLS_CERTIFICATE", certificate), ("PILLARBOX_TLS_KEY", &name(&text))];
        refuses(&home, &settings, &[part]);
    };
    tls("missing.pem", "missing.pem");
    tls(&name(&empty), "empty.pem");
    tls(&name(&text), "text.pem");
}
