//! The API reference, made from the `OpenAPI` 3.1 document that the service itself answers with, so the two cannot
//! differ. It reads any document: what it does not understand it leaves out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::{Escaped, MARK, cut, markdown, put};
use schema::{Document, list};

mod example;
mod operation;
mod schema;

/// Once the page is so long, nothing more is begun. A document of ours makes a tenth of it.
const PAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How much of a description is shown.
const DESCRIPTION_BYTES_MAX: usize = 32 * 1024;
/// How much of a text in an example, or of a bound, is shown.
const VALUE_BYTES_MAX: usize = 300;

/// The methods of an operation, in the order in which they are shown.
const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options", "trace"];
/// The heading over operations that have no tag.
const UNTAGGED: &str = "Other";

/// The reference as a page, from an `OpenAPI` 3.1 document.
pub fn page(openapi: &Json) -> String {
    let document = Document(openapi);
    let info = &openapi["info"];
    let title = info["title"].as_str().map_or("", |title| title.strip_suffix(" API").unwrap_or(title));
    let mut anchors = BTreeSet::from(["content".to_owned(), "introduction".to_owned(), "title".to_owned()]);
    let groups = groups(document, &mut anchors);
    let mut chapters = Vec::new();
    let mut introduction = String::new();
    let description = cut(info["description"].as_str().unwrap_or_default(), DESCRIPTION_BYTES_MAX);
    markdown::put_blocks_with_anchors(&mut introduction, description, 1, &mut |chapter| {
        let anchor = anchor(&mut anchors, chapter);
        chapters.push((anchor.clone(), chapter.to_owned()));
        Some(anchor)
    });

    let mut content = String::with_capacity(256 * 1024);
    put!(
        &mut content,
        "<header class=\"bar\"><a class=\"brand\" href=\"#content\">{MARK}{}</a><span class=\"quiet\">API reference{}</span></header>\
         <div class=\"columns\">",
        Escaped(title),
        Escaped(&info["version"].as_str().map(|version| format!(" {version}")).unwrap_or_default())
    );
    put_contents(&mut content, &chapters, &groups);
    put!(
        &mut content,
        "<main id=\"content\" tabindex=\"-1\"><section class=\"intro\" id=\"introduction\" aria-labelledby=\"title\">\
         <h1 id=\"title\">{} API</h1>{introduction}</section>",
        Escaped(title)
    );
    for group in &groups {
        put_group(&mut content, document, group);
    }
    content.push_str("</main></div>");
    super::document(&format!("{title} API reference"), "reference", &content)
}

/// The operations of one tag.
struct Group<'d> {
    tag: &'d str,
    anchor: String,
    operations: Vec<Operation<'d>>,
}

/// One method of one path.
struct Operation<'d> {
    /// In capitals.
    method: String,
    path: &'d str,
    anchor: String,
    /// What it does, in a few words.
    heading: String,
    /// Whatever else is said about it.
    text: String,
    /// The path item, for what all its methods share.
    item: &'d Json,
    definition: &'d Json,
}

/// The operations by their first tag; tags in the order the document lists them, then as they come up.
fn groups<'d>(document: Document<'d>, anchors: &mut BTreeSet<String>) -> Vec<Group<'d>> {
    let tags = list(document.0, "tags").unwrap_or_default();
    let mut groups: Vec<Group> = Vec::new();
    for tag in tags.iter().filter_map(|tag| tag["name"].as_str()) {
        if !groups.iter().any(|group| group.tag == tag) {
            groups.push(Group { tag, anchor: anchor(anchors, tag), operations: Vec::new() });
        }
    }
    for (path, item) in document.0["paths"].as_object().into_iter().flatten() {
        let item = document.resolve(item);
        for method in METHODS {
            let Some(operation) = item.get(*method).filter(|operation| operation.is_object()) else { continue };
            let tag = list(operation, "tags").and_then(|tags| tags.first()?.as_str()).unwrap_or(UNTAGGED);
            let found = groups.iter().position(|group| group.tag == tag);
            let index = found.unwrap_or_else(|| {
                groups.push(Group { tag, anchor: anchor(anchors, tag), operations: Vec::new() });
                groups.len() - 1
            });
            let (heading, text) = heading_and_text(path, operation);
            groups[index].operations.push(Operation {
                method: method.to_ascii_uppercase(),
                path,
                anchor: anchor(anchors, &format!("{method} {path}")),
                heading,
                text,
                item,
                definition: operation,
            });
        }
    }
    groups.retain(|group| !group.operations.is_empty());
    groups
}

