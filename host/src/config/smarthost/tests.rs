//! Smarthosts as they are written.

use super::*;

fn one(url: &str) -> Smarthost {
    Smarthost::list(url).unwrap_or_else(|wrong| panic!("{url}: {wrong}")).remove(0)
}

#[track_caller]
fn check(url: &str, host: &str, port: u16, security: Security) {
    let smarthost = one(url);
    assert_eq!((smarthost.host.as_str(), smarthost.port, smarthost.security), (host, port, security), "{url}");
}

#[test]
fn the_port_and_the_safety_follow_from_the_rest() {
    check("smtp://mx.example.com", "mx.example.com", 587, Security::Opportunistic);
    check("smtp://mx.example.com:25/", "mx.example.com", 25, Security::Opportunistic);
    check("smtps://mx.example.com", "mx.example.com", 465, Security::Implicit);
    check("smtp://u:p@mx.example.com", "mx.example.com", 587, Security::Required);
    check("smtp://u:p@127.0.0.1:25", "127.0.0.1", 25, Security::Opportunistic);
    check("smtp://u:p@localhost", "localhost", 587, Security::Opportunistic);
    check("smtp://u:p@[::1]:2525", "::1", 2525, Security::Opportunistic);
    check("smtp://[2001:db8::1]", "2001:db8::1", 587, Security::Opportunistic);
    check("smtp://u:p@mx.example.com?starttls=off", "mx.example.com", 587, Security::Off);
    check("smtp://u:p@mx.example.com?starttls=opportunistic", "mx.example.com", 587, Security::Opportunistic);
    check("smtp://mx.example.com?starttls=required", "mx.example.com", 587, Security::Required);
}

#[test]
fn a_login_is_decoded_once_and_never_shown() {
    let smarthost = one("smtps://ada%40example.com:p%25%3a%C3%A9@mx.example.com?auth=login");
    let login = smarthost.login.clone().expect("there is one");
    assert_eq!((login.user.as_str(), login.password.as_str()), ("ada@example.com", "p%:é"));
    assert_eq!(login.mechanism, Some(Mechanism::Login));
    assert!(!format!("{smarthost:?}").contains("example.com\", password"), "{smarthost:?}");
    assert!(!format!("{smarthost:?}").contains("p%"), "{smarthost:?}");
    assert_eq!(one("smtp://u:p@a@mx.example.com").login.expect("there is one").password, "p@a");
    assert_eq!(one("smtp://u:p@h?auth=plain").login.expect("there is one").mechanism, Some(Mechanism::Plain));
    assert_eq!(one("smtp://u:p@h?starttls=off&auth=xoauth2").login.expect("it is").mechanism, Some(Mechanism::XOauth2));
}

#[track_caller]
fn refused(value: &str, told: &str) {
    let wrong = Smarthost::list(value).expect_err("it is refused");
    assert!(wrong.contains(told) && !wrong.contains("hunter2"), "{value}: {wrong}");
}

#[test]
fn what_is_wrong_is_told_without_the_password() {
    refused("mx.example.com:25", "smtp:// or smtps://");
    refused("http://u:hunter2@mx.example.com", "smtp:// or smtps://");
    refused("smtp://", "no name or address");
    refused("smtp://u:hunter2@", "no name or address");
    refused("smtp://a b", "no name or address");
    refused("smtp://h:0", "no number");
    refused("smtp://h:65536", "no number");
    refused("smtp://[::1]25", "no number");
    refused("smtp://u:hunter2/x@h:x", "no number");
    refused("smtp://user@h", "user:password");
    refused("smtp://:hunter2@h", "is empty");
    refused("smtp://u:@h", "is empty");
    refused("smtp://u:hunter2%4@h", "%25");
    refused("smtp://u:hunter2%zz@h", "%25");
    refused("smtp://u:hunter2%+f@h", "%25");
    refused("smtp://u:hunter2%ff@h", "not UTF-8");
    refused("smtp://u:hunter2%0d%0a@h", "control");
    refused("smtp://h?starttls=maybe", "starttls=required");
    refused("smtp://h?auth=plain", "needs a user");
    refused("smtps://h?starttls=required", "leave starttls out");
    refused("smtp://a,smtp://u:hunter2@", "smarthost 2");
}

#[test]
fn several_are_kept_in_their_order_up_to_the_bound() {
    let list = |count: usize| vec!["smtp://h"; count].join(" , ");
    assert_eq!(Smarthost::list(&list(SMARTHOSTS_MAX)).expect("they are taken").len(), SMARTHOSTS_MAX);
    refused(&list(SMARTHOSTS_MAX + 1), "at most 16");
    let hosts: Vec<_> =
        Smarthost::list("smtp://a,smtp://b").expect("they are taken").into_iter().map(|s| s.host).collect();
    assert_eq!(hosts, ["a", "b"]);
}
