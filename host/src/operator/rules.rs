//! The pages about the rules of the scorers that serve everybody.

use http::StatusCode;

use super::{Asked, page, visitor};
use crate::api::scoring::{RuleView, rules_of};
use crate::app::App;
use crate::error::{Error, Result};
use crate::pages::rules::{self, ListView, Rule, ShowView};
use crate::reply::Reply;

/// Rules that a rule's page leads on to.
const RELATED_MAX: usize = 100;

/// All of them.
pub(super) fn list(app: &App, asked: &Asked) -> Reply {
    let rules = rules_of(app, None).into_iter().map(shown).collect();
    page(StatusCode::OK, rules::list(&ListView { rules, visitor: visitor(app, asked) }))
}

/// One of them.
pub(super) fn show(app: &App, asked: &Asked, id: &str) -> Result<Reply> {
    let (rules, others): (Vec<_>, Vec<_>) = rules_of(app, None).into_iter().partition(|rule| rule.id == id);
    let first = rules.first().ok_or(Error::NotFound("No scorer that serves has a rule of this name"))?;
    let related = others.iter().filter(|other| other.category == first.category).map(|other| other.id.clone());
    let related = related.take(RELATED_MAX).collect();
    let view = ShowView { related, rules: rules.into_iter().map(shown).collect(), visitor: visitor(app, asked) };
    Ok(page(StatusCode::OK, rules::show(&view)))
}

fn shown(rule: RuleView) -> Rule {
    let said = |name: &str| rule.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    Rule {
        example: said("example"),
        counterexample: said("counterexample"),
        id: rule.id,
        category: rule.category,
        severity: rule.severity.into(),
        points: rule.points,
        description: rule.description,
        suggestion: rule.suggestion,
        plugin: rule.plugin,
    }
}
