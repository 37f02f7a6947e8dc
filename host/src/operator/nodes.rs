//! The page about edge nodes, and its one button.

use http::StatusCode;

use super::login::see_other;
use super::question::{answered, ask, ask_again};
use super::{Asked, page, told, visitor};
use crate::app::App;
use crate::control::{Command, execute};
use crate::error::{Error, Result};
use crate::pages::Section;
use crate::pages::confirm::{Field, Question};
use crate::pages::nodes::{self, Edges, ListView};
use crate::reply::Reply;

/// The page.
pub(super) async fn list(app: &App, asked: &Asked) -> Result<Reply> {
    let Edges { edges } = told(app, Command::NodeList).await?;
    let done = (asked.parameter("done").as_deref() == Some("revoke"))
        .then_some("The node is refused from its next request on, and forgets its keys when it hears so.");
    Ok(page(StatusCode::OK, nodes::list(&ListView { edges, done, visitor: visitor(app, asked) })))
}

/// The question before a change.
pub(super) fn question(app: &App, asked: &Asked, action: &str) -> Result<Reply> {
    Ok(ask(app, asked, revocation(action, asked.parameter("name"))?.1))
}

/// The change itself. The browser gets the nodes next; a refusal is told where the question was.
pub(super) async fn act(app: &App, asked: &Asked, action: &str) -> Result<Reply> {
    let session = answered(app, asked)?;
    let (name, question) = revocation(action, asked.field("name"))?;
    match execute(app, Command::NodeRevoke { name }).await {
        Ok(_) => Ok(see_other("/nodes?done=revoke")),
        Err(wrong) => Ok(ask_again(app, &session, asked, question, wrong)),
    }
}

fn revocation(action: &str, name: Option<String>) -> Result<(String, Question)> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| action == "revoke" && !name.is_empty());
    let name = name.ok_or(Error::NotFound("Not found"))?;
    let question = Question {
        section: Section::Nodes,
        words: format!("Revoke {name}?"),
        comes_to:
            "It is refused at once and stops answering tracked links. What it has recorded and not handed over stays \
                   on its disk until it joins again, by another token."
                .into(),
        button: "Revoke",
        fields: vec![Field::Fixed { name: "name", value: name.clone() }],
        back: "/nodes".into(),
    };
    Ok((name, question))
}
