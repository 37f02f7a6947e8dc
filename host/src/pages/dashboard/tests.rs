//! That a dashboard says what it is given, escapes it, and leads nobody to where others are.

use super::*;

fn event(recipient: &str) -> Happened {
    Happened {
        id: "e1".into(),
        event_type: "bounced",
        at: "2024-03-15T14:30:00Z".into(),
        recipient: recipient.into(),
        summary: "It bounced\r\ndata: <i>".into(),
    }
}

fn view() -> View {
    let figures = Figures { sent: 1_000, delivered: 950, bounced: 30, opened: 400, clicked: 80, complained: 0 };
    View {
        customer: Some("A <c>me".into()),
        asked: Some("a&b@example.org".into()),
        period: Period::Week,
        steps: vec![("14 Mar".into(), figures), ("15 Mar".into(), Figures::default())],
        reasons: vec![("bad_address".into(), 20), ("policy".into(), 5)],
        domains: vec![DomainRow { name: "acme.example".into(), status: "verified", figures }],
        health: Some(Health {
            grade: "A".into(),
            score: "91".into(),
            summary: "Good.".into(),
            advice: vec!["Do <it>".into()],
        }),
        events: Some(vec![event("<script>@example.com")]),
    }
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn an_operator_sees_a_customers_numbers_and_the_way_to_other_periods() {
    let page = for_operators(&view(), &Visitor::default());
    has(&page, &["<h1>Dashboard of A &lt;c&gt;me</h1>", "The last 7 days. Times are in UTC.", "← All customers"]);
    has(&page, &["<dt>Sent</dt><dd>1,000</dd>", "<dd>950 <span class=\"quiet\">95.0 % of the sent</span></dd>"]);
    has(&page, &["href=\"/dashboard?customer=a%26b%40example.org&amp;period=90d\">90 days</a>"]);
    has(&page, &["period=7d\" aria-current=\"page\">7 days</a>", "Do &lt;it&gt;", "bad address</span>"]);
    has(&page, &["data-stream=\"/dashboard/stream?customer=a%26b%40example.org&amp;after=e1\""]);
    has(&page, &["acme.example <span class=\"badge wait\">acceptable</span>", "width=\"100\"", "width=\"25\""]);
    assert!(!page.contains("<script>@") && page.matches("<script").count() == 1);
}

#[test]
fn a_customers_page_leads_to_nothing_of_operators() {
    let page = for_customer(&View { asked: None, ..view() });
    has(&page, &["<h1>A &lt;c&gt;me</h1>", "Sign out", "href=\"/dashboard?period=24h\"", "href=\"/docs\""]);
    for part in ["/mailbox", "/queue", "/login", "customer="] {
        assert!(!page.contains(part), "{part} is in {page}");
    }
    let page = for_customer(&View { events: None, ..view() });
    assert!(page.contains("may not see single events") && !page.contains("<script"));
}

#[test]
fn an_item_is_one_line_whatever_is_in_it() {
    let item = item(&event("a\n\nb"));
    assert!(!item.contains('\n') && !item.contains('\r') && item.contains("data: &lt;i&gt;"), "{item}");
}

#[test]
fn the_script_is_the_one_that_the_policy_allows() {
    assert!(!LIVE.contains("</") && !LIVE.contains("<!--"));
    let policy = policy();
    let hash = policy.split("'sha256-").nth(1).and_then(|rest| rest.split('\'').next()).expect("it has a hash");
    assert_eq!(STANDARD.decode(hash).expect("it is base64"), sha256(LIVE.as_bytes()));
    assert!(policy.starts_with("default-src 'none'"));
}

#[test]
fn mail_is_received_well_up_to_the_documented_thresholds() {
    let of = |bounced, complained| {
        received(&Figures { sent: 1_000, delivered: 1_000, bounced, complained, ..Figures::default() }).1
    };
    assert_eq!((of(20, 1), of(21, 0), of(0, 2)), ("good", "acceptable", "acceptable"));
    assert_eq!((of(50, 5), of(51, 0), of(0, 6)), ("acceptable", "too much comes back", "too much comes back"));
    assert_eq!(received(&Figures::default()).1, "good");
}

#[test]
fn a_share_has_one_decimal_and_nothing_is_no_part_of_nothing() {
    assert_eq!(
        (percent(1, 3).as_str(), percent(0, 0).as_str(), percent(7, 7).as_str()),
        ("33.3 %", "0.0 %", "100.0 %")
    );
}

#[test]
fn what_is_wrong_is_told_with_the_field() {
    assert!(!sign_in(None).contains("role=\"alert\""));
    has(
        &sign_in(Some("Not <it>")),
        &["role=\"alert\">Not &lt;it&gt;<", "aria-describedby=\"wrong where\"", "for=\"key\""],
    );
}
