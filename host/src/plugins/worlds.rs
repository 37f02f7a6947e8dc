//! The two worlds as Rust types, generated from `wit/`. The types of the contract are the types of the host: a message
//! goes in and a verdict comes out as they are written there.

#[allow(missing_docs, clippy::pedantic)]
pub(super) mod scorer {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "scorer",
        exports: { default: async },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

/// A message without anything, for those that have only some of it.
impl Default for scorer::exports::pillarbox::plugin::content_scoring::Message {
    fn default() -> Self {
        Self {
            from: None,
            reply_to: None,
            to: Vec::new(),
            subject: None,
            html: None,
            text: None,
            headers: Vec::new(),
            attachments: Vec::new(),
            attributes: Vec::new(),
        }
    }
}

#[allow(missing_docs, clippy::pedantic)]
pub(super) mod normalizer {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "normalizer",
        exports: { default: async },
        with: { "pillarbox:plugin/types": super::scorer::pillarbox::plugin::types },
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}
