use super::*;

fn rule(id: &str, category: &str) -> Rule {
    Rule {
        id: id.into(),
        category: category.into(),
        severity: "warning".into(),
        points: 1.5,
        description: "Looks for <b>.".into(),
        suggestion: "Leave it & go.".into(),
        plugin: "guest@1.0.0".into(),
        ..Rule::default()
    }
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

#[test]
fn rules_are_listed_by_category_and_lead_to_their_pages() {
    let rules = vec![rule("ONE", "links"), rule("TWO", "html"), rule("THREE", "links")];
    let page = list(&ListView { rules, visitor: Visitor::default() });
    has(
        &page,
        &[
            "3 rules in 2 categories.",
            "href=\"/score\" aria-current=\"true\">Score</a>",
            "<li><a href=\"#about-links\">links</a><span class=\"count\">2</span></li>",
            "<h2 id=\"about-html\" class=\"category\">html</h2>",
            "<h3><a href=\"/rules/ONE\"><code>ONE</code></a> <span class=\"badge wait\">warning</span></h3>\
             <p>Looks for &lt;b&gt;.</p>",
            "<p class=\"points\">1.5<span class=\"unseen\"> points",
        ],
    );
    let places = ["/rules/ONE", "/rules/THREE", "/rules/TWO"].map(|part| page.find(part));
    assert!(places.is_sorted(), "{places:?}");
    has(&list(&ListView::default()), &["No scorer serves", "0 rules"]);
}

#[test]
fn a_list_has_a_bound() {
    let of = |count: usize| {
        let rules = (0..count).map(|number| rule(&format!("R{number}"), "links")).collect();
        list(&ListView { rules, visitor: Visitor::default() })
    };
    assert!(!of(RULES_SHOWN_MAX).contains("These are the first"), "just inside");
    let page = of(RULES_SHOWN_MAX + 1);
    has(&page, &["These are the first 2000", "/rules/R1999\""]);
    assert!(!page.contains("/rules/R2000\""));
}

#[test]
fn a_rule_says_what_it_looks_for_and_shows_what_its_plugin_gives() {
    let bare = show(&ShowView { rules: vec![rule("ONE", "links")], ..ShowView::default() });
    has(
        &bare,
        &[
            "<title>ONE · Pillarbox</title>",
            "A rule about links.",
            "Looks for &lt;b&gt;.",
            "Leave it &amp; go.",
            "<dd>1.5</dd>",
            "guest@1.0.0",
            "href=\"/rules#about-links\"",
        ],
    );
    assert!(!bare.contains("It finds") && !bare.contains("Other rules"));
    let example = Some("<a href=\"x\">".into());
    let rich = Rule { example, counterexample: Some("plain".into()), ..rule("ONE", "links") };
    let rich =
        show(&ShowView { rules: vec![rich, rule("ONE", "links")], related: vec!["TWO".into()], ..ShowView::default() });
    has(&rich, &["It finds this</h2>", "&lt;a href=&quot;x&quot;&gt;", "It finds nothing here", "href=\"/rules/TWO\""]);
    assert_eq!(rich.matches("What it looks for").count(), 2, "each plugin's own");
}

#[test]
fn no_field_can_leave_its_place() {
    let hostile = "\"><img src=x onerror=alert(1)>'";
    let text = || hostile.to_owned();
    let rule = Rule {
        id: text(),
        category: text(),
        severity: text(),
        points: f64::NAN,
        description: text(),
        suggestion: text(),
        plugin: text(),
        example: Some(text()),
        counterexample: Some(text()),
    };
    let rules = vec![rule, self::rule("ONE", "links")];
    let visitor = Visitor { form_token: Some(text()) };
    let related = vec![text()];
    for page in [
        list(&ListView { rules: rules.clone(), visitor: visitor.clone() }),
        show(&ShowView { rules, related, visitor }),
    ] {
        assert!(!page.contains("<img") && !page.contains("<script"), "{page}");
    }
}
