//! The words, the order of statuses, and what each privacy level shows.

use super::*;
use serde_json::json;

#[test]
fn every_word_is_one_in_json_and_in_text() {
    for &event in EventType::ALL {
        assert_eq!(EventType::parse(event.as_str()), Some(event));
        assert_eq!(serde_json::to_value(event).ok(), Some(json!(event.as_str())));
    }
    for &status in EmailStatus::ALL {
        assert_eq!(EmailStatus::parse(status.as_str()), Some(status));
        assert_eq!(serde_json::from_value::<EmailStatus>(json!(status.as_str())).ok(), Some(status));
    }
    assert_eq!(EventType::parse("Opened"), None);
    assert_eq!(PrivacyLevel::parse("masked"), Some(PrivacyLevel::Masked));
}

#[track_caller]
fn ends_as(from: EmailStatus, event: EventType, expected: EmailStatus) {
    assert_eq!(after(from, event, None), expected, "{from:?} and {event:?}");
}

#[test]
fn a_status_follows_what_is_known() {
    ends_as(EmailStatus::Scheduled, EventType::Queued, EmailStatus::Queued);
    ends_as(EmailStatus::Scheduled, EventType::Canceled, EmailStatus::Canceled);
    ends_as(EmailStatus::Queued, EventType::Sent, EmailStatus::Sent);
    ends_as(EmailStatus::Sent, EventType::Deferred, EmailStatus::Deferred);
    ends_as(EmailStatus::Deferred, EventType::Failed, EmailStatus::Failed);
    ends_as(EmailStatus::Deferred, EventType::Delivered, EmailStatus::Delivered);
    ends_as(EmailStatus::Delivered, EventType::Bounced, EmailStatus::Bounced);
    ends_as(EmailStatus::Bounced, EventType::Delivered, EmailStatus::Bounced);
    ends_as(EmailStatus::Complained, EventType::Bounced, EmailStatus::Complained);
    ends_as(EmailStatus::Queued, EventType::Opened, EmailStatus::Queued);
}

#[test]
fn news_in_any_order_and_number_leads_to_the_same_status() {
    for &from in EmailStatus::ALL {
        for &one in EventType::ALL {
            for &other in EventType::ALL {
                let either = after(after(from, one, None), other, None);
                assert_eq!(either, after(after(from, other, None), one, None));
                assert_eq!(either, after(either, one, None));
                assert!(either >= from);
            }
        }
    }
}

fn hit() -> Value {
    json!({
        "ip": "192.0.2.77", "user_agent": "Mozilla/5.0", "url": "https://example.com/a?user=ada#top",
        "client": {"confidence": 10, "class": "human", "reason": "nothing odd"},
        "custom": {"note": "for <ada@example.com>", "ada@example.com": ["bob@example.org"]},
    })
}

#[test]
fn each_level_shows_what_it_should() {
    let seen = |level| {
        let mut data = hit();
        redact(level, &mut data);
        data
    };
    assert_eq!(seen(PrivacyLevel::Full), hit());
    assert_eq!(
        seen(PrivacyLevel::Masked),
        json!({
            "ip": "192.0.2.0", "user_agent": "Mozilla/5.0", "url": "https://example.com/a",
            "client": {"confidence": 10, "class": "human", "reason": "nothing odd"},
            "custom": {"note": "for <a***@example.com>", "a***@example.com": ["b***@example.org"]},
        })
    );
    assert_eq!(seen(PrivacyLevel::Minimal), json!({"client": {"confidence": 10, "class": "human"}}));
}

#[test]
fn minimal_keeps_nothing_that_is_not_on_its_list() {
    let mut data = json!({"type": {"ip": "192.0.2.1"}, "bounce_type": "hard", "reason": "<ada@example.com> unknown"});
    redact(PrivacyLevel::Minimal, &mut data);
    assert_eq!(data, json!({"bounce_type": "hard"}));
    let mut text = json!("ada@example.com");
    redact(PrivacyLevel::Minimal, &mut text);
    assert_eq!(text, json!({}));
}

#[test]
fn an_ip_address_is_cut_to_its_network() {
    for (ip, network) in [
        ("192.0.2.255", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:192.0.2.9", "192.0.2.0"),
        ("::1", "::"),
        ("unknown", ""),
    ] {
        assert_eq!(mask_ip(ip), network, "{ip}");
    }
}

#[test]
fn an_address_is_masked_wherever_it_stands() {
    for (text, masked) in [
        ("ada@example.com", "a***@example.com"),
        ("\"ada b\"@example.com", "a***@example.com"),
        ("to \"ada, b\"@example.com or \"é\"@example.com", "to a***@example.com or é***@example.com"),
        ("\"@example.com \"\"@example.com", "***@example.com ***@example.com"),
        ("@example.com", "***@example.com"),
        ("550 <ada@example.com>: no such user", "550 <a***@example.com>: no such user"),
        ("mailto:ada@example.com?x", "mailto:a***@example.com?x"),
        ("Ä@example.com,ö@example.com", "Ä***@example.com,ö***@example.com"),
        ("nobody here", "nobody here"),
    ] {
        assert_eq!(mask_addresses(text), masked);
    }
    assert_eq!(mask_address("ada"), "a***");
}

#[test]
fn a_timeline_reads_like_sentences() {
    for (event, data, sentence) in [
        (EventType::Queued, json!({}), "Accepted and queued for delivery."),
        (
            EventType::Bounced,
            json!({"bounce_type": "hard", "reason": "550 5.1.1\r\nno such user"}),
            "It bounced for good: the address does not work (550 5.1.1  no such user).",
        ),
        (EventType::Bounced, json!(null), "It bounced."),
        (EventType::Opened, json!({"client": {"class": "scanner"}}), "A mail scanner fetched its pixel."),
        (
            EventType::Clicked,
            json!({"url": "https://a.example/"}),
            "The recipient followed a link (https://a.example/).",
        ),
        (EventType::Complained, json!({"feedback_type": "fraud"}), "The recipient reported it as fraud."),
    ] {
        assert_eq!(summary(event, &data), sentence);
    }
    let long = summary(EventType::Failed, &json!({"reason": "é".repeat(SUMMARY_REASON_CHARS_MAX + 1)}));
    assert_eq!(long, format!("Delivery was given up ({}…).", "é".repeat(SUMMARY_REASON_CHARS_MAX)));
}
