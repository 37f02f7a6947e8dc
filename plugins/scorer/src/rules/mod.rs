//! The rules: what one is, and all of them.
//!
//! A new rule is an entry in the table of its category and a function below it. The function gets the facts of the
//! message and reports what it finds; the entry says what that means, costs and how it is mended.

use crate::facts::Facts;
use crate::settings::Settings;
use crate::tally::{Hits, Tally};
use crate::verdict::Severity;

/// Defines the table of a file and who asks its rules, one after the other.
///
/// A rule is asked by its name and not through a pointer in the table: the sandbox resolves a pointer anew in each call, and
/// two hundred of them would be a good part of a short message's time.
macro_rules! rules {
    ($(Rule {
        id: $id:expr,
        category: $category:expr,
        severity: $severity:expr,
        points: $points:expr,
        description: $description:expr,
        suggestion: $suggestion:expr,
        check: $check:expr,
    },)*) => {
        pub(super) static RULES: &[Rule] = &[$(Rule {
            id: $id,
            category: $category,
            severity: $severity,
            points: $points,
            description: $description,
            suggestion: $suggestion,
        },)*];

        pub(super) fn ask(inquiry: &mut super::Inquiry<'_>) {
            let mut rules = RULES.iter();
            $(if let Some(rule) = rules.next() {
                inquiry.ask(rule, $check);
            })*
        }
    };
}

/// Lists the tables. Their files are declared apart, where tools that format and check find them.
macro_rules! tables {
    ($($file:ident,)*) => {
        /// All tables, in the order of the documentation.
        pub(crate) static TABLES: &[&[Rule]] = &[$($file::RULES,)*];

        /// Asks all rules.
        pub(crate) fn ask(inquiry: &mut Inquiry<'_>) {
            $($file::ask(inquiry);)*
        }
    };
}

mod accessibility;
mod attachments;
mod authentication;
mod compliance;
mod encoding;
mod envelope;
mod files;
mod headers;
mod html;
mod link_hosts;
mod link_shape;
mod link_text;
mod links;
mod markup;
mod sender;
mod structure;
mod subject;
mod topics;
mod wording;

tables! {
    subject,
    encoding,
    wording,
    topics,
    link_text,
    link_hosts,
    links,
    link_shape,
    html,
    markup,
    structure,
    headers,
    sender,
    envelope,
    compliance,
    attachments,
    files,
    authentication,
    accessibility,
}

/// One thing that is looked for.
pub struct Rule {
    /// Upper-case letters and underscores, unique; it stays the same for ever, since operators refer to it.
    pub id: &'static str,
    /// What it is about.
    pub category: Category,
    /// How much it matters.
    pub severity: Severity,
    /// What it adds to the score, once per message.
    pub points: f64,
    /// What it looks for and why that matters.
    pub description: &'static str,
    /// What to change.
    pub suggestion: &'static str,
}

/// What all rules are asked about one message.
pub(crate) struct Inquiry<'i> {
    pub(crate) facts: &'i Facts<'i>,
    pub(crate) settings: &'i Settings<'i>,
    pub(crate) tally: Tally,
}

impl Inquiry<'_> {
    /// Asks a rule. Apart, or all of them would become one function that takes a compiler long.
    #[inline(never)]
    fn ask(&mut self, rule: &'static Rule, check: impl Fn(&Facts<'_>, &mut Hits)) {
        if !self.settings.leaves_out(rule.id) {
            let mut hits = Hits::default();
            check(self.facts, &mut hits);
            self.tally.add(rule, self.settings.points(rule.id).unwrap_or(rule.points), hits);
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The subject line.
    Subject,
    /// What the message says and how.
    Wording,
    /// Where it leads.
    Links,
    /// What its html does.
    Html,
    /// What it is made of.
    Structure,
    /// Who it is from and how its head is written.
    Headers,
    /// What law and mailbox providers ask of bulk mail.
    Compliance,
    /// Its files.
    Attachments,
    /// What signatures and earlier checks say.
    Authentication,
    /// Whether everybody can read it.
    Accessibility,
    /// What the operator's own rules ask.
    Own,
    /// What a learned model makes of all of it.
    Model,
}

impl Category {
    pub(crate) const COUNT: usize = Category::Model as usize + 1;

    /// The word that the API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Subject => "subject",
            Category::Wording => "wording",
            Category::Links => "links",
            Category::Html => "html",
            Category::Structure => "structure",
            Category::Headers => "headers",
            Category::Compliance => "compliance",
            Category::Attachments => "attachments",
            Category::Authentication => "authentication",
            Category::Accessibility => "accessibility",
            Category::Own => "own",
            Category::Model => "model",
        }
    }

    /// Whether its points count beside the model's judgement: the model has hardly seen dangerous files and failed checks,
    /// so it cannot weigh them.
    pub(crate) fn stands_alone(self) -> bool {
        matches!(self, Category::Attachments | Category::Authentication)
    }

    /// What all findings of a category add at most, so that many faults of one kind do not look like spam. Words
    /// and markup alone never reach the 5.0 at which filters act; deceptive links and dangerous files do.
    #[must_use]
    pub fn points_max(self) -> f64 {
        match self {
            Category::Subject | Category::Structure => 2.5,
            Category::Wording | Category::Authentication => 4.0,
            Category::Links => 7.0,
            Category::Html => 3.0,
            Category::Headers => 3.5,
            Category::Compliance => 1.5,
            Category::Attachments => 8.0,
            Category::Accessibility => 0.5,
            Category::Own => crate::own::POINTS_MAX,
            Category::Model => crate::model::POINTS_MAX,
        }
    }
}
