//! Outlets under TLS, and the logins that need it.

use pillarbox::delivery::attempt::Outcome;
use pillarbox::delivery::outlet::{OutletKind, Outlets};
use pillarbox::smtp::client::timeouts::Timeouts;
use tempfile::TempDir;

use super::{MESSAGE, attempt, impatient, outlets, relay, send};
use crate::names::{Names, at};
use crate::sink::{Act, Script, Sink, Tls, certificate};

/// A folder with this certificate in `ca.pem`, and an outlet that trusts it.
fn trusting(pem: &str, url: &str) -> (TempDir, Outlets) {
    let folder = tempfile::tempdir().expect("a folder is made");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).expect("it is written");
    let path = path.to_str().expect("the path is text");
    let made = outlets(&[("PILLARBOX_RELAY_URL", url), ("PILLARBOX_RELAY_CA", path)], Timeouts::default());
    (folder, made)
}

#[tokio::test]
async fn tls_is_used_wherever_it_is_offered_with_any_certificate() {
    let (acceptor, _) = certificate(&["somebody.else"], false);
    let sink = Sink::start(vec![Script::modern().with_tls(Tls::Good(acceptor))]).await;
    let attempt = send(&relay(&format!("smtp://{}", sink.address))).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert!(sink.taken()[0].under_tls);
    assert_eq!(sink.taken()[0].message, MESSAGE);
    let ehlos = sink.commands().iter().filter(|command| command.starts_with("EHLO")).count();
    assert_eq!(ehlos, 2, "what was offered in the clear counts no more");
}

#[tokio::test]
async fn where_tls_is_a_chance_a_broken_one_costs_nothing() {
    for script in [
        Script::modern().with_tls(Tls::Broken),
        Script::modern().with_tls(Tls::None).says("STARTTLS", "454 4.7.0 not now"),
        Script::modern().with_tls(Tls::None).says("STARTTLS", "502 5.5.1 what"),
        Script::modern().with_tls(Tls::None).at("STARTTLS", Act::SayAndClose("220 begin")),
    ] {
        let sink = Sink::start(vec![script, Script::modern().with_tls(Tls::Broken), Script::modern()]).await;
        let attempt = send(&relay(&format!("smtp://{}", sink.address))).await;
        assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
        assert!(!sink.taken()[0].under_tls);
    }
}

#[tokio::test]
async fn where_tls_is_required_nothing_is_sent_without_it() {
    for (script, told) in [
        (Script::modern(), "does not offer STARTTLS"),
        (Script::modern().with_tls(Tls::Broken), "TLS failed"),
        (Script::modern().with_tls(Tls::None).says("STARTTLS", "454 4.7.0 not now"), "454 4.7.0 not now"),
        (Script::modern().with_tls(Tls::None).at("STARTTLS", Act::Keep), "no answer to STARTTLS"),
        (Script::modern().with_tls(Tls::Good(certificate(&["127.0.0.1"], false).0)), "TLS failed"),
    ] {
        let sink = Sink::start(vec![script]).await;
        let url = format!("smtp://{}?starttls=required", sink.address);
        let attempt = send(&outlets(&[("PILLARBOX_RELAY_URL", &url)], impatient())).await;
        assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
        assert!(attempt.response.contains(told), "{attempt:?}");
        assert!(sink.commands().iter().all(|command| !command.starts_with("MAIL")), "{:?}", sink.commands());
    }
}

