//! Servers that refuse, drop, drip, stall and talk nonsense: every message ends in the right state.

use std::time::Instant;

use pillarbox::delivery::attempt::Outcome;
use pillarbox::delivery::outlet::OutletKind;
use pillarbox::mail::event::BounceType;
use tokio::time::sleep;

use super::{MESSAGE, SHORT, attempt, impatient, one_attempt, outlets, relay, url};
use crate::sink::{Act, Script, Sink};

#[tokio::test]
async fn each_refusal_at_each_stage_has_its_outcome() {
    use Outcome::{Bounced, Deferred};
    let (hard, soft) = (Bounced(BounceType::Hard), Bounced(BounceType::Soft));
    let table = [
        ("connect", "421 4.3.2 busy", Deferred),
        ("connect", "554 5.7.1 go away", Deferred),
        ("EHLO", "421 4.3.2 busy", Deferred),
        ("EHLO", "554 5.7.1 go away", Deferred),
        ("MAIL", "451 4.3.0 later", Deferred),
        ("MAIL", "550 5.7.1 not you", Deferred),
        ("MAIL", "530 5.7.0 sign in", Deferred),
        ("MAIL", "552 5.3.4 too large", soft),
        ("RCPT", "450 4.2.0 greylisted", Deferred),
        ("RCPT", "550-5.1.1 no such\n550 5.1.1 user", hard),
        ("RCPT", "550 5.7.1 policy", soft),
        ("RCPT", "452 4.2.2 over quota", Deferred),
        ("DATA", "451 4.3.0 later", Deferred),
        ("DATA", "554 5.5.1 no", soft),
        (".", "451 4.3.0 later", Deferred),
        (".", "554 5.6.0 content", soft),
        (".", "552 5.3.4 too large after all", soft),
    ];
    for (stage, reply, expected) in table {
        for script in [Script::new(), Script::modern(), Script::modern().offers(&["CHUNKING"])] {
            // With CHUNKING there is no DATA.
            let script = script.says(stage, reply);
            let (attempt, sink) = one_attempt(script).await;
            if stage == "DATA" && sink.commands().iter().any(|command| command.starts_with("BDAT")) {
                continue;
            }
            assert_eq!(attempt.outcome, expected, "{stage} {reply}: {attempt:?}");
            let shown = reply.replace("\n550 5.1.1", "").replace('-', " ");
            assert_eq!((attempt.response.as_str(), attempt.code.to_string().as_str()), (shown.as_str(), &reply[..3]));
            assert_eq!(attempt.enhanced_code.as_deref(), reply.get(4..9));
            assert_eq!(sink.taken(), []);
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_at_any_stage_is_another_attempt() {
    for stage in ["connect", "EHLO", "MAIL", "RCPT", "DATA", "text", "."] {
        for script in [Script::new(), Script::modern()] {
            let (attempt, sink) = one_attempt(script.at(stage, Act::Close)).await;
            assert_eq!(attempt.outcome, Outcome::Deferred, "{stage}: {attempt:?}");
            assert!(attempt.response.contains("closed the connection"), "{stage}: {attempt:?}");
            let in_doubt = attempt.response.contains("may have taken it");
            // The message is so short that its end is sent with its beginning.
            assert_eq!(in_doubt, matches!(stage, "." | "text"), "{stage}: {attempt:?}");
            assert_eq!(sink.taken().len(), usize::from(stage == "."));
        }
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_drips_is_left_in_time() {
    for stage in ["connect", "EHLO", "MAIL", "RCPT", "DATA", "."] {
        for act in [Act::Keep, Act::Drip] {
            let began = Instant::now();
            let (attempt, _) = one_attempt(Script::modern().at(stage, act)).await;
            assert_eq!(attempt.outcome, Outcome::Deferred, "{stage}: {attempt:?}");
            assert!(attempt.response.contains("no answer to"), "{stage}: {attempt:?}");
            assert_eq!(attempt.response.contains("may have taken it"), stage == ".", "{stage}: {attempt:?}");
            assert!(began.elapsed() < 20 * SHORT, "{stage}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stops_taking_a_message_is_left_in_time_and_heard_if_it_says_why() {
    let message = [b"Subject: large\r\n\r\n", vec![b'x'; 16 << 20].as_slice()].concat();
    let soft = Outcome::Bounced(BounceType::Soft);
    let table = [
        (Act::Stall(""), Outcome::Deferred, "no answer to the message's text"),
        (Act::Stall("552 5.3.4 too large after all"), soft, "552 5.3.4 too large after all"),
        (Act::SayAndClose("552 5.3.4 too large after all"), soft, "552 5.3.4 too large after all"),
        (Act::Close, Outcome::Deferred, "closed the connection"),
    ];
    for (act, outcome, told) in table {
        for script in [Script::new(), Script::modern().offers(&["SIZE 100000000", "CHUNKING"])] {
            let sink = Sink::start(vec![script.at("text", act.clone())]).await;
            let outlets = outlets(&[("PILLARBOX_RELAY_URL", &url(&sink))], impatient());
            let attempt = attempt(&outlets, OutletKind::Relay, &message).await;
            assert_eq!(attempt.outcome, outcome, "{act:?}: {attempt:?}");
            assert!(attempt.response.contains(told), "{act:?}: {attempt:?}");
            assert!(!attempt.response.contains("may have taken it"), "{act:?}: {attempt:?}");
            assert_eq!(sink.taken(), []);
        }
    }
}

#[tokio::test]
async fn a_421_ends_the_connection_and_not_the_message() {
    for stage in ["MAIL", "RCPT", "DATA", "."] {
        let (attempt, sink) = one_attempt(Script::modern().says(stage, "421 4.3.2 restarting")).await;
        assert_eq!((attempt.outcome, attempt.code), (Outcome::Deferred, 421), "{stage}: {attempt:?}");
        assert!(!attempt.response.contains("may have taken it"), "{stage}: {attempt:?}");
        sleep(SHORT).await;
        assert_eq!(sink.connections(), (1, 1), "{stage}");
    }
}

#[tokio::test]
async fn what_is_no_reply_is_told_in_words() {
    let endless = "250-x\r\n".repeat(101);
    let endless: &'static str = Box::leak(endless.into_boxed_str());
    let long: &'static str = Box::leak(format!("250 {}\r\n", "x".repeat(3_000)).into_boxed_str());
    let table = [
        ("connect", "SSH-2.0-OpenSSH\r\n", "does not begin with a reply code"),
        ("EHLO", "250-a\r\n251 b\r\n", "begins with 250 and goes on with 251"),
        ("EHLO", endless, "more than 100 lines"),
        ("RCPT", long, "more than 2048 bytes"),
        ("MAIL", "354 go on\r\n", "no answer to MAIL"),
        ("DATA", "250 ok\r\n", "no answer to DATA"),
        (".", "354 go on\r\n", "may have taken it"),
        (".", "hm\r\n", "may have taken it"),
    ];
    for (stage, bytes, told) in table {
        let (attempt, _) = one_attempt(Script::new().at(stage, Act::Send(bytes))).await;
        assert_eq!(attempt.outcome, Outcome::Deferred, "{attempt:?}");
        assert!(attempt.response.contains(told), "{stage}: {attempt:?}");
    }
}

#[tokio::test]
async fn a_message_that_a_server_cannot_take_is_not_even_begun() {
    let utf8 = "Subject: grüße\r\n\r\n".as_bytes();
    let eight = "Subject: x\r\n\r\ngrüße\r\n".as_bytes();
    let sized = ["SIZE 10"];
    for (offered, message, code, told) in [
        (&[][..], utf8, "5.6.7", "SMTPUTF8"),
        (&["8BITMIME"][..], utf8, "5.6.7", "SMTPUTF8"),
        (&[][..], eight, "5.6.3", "8BITMIME"),
        (&sized[..], MESSAGE, "5.3.4", "takes 10"),
    ] {
        let sink = Sink::start(vec![Script::new().offers(offered)]).await;
        let attempt = attempt(&relay(&url(&sink)), OutletKind::Relay, message).await;
        assert_eq!(attempt.outcome, Outcome::Bounced(BounceType::Soft), "{attempt:?}");
        assert_eq!((attempt.code, attempt.enhanced_code.as_deref()), (0, Some(code)));
        assert!(attempt.response.contains(told), "{attempt:?}");
        assert_eq!(sink.commands(), ["EHLO us.example"]);
    }
}
