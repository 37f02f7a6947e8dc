//! The built-in scorer as a component, apart from any service, called with the messages of `plugins/scorer`.

#![allow(dead_code, reason = "benches and tests each use their part")]

use std::path::Path;
use std::sync::Arc;

use pillarbox::plugins::limits::Limits;
use pillarbox::plugins::{Loaded, Settings, Tried, Workbench, scorer};
use pillarbox_scorer::message::{Attachment, Mailbox, Message};

/// A sandbox with the built-in scorer in it.
pub struct Component {
    bench: Workbench,
    loaded: Arc<Loaded>,
}

impl Component {
    /// With the clock, as it serves.
    pub async fn start(limits: Limits) -> Component {
        Self::of(Workbench::start(limits).expect("the sandbox starts")).await
    }

    /// With fuel, of which the same call takes the same on every machine.
    pub async fn start_metered(limits: Limits) -> Component {
        Self::of(Workbench::start_metered(limits).expect("the sandbox starts")).await
    }

    async fn of(bench: Workbench) -> Component {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("plugins/dist/scorer.wasm");
        let bytes = std::fs::read(file).expect("the built-in plugins are in plugins/dist");
        let loaded = bench.admit(bytes).await.expect("the built-in scorer is admitted");
        Component { bench, loaded }
    }

    /// Judges a message. Blocks.
    pub fn score(&self, message: scorer::Message, settings: Settings) -> Tried<scorer::Verdict> {
        self.bench.score(&self.loaded, message, settings)
    }
}

/// A message in the shape of the contract.
pub fn of_contract(message: &Message) -> scorer::Message {
    scorer::Message {
        from: message.from.as_ref().map(mailbox),
        reply_to: message.reply_to.as_ref().map(mailbox),
        to: message.to.iter().map(mailbox).collect(),
        subject: message.subject.clone(),
        html: message.html.clone(),
        text: message.text.clone(),
        headers: message.headers.clone(),
        attachments: message.attachments.iter().map(attachment).collect(),
        attributes: Vec::new(),
    }
}

fn mailbox(mailbox: &Mailbox) -> scorer::Mailbox {
    scorer::Mailbox { name: mailbox.name.clone(), email: mailbox.email.clone() }
}

fn attachment(file: &Attachment) -> scorer::Attachment {
    scorer::Attachment {
        filename: file.filename.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
        head: file.head.clone(),
        inline: file.inline,
        attributes: Vec::new(),
    }
}
