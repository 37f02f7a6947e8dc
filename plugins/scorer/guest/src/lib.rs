//! The built-in scorer as a component: hands messages from WIT to the rules and verdicts back.

mod bindings {
    #![allow(missing_docs, clippy::pedantic, reason = "generated from wit/")]
    wit_bindgen::generate!({ path: "../../../wit", world: "scorer" });
}

use bindings::exports::pillarbox::plugin::content_scoring as wit;
use bindings::pillarbox::plugin::types::Description;
use pillarbox_scorer::message::{Attachment, Mailbox, Message};
use pillarbox_scorer::verdict::{Finding, Location, Severity, Verdict};

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: pillarbox_bump::Bump = pillarbox_bump::Bump::new();

/// The attribute of a message by which the host asks whether settings make sense.
const CHECK_SETTINGS: &str = "check-settings";

struct Scorer;

impl wit::Guest for Scorer {
    fn describe() -> Description {
        let plugin = pillarbox_scorer::describe();
        Description {
            name: plugin.name.to_owned(),
            version: plugin.version.to_owned(),
            summary: plugin.summary.to_owned(),
            attributes: attributes(),
        }
    }

    fn rules() -> Vec<wit::Rule> {
        let of_wit = |rule: &pillarbox_scorer::rules::Rule| wit::Rule {
            id: rule.id.to_owned(),
            category: rule.category.as_str().to_owned(),
            severity: severity(rule.severity),
            points: rule.points,
            description: rule.description.to_owned(),
            suggestion: rule.suggestion.to_owned(),
            attributes: Vec::new(),
        };
        pillarbox_scorer::rules().map(of_wit).collect()
    }

    fn score(message: wit::Message, settings: Vec<(String, String)>) -> Result<wit::Verdict, String> {
        if message.attributes.iter().any(|(name, _)| name == CHECK_SETTINGS) {
            pillarbox_scorer::check_settings(&settings)?;
        }
        pillarbox_scorer::score(&plain(message), &settings).map(verdict)
    }
}

/// The settings, and that they are checked when the host asks.
fn attributes() -> Vec<(String, String)> {
    let setting = |setting: &pillarbox_scorer::settings::Declared| {
        let (max, description) = (setting.bytes_max, setting.description);
        let said = format!(r#"{{"type":"text","default":"","max":{max},"description":"{description}"}}"#);
        (format!("setting:{}", setting.name), said)
    };
    let settings = pillarbox_scorer::settings::DECLARED.iter().map(setting);
    settings.chain([(CHECK_SETTINGS.to_owned(), "true".to_owned())]).collect()
}

fn plain(message: wit::Message) -> Message {
    Message {
        from: message.from.map(mailbox),
        reply_to: message.reply_to.map(mailbox),
        to: message.to.into_iter().map(mailbox).collect(),
        subject: message.subject,
        html: message.html,
        text: message.text,
        headers: message.headers,
        attachments: message.attachments.into_iter().map(attachment).collect(),
    }
}

fn mailbox(mailbox: wit::Mailbox) -> Mailbox {
    Mailbox { name: mailbox.name, email: mailbox.email }
}

fn attachment(attachment: wit::Attachment) -> Attachment {
    Attachment {
        filename: attachment.filename,
        content_type: attachment.content_type,
        size: attachment.size,
        head: attachment.head,
        inline: attachment.inline,
    }
}

fn verdict(verdict: Verdict) -> wit::Verdict {
    wit::Verdict {
        spam_score: verdict.spam_score,
        findings: verdict.findings.into_iter().map(finding).collect(),
        attributes: verdict.attributes,
    }
}

fn finding(finding: Finding) -> wit::Finding {
    wit::Finding {
        rule: finding.rule.to_owned(),
        severity: severity(finding.severity),
        points: finding.points,
        message: finding.message,
        suggestion: finding.suggestion.into_owned(),
        location: finding.location.map(location),
        attributes: finding.attributes,
    }
}

fn location(location: Location) -> wit::Location {
    wit::Location {
        part: location.part.as_str().to_owned(),
        offset: location.offset,
        length: location.length,
        index: location.index,
    }
}

fn severity(severity: Severity) -> wit::Severity {
    match severity {
        Severity::Error => wit::Severity::Error,
        Severity::Warning => wit::Severity::Warning,
        Severity::Info => wit::Severity::Info,
    }
}

bindings::export!(Scorer with_types_in bindings);