#[tokio::test]
async fn a_required_certificate_must_be_trusted_and_name_the_host() {
    for (implicit, is_authority) in [(false, false), (true, false), (false, true)] {
        let (acceptor, pem) = certificate(&["127.0.0.1"], is_authority);
        let (another, of_another) = certificate(&["somebody.else"], is_authority);
        let script = |acceptor| {
            let script = Script::modern();
            if implicit { script.under_tls(acceptor) } else { script.with_tls(Tls::Good(acceptor)) }
        };
        let url = |sink: &Sink| {
            let address = sink.address;
            if implicit { format!("smtps://{address}") } else { format!("smtp://{address}?starttls=required") }
        };
        let sink = Sink::start(vec![script(acceptor.clone())]).await;
        let (_folder, outlets) = trusting(&pem, &url(&sink));
        let attempt = send(&outlets).await;
        assert_eq!((attempt.outcome, attempt.host.as_str()), (Outcome::Delivered, "127.0.0.1"), "{attempt:?}");
        assert!(sink.taken()[0].under_tls);

        let misnamed = Sink::start(vec![script(another.clone())]).await;
        let untrusted = Sink::start(vec![script(certificate(&["127.0.0.1"], false).0)]).await;
        for (sink, trusted) in [(misnamed, &of_another), (untrusted, &pem)] {
            let (_folder, outlets) = trusting(trusted, &url(&sink));
            let attempt = send(&outlets).await;
            assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
            assert!(attempt.response.contains("TLS failed") && attempt.response.contains("relay_ca"), "{attempt:?}");
            assert_eq!(sink.taken(), []);
        }
    }
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_is_not_taken_for_what_is_under_it() {
    let (acceptor, pem) = certificate(&["127.0.0.1"], false);
    let script = Script::modern().with_tls(Tls::Good(acceptor)).at("STARTTLS", Act::Send("220 begin\r\n250 fine\r\n"));
    let sink = Sink::start(vec![script]).await;
    let (_folder, outlets) = trusting(&pem, &format!("smtp://{}?starttls=required", sink.address));
    let attempt = send(&outlets).await;
    assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
    assert!(attempt.response.contains("between STARTTLS and TLS"), "{attempt:?}");
}

#[tokio::test]
async fn a_password_is_given_under_tls_or_on_loopback() {
    let (acceptor, pem) = certificate(&["127.0.0.1"], false);
    let sink = Sink::start(vec![Script::modern().offers(&["AUTH PLAIN LOGIN"]).with_tls(Tls::Good(acceptor))]).await;
    let (_folder, outlets) = trusting(&pem, &format!("smtp://ada:se%40cret@{}?starttls=required", sink.address));
    assert_eq!(send(&outlets).await.outcome, Outcome::Delivered);
    let position = |word: &str| sink.commands().iter().position(|command| command.starts_with(word));
    assert!(position("STARTTLS") < position("AUTH PLAIN AGFkYQBzZUBjcmV0"), "{:?}", sink.commands());

    let clear = Sink::start(vec![
        Script::modern()
            .offers(&["AUTH LOGIN"])
            .says("AUTH", "334 VXNlcm5hbWU6")
            .says("other", "334 UGFzc3dvcmQ6")
            .says("other", "235 2.7.0 welcome"),
    ])
    .await;
    assert_eq!(send(&relay(&format!("smtp://ada:secret@{}", clear.address))).await.outcome, Outcome::Delivered);
    assert_eq!(clear.commands()[1..4], ["AUTH LOGIN", "YWRh", "c2VjcmV0"]);
}

#[tokio::test]
async fn a_refused_login_is_our_trouble_and_the_next_smarthost_is_asked() {
    let refusing = || Script::modern().offers(&["AUTH PLAIN"]).says("AUTH", "535 5.7.8 wrong password");
    let sink = Sink::start(vec![refusing()]).await;
    let attempt = send(&relay(&format!("smtp://ada:secret@{}", sink.address))).await;
    assert_eq!((attempt.outcome, attempt.code), (Outcome::Deferred, 535), "{attempt:?}");

    let first = Sink::start(vec![refusing()]).await;
    let next = Sink::start(vec![Script::modern()]).await;
    let attempt = send(&relay(&format!("smtp://ada:secret@{},smtp://{}", first.address, next.address))).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");

    let without = Sink::start(vec![Script::modern()]).await;
    let attempt = send(&relay(&format!("smtp://ada:secret@{}", without.address))).await;
    assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
    assert!(attempt.response.contains("PLAIN, LOGIN"), "{attempt:?}");
}

#[tokio::test]
async fn exchangers_get_any_tls_and_no_tls_where_it_is_broken() {
    let broken = Sink::start(vec![Script::modern().with_tls(Tls::Broken)]).await;
    let names = Names::start(&[("example.com", at(1))]).await;
    let send = async |port: u16| {
        let outlets = outlets(
            &[
                ("PILLARBOX_DNS_SERVERS", &names.address.to_string()),
                ("PILLARBOX_MX_PORT", &port.to_string()),
                ("PILLARBOX_MX_PRIVATE_ADDRESSES", "allow"),
            ],
            Timeouts::default(),
        );
        attempt(&outlets, OutletKind::Mx, MESSAGE).await
    };
    let attempt = send(broken.address.port()).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert_eq!(broken.connections().0, 2);
    let good = Sink::start(vec![Script::modern().with_tls(Tls::Good(certificate(&["other"], false).0))]).await;
    let attempt = send(good.address.port()).await;
    assert_eq!(attempt.outcome, Outcome::Delivered, "{attempt:?}");
    assert!(good.taken()[0].under_tls);
}
