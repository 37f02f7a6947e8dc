//! The rules that judge messages, made from what the scorers that serve say of themselves.

use super::score::{points, severity_badge};
use super::visitor::heading;
use super::{Escaped, Section, Visitor, layout, put, query};

/// Rules on the list. A plugin has no more, and usually one plugin judges.
const RULES_SHOWN_MAX: usize = 2_000;

/// One rule.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// Upper-case letters, digits and underscores.
    pub id: String,
    /// One word.
    pub category: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What a finding usually adds, by the weight of its scorer.
    pub points: f64,
    /// What it looks for and why that matters.
    pub description: String,
    /// What to change.
    pub suggestion: String,
    /// `name@version`.
    pub plugin: String,
    /// What it finds something in, where the plugin shows that.
    pub example: Option<String>,
    /// What it finds nothing in, where the plugin shows that.
    pub counterexample: Option<String>,
}

/// All rules.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// In the order of the plugins.
    pub rules: Vec<Rule>,
    /// Who looks.
    pub visitor: Visitor,
}

/// One rule, or those of several plugins that are called the same.
#[derive(Debug, Clone, Default)]
pub struct ShowView {
    /// At least one.
    pub rules: Vec<Rule>,
    /// The other rules of its category, by id.
    pub related: Vec<String>,
    /// Who looks.
    pub visitor: Visitor,
}

/// Every rule, by category.
pub fn list(view: &ListView) -> String {
    let shown = &view.rules[..view.rules.len().min(RULES_SHOWN_MAX)];
    let mut categories: Vec<(&str, Vec<&Rule>)> = Vec::new();
    for rule in shown {
        match categories.iter_mut().find(|(known, _)| *known == rule.category) {
            Some((_, rules)) => rules.push(rule),
            None => categories.push((&rule.category, vec![rule])),
        }
    }
    let told = format!("What messages are judged by: {} in {}.", rules(view.rules.len()), among(categories.len()));
    let mut body = heading("Rules", &told, &view.visitor, "/rules");
    if view.rules.is_empty() {
        body.push_str("<div class=\"empty\"><h2>No scorer serves</h2><p><a class=\"button\" href=\"/plugins\">See the plugins</a></p></div>");
    }
    if categories.len() > 1 {
        body.push_str("<nav aria-label=\"Categories\"><ul class=\"choices categories\">");
        for (category, rules) in &categories {
            put!(
                &mut body,
                "<li><a href=\"#about-{}\">{}</a><span class=\"count\">{}</span></li>",
                Escaped(&query(category)),
                Escaped(category),
                rules.len()
            );
        }
        body.push_str("</ul></nav>");
    }
    for (category, rules) in &categories {
        put_category(&mut body, category, rules);
    }
    if view.rules.len() > shown.len() {
        put!(&mut body, "<p class=\"quiet\">These are the first {RULES_SHOWN_MAX}; the API's list has all.</p>");
    }
    layout("Rules", Some(Section::Score), &body)
}

fn put_category(body: &mut String, category: &str, rules: &[&Rule]) {
    let (id, name) = (query(category), Escaped(category));
    put!(
        body,
        "<section aria-labelledby=\"about-{id}\"><h2 id=\"about-{id}\" class=\"category\">{name}</h2><ul class=\"lines rules\">",
        id = Escaped(&id)
    );
    for rule in rules {
        put!(
            body,
            "<li><div><h3><a href=\"/rules/{}\"><code>{}</code></a> {}</h3><p>{}</p></div>\
             <p class=\"points\">{}<span class=\"unseen\"> points</span></p></li>",
            Escaped(&query(&rule.id)),
            Escaped(&rule.id),
            severity_badge(&rule.severity),
            Escaped(&rule.description),
            points(rule.points)
        );
    }
    body.push_str("</ul></section>");
}

/// One rule.
pub fn show(view: &ShowView) -> String {
    let Some(first) = view.rules.first() else { return list(&ListView::default()) };
    let mut body = String::from("<p class=\"back\"><a href=\"/rules\">← All rules</a></p>");
    let told = format!("A rule about {}.", first.category);
    body.push_str(&heading(&first.id, &told, &view.visitor, &format!("/rules/{}", query(&first.id))));
    for rule in &view.rules {
        put_rule(&mut body, rule);
    }
    if !view.related.is_empty() {
        put!(
            &mut body,
            "<section aria-labelledby=\"related\"><h2 id=\"related\">Other rules about {}</h2><ul class=\"choices categories\">",
            Escaped(&first.category)
        );
        for id in &view.related {
            put!(&mut body, "<li><a href=\"/rules/{}\"><code>{}</code></a></li>", Escaped(&query(id)), Escaped(id));
        }
        body.push_str("</ul></section>");
    }
    layout(&first.id, Some(Section::Score), &body)
}

fn put_rule(body: &mut String, rule: &Rule) {
    put!(
        body,
        "<dl class=\"facts\"><div><dt>Severity</dt><dd>{}</dd></div><div><dt>Points</dt><dd>{}</dd></div>\
         <div><dt>Category</dt><dd><a href=\"/rules#about-{}\">{}</a></dd></div><div><dt>Plugin</dt><dd>{}</dd></div></dl>",
        severity_badge(&rule.severity),
        points(rule.points),
        Escaped(&query(&rule.category)),
        Escaped(&rule.category),
        Escaped(&rule.plugin)
    );
    put!(
        body,
        "<section><h2>What it looks for</h2><p class=\"rule-text\">{}</p></section><section><h2>What to change</h2>\
         <p class=\"rule-text\">{}</p></section>",
        Escaped(&rule.description),
        Escaped(&rule.suggestion)
    );
    for (title, example) in [("It finds this", &rule.example), ("It finds nothing here", &rule.counterexample)] {
        if let Some(example) = example {
            put!(
                body,
                "<section><h2>{title}</h2><pre class=\"letter\" tabindex=\"0\" role=\"group\" aria-label=\"{title}\">{}</pre>\
                 </section>",
                Escaped(example)
            );
        }
    }
}

fn rules(count: usize) -> String {
    if count == 1 { "1 rule".into() } else { format!("{count} rules") }
}

fn among(categories: usize) -> String {
    if categories == 1 { "1 category".into() } else { format!("{categories} categories") }
}

#[cfg(test)]
mod tests;