/// The first sentence, and the rest. Many descriptions repeat the summary, which is then said once.
fn heading_and_text(path: &str, operation: &Json) -> (String, String) {
    let summary = operation["summary"].as_str().unwrap_or_default().trim();
    let description = operation["description"].as_str().unwrap_or_default().trim();
    let text = match description.strip_prefix(summary) {
        Some(_) => description.to_owned(),
        None if description.is_empty() => summary.to_owned(),
        None => format!("{summary}\n\n{description}"),
    };
    let text = cut(&text, DESCRIPTION_BYTES_MAX);
    let paragraph = text.find("\n\n").unwrap_or(text.len());
    let sentence = text[..paragraph].match_indices('.').map(|(at, _)| at).find(|at| {
        let after = &text[at + 1..paragraph];
        after.is_empty() || after.starts_with(char::is_whitespace)
    });
    let end = sentence.unwrap_or(paragraph);
    let heading = text[..end].trim_matches('.').split_whitespace().collect::<Vec<_>>().join(" ");
    let rest = text[end..].trim_start_matches('.').trim();
    if heading.is_empty() { (path.to_owned(), rest.to_owned()) } else { (heading, rest.to_owned()) }
}

/// An anchor of letters, digits and dashes that no other place has.
fn anchor(taken: &mut BTreeSet<String>, text: &str) -> String {
    let mut anchor = String::new();
    for character in cut(text, VALUE_BYTES_MAX).chars() {
        if character.is_ascii_alphanumeric() {
            anchor.push(character.to_ascii_lowercase());
        } else if !anchor.is_empty() && !anchor.ends_with('-') {
            anchor.push('-');
        }
    }
    let anchor = anchor.trim_end_matches('-');
    // The number of places there are so far is one that no other place with this name got.
    let mut unique = if anchor.is_empty() { "part".to_owned() } else { anchor.to_owned() };
    if taken.contains(&unique) {
        unique = format!("{unique}--{}", taken.len());
    }
    taken.insert(unique.clone());
    unique
}

fn put_contents(out: &mut String, chapters: &[(String, String)], groups: &[Group]) {
    out.push_str(
        "<nav class=\"contents\" aria-label=\"Contents\"><h2><a href=\"#introduction\">Introduction</a></h2><ul>",
    );
    for (anchor, chapter) in chapters {
        put!(out, "<li><a href=\"#{anchor}\">");
        markdown::put_inline(out, &chapter.replace(['[', ']'], ""));
        out.push_str("</a></li>");
    }
    out.push_str("</ul>");
    for group in groups {
        put!(out, "<h2><a href=\"#{}\">{}</a></h2><ul>", group.anchor, Escaped(group.tag));
        for operation in &group.operations {
            put!(out, "<li><a href=\"#{}\">{}<span>", operation.anchor, method_mark(&operation.method));
            put_path(out, operation.path);
            out.push_str("</span></a></li>");
        }
        out.push_str("</ul>");
    }
    out.push_str("</nav>");
}

fn put_group(out: &mut String, document: Document, group: &Group) {
    put!(
        out,
        "<section class=\"group\" aria-labelledby=\"{}\"><h2 id=\"{0}\">{}</h2>",
        group.anchor,
        Escaped(group.tag)
    );
    let described = list(document.0, "tags").unwrap_or_default().iter().find(|tag| tag["name"] == group.tag);
    let description = described.and_then(|tag| tag["description"].as_str()).unwrap_or_default();
    markdown::put_blocks(out, cut(description, DESCRIPTION_BYTES_MAX), 3);
    for operation in &group.operations {
        if out.len() > PAGE_BYTES_MAX {
            break;
        }
        operation::put_operation(out, document, operation);
    }
    out.push_str("</section>");
}

fn method_mark(method: &str) -> String {
    format!("<b class=\"method {}\">{}</b>", Escaped(&method.to_ascii_lowercase()), Escaped(method))
}

/// A path that can be broken behind each slash, its parameters set apart.
fn put_path(out: &mut String, path: &str) {
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push_str("/<wbr>");
        }
        if segment.starts_with('{') {
            put!(out, "<i>{}</i>", Escaped(segment));
        } else {
            put!(out, "{}", Escaped(segment));
        }
    }
}

/// A value that may be long, cut where it would fill the page.
fn shortened(text: &str) -> String {
    let shown = cut(text, VALUE_BYTES_MAX);
    if shown.len() < text.len() { format!("{shown}…") } else { shown.to_owned() }
}

#[cfg(test)]
mod tests;
