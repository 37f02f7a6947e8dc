//! Edge nodes: which are connected, and how much each has that is not here yet.

use serde::Deserialize;

use super::mailbox::moment;
use super::visitor::{heading, note_done};
use super::{Escaped, MARK, Section, Visitor, layout, put, query};

/// The nodes, as the command tells them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Edges {
    /// By their names, those that were revoked last.
    pub edges: Vec<Edge>,
}

/// One node.
#[derive(Debug, Clone, Deserialize)]
pub struct Edge {
    /// What it is called.
    pub name: String,
    /// `joined`, `connected`, `away` or `revoked`.
    pub state: String,
    /// Of the program that it runs.
    pub version: Option<String>,
    /// How old the oldest hit is that it has and is not here.
    pub lag_seconds: i64,
    /// Bytes of such hits.
    pub spool_bytes: Option<i64>,
    /// When it was heard last: RFC 3339 in UTC, as all times.
    pub seen_at: Option<String>,
    /// When it joined.
    pub joined_at: String,
    /// Since when it is refused.
    pub revoked_at: Option<String>,
}

/// The page.
#[derive(Debug, Clone, Default)]
pub struct ListView {
    /// What is on it.
    pub edges: Vec<Edge>,
    /// What was just done, in a sentence.
    pub done: Option<&'static str>,
    /// Who looks.
    pub visitor: Visitor,
}

/// The page of all nodes.
pub fn list(view: &ListView) -> String {
    let mut body = heading("Edge nodes", &told(&view.edges), &view.visitor, "/nodes");
    body.push_str(&note_done(view.done));
    if view.edges.is_empty() {
        put!(
            &mut body,
            "<div class=\"empty\">{MARK}<h2>There are no edge nodes</h2><p class=\"lead\">An edge node answers tracked \
             links near their readers, and goes on when this service is away. <code>pillarbox node invite NAME</code> makes \
             a token that one joins by.</p></div>"
        );
    } else {
        body.push_str("<ul class=\"lines\">");
        for edge in &view.edges {
            put_edge(&mut body, edge);
        }
        body.push_str("</ul>");
    }
    layout("Edge nodes", Some(Section::Nodes), &body)
}

fn told(edges: &[Edge]) -> String {
    let is_in = |state: &str| edges.iter().filter(|edge| edge.state == state).count();
    match (is_in("connected"), is_in("away")) {
        (0, 0) => "No edge node hands over hits.".into(),
        (connected, 0) => format!("{connected} connected. Times are in UTC."),
        (connected, away) => format!("{connected} connected, {away} away. Times are in UTC."),
    }
}

fn put_edge(body: &mut String, edge: &Edge) {
    let kind = match edge.state.as_str() {
        "connected" => "good",
        "away" => "wait",
        _ => "plain",
    };
    put!(
        body,
        "<li><div><h3>{} <span class=\"badge {kind}\">{}</span></h3>",
        Escaped(&edge.name),
        Escaped(&edge.state)
    );
    put!(body, "<p class=\"quiet\">Joined {}", moment(&edge.joined_at));
    if let Some(seen_at) = &edge.seen_at {
        put!(body, ", heard last {}", moment(seen_at));
    }
    if let Some(version) = &edge.version {
        put!(body, ", version {}", Escaped(version));
    }
    body.push_str("</p>");
    match (&edge.revoked_at, edge.spool_bytes) {
        (Some(revoked_at), _) => put!(body, "<p>Revoked {}. It is refused.</p>", moment(revoked_at)),
        (None, Some(0)) => body.push_str("<p>Everything that it told of is here.</p>"),
        (None, Some(bytes)) => {
            put!(body, "<p>{bytes} bytes of hits are not here yet; the oldest is {} old.</p>", ago(edge.lag_seconds));
        }
        (None, None) => body.push_str("<p>It has joined, and was not heard since.</p>"),
    }
    body.push_str("</div>");
    if edge.revoked_at.is_none() {
        let name = query(&edge.name);
        put!(
            body,
            "<div class=\"choices\"><a class=\"button\" href=\"/nodes/revoke?name={name}\">Revoke…<span \
             class=\"unseen\"> ({})</span></a></div>",
            Escaped(&edge.name)
        );
    }
    body.push_str("</li>");
}

/// A time that passed, as a person says it.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOON: &str = "2024-03-15T12:00:00Z";

    fn view(changes: &[Value]) -> ListView {
        let edge = |changes: &Value| {
            let mut edge = json!({ "name": "fra-1", "state": "connected", "version": "1.2.3", "lag_seconds": 0,
                "spool_bytes": 0, "seen_at": NOON, "joined_at": NOON, "revoked_at": null });
            for (name, value) in changes.as_object().expect("it is an object") {
                edge[name] = value.clone();
            }
            serde_json::from_value(edge).expect("it is what the command tells")
        };
        ListView { edges: changes.iter().map(edge).collect(), ..ListView::default() }
    }

    #[track_caller]
    fn has(page: &str, parts: &[&str]) {
        for part in parts {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn without_nodes_it_says_how_one_joins() {
        let page = list(&view(&[]));
        has(&page, &["<h1>Edge nodes</h1>", "There are no edge nodes", "pillarbox node invite NAME"]);
        has(&page, &["aria-current=\"true\">Nodes</a>"]);
    }

    #[test]
    fn a_node_says_how_far_it_is() {
        let page = list(&view(&[
            json!({}),
            json!({ "name": "a<b", "state": "away", "spool_bytes": 4_096, "lag_seconds": 7_200 }),
            json!({ "name": "old", "state": "revoked", "revoked_at": NOON }),
            json!({ "name": "new", "state": "joined", "spool_bytes": null, "seen_at": null, "version": null }),
        ]));
        has(&page, &["1 connected, 1 away", "fra-1 <span class=\"badge good\">connected</span>", "version 1.2.3"]);
        has(
            &page,
            &["Everything that it told of is here", "4096 bytes of hits are not here yet; the oldest is 2 h old"],
        );
        has(&page, &["a&lt;b <span class=\"badge wait\">away</span>", "href=\"/nodes/revoke?name=a%3Cb\">Revoke…"]);
        has(&page, &["Revoked <time", "and was not heard since"]);
        assert!(!page.contains("revoke?name=old"), "there is nothing to revoke: {page}");
    }

    #[test]
    fn times_are_said_in_their_size() {
        for (seconds, words) in
            [(119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 days")]
        {
            assert_eq!(ago(seconds), words);
        }
    }
}
