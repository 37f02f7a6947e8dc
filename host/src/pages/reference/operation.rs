//! One operation of the reference: what it takes, what it answers, and the command that calls it.

use std::ptr;

use serde_json::Value as Json;

use super::example::{Command, Extent, example, put_curl, put_json, written};
use super::schema::{Document, Field, list, reference};
use super::{DESCRIPTION_BYTES_MAX, Operation, PAGE_BYTES_MAX, method_mark, put_path, shortened};
use crate::pages::{Escaped, cut, markdown, put};

/// How deep the fields of fields are shown.
const DEPTH_MAX: usize = 6;
/// From so many refusals on, they are shown together.
const REFUSALS_TOLD_APART: usize = 3;
/// The server that examples speak to when the document does not name one.
const EXAMPLE_SERVER: &str = "https://mail.example.com";

/// Writes one operation.
pub(super) fn put_operation(out: &mut String, document: Document, operation: &Operation) {
    let access = Access::of(document, operation.definition);
    put!(out, "<article class=\"operation\" aria-labelledby=\"{0}\"><h3 id=\"{0}\">", operation.anchor);
    markdown::put_inline(out, &operation.heading);
    put!(out, "</h3><p class=\"endpoint\">{}<code>", method_mark(&operation.method));
    put_path(out, operation.path);
    put!(out, "</code>{}", access.badge());
    if operation.definition["deprecated"] == true {
        out.push_str("<span class=\"badge wait\">deprecated</span>");
    }
    out.push_str("</p><div class=\"sides\"><div class=\"told\">");
    markdown::put_blocks(out, &operation.text, 4);
    let parameters = parameters(document, operation);
    put_parameters(out, document, &parameters);
    let body = body(document, operation.definition);
    if let Some(body) = &body {
        put_body(out, document, body);
    }
    put_responses(out, document, operation.definition);
    out.push_str("</div><div class=\"shown\">");
    put_request_example(out, document, operation, &access, &parameters, body.as_ref());
    put_response_example(out, document, operation.definition);
    out.push_str("</div></div></article>");
}

/// Who may call an operation.
struct Access {
    /// What to send to be known, each with a variable of the shell in place of the secret.
    credentials: Vec<String>,
    /// Whether it also works without.
    is_open: bool,
}

impl Access {
    fn of(document: Document, operation: &Json) -> Self {
        let security = list(operation, "security").or_else(|| list(document.0, "security")).unwrap_or_default();
        let names = |entry: &Json| entry.as_object().is_none_or(serde_json::Map::is_empty);
        let schemes = &document.0["components"]["securitySchemes"];
        let mut credentials = Vec::new();
        for name in security.iter().filter_map(Json::as_object).filter_map(|entry| entry.keys().next()) {
            let scheme = schemes.get(name).map(|scheme| document.resolve(scheme));
            credentials.push(scheme.map_or_else(|| name.clone(), |scheme| credential(scheme, name)));
        }
        Self { is_open: security.iter().all(names) || security.iter().any(names), credentials }
    }

    fn badge(&self) -> String {
        if self.credentials.is_empty() {
            return "<span class=\"badge plain\">public</span>".to_owned();
        }
        let kinds: Vec<_> = self.credentials.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
        let optional = if self.is_open { "key optional" } else { "key needed" };
        format!("<span class=\"badge key\" title=\"{}\">{optional}</span>", Escaped(&kinds.join(" or ")))
    }
}

/// The header that a scheme asks for, or the scheme's name where it is not a header.
fn credential(scheme: &Json, name: &str) -> String {
    let is_token = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    match (scheme["type"].as_str(), scheme["scheme"].as_str(), scheme["in"].as_str()) {
        (Some("http"), Some("bearer"), _) => "Authorization: Bearer $PILLARBOX_KEY".to_owned(),
        (Some("http"), Some("basic"), _) => "Authorization: Basic $CREDENTIALS".to_owned(),
        (Some("apiKey"), _, Some("header")) => scheme["name"]
            .as_str()
            .filter(is_token)
            .map_or_else(|| name.to_owned(), |header| format!("{header}: $PILLARBOX_KEY")),
        _ => name.to_owned(),
    }
}

/// The operation's parameters, with those of its path that it does not redefine.
fn parameters<'d>(document: Document<'d>, operation: &Operation<'d>) -> Vec<&'d Json> {
    let mut parameters: Vec<&Json> = Vec::new();
    for holder in [operation.definition, operation.item] {
        for parameter in list(holder, "parameters").unwrap_or_default() {
            let parameter = document.resolve(parameter);
            let is_known = |known: &&Json| known["name"] == parameter["name"] && known["in"] == parameter["in"];
            if parameter["name"].is_string() && !parameters.iter().any(is_known) {
                parameters.push(parameter);
            }
        }
    }
    parameters
}

fn put_parameters(out: &mut String, document: Document, parameters: &[&Json]) {
    for (place, heading) in
        [("path", "In the path"), ("query", "In the query"), ("header", "Headers"), ("cookie", "Cookies")]
    {
        let here: Vec<_> = parameters.iter().filter(|parameter| parameter["in"] == place).collect();
        if here.is_empty() {
            continue;
        }
        put!(out, "<h4>{heading}</h4><dl class=\"fields\">");
        for parameter in here {
            let schema = parameter.get("schema").unwrap_or(&Json::Null);
            let field = Field {
                name: parameter["name"].as_str().unwrap_or_default(),
                schema,
                // A parameter is there or not; it is never null.
                type_name: document.type_name(schema).trim_end_matches(" or null").to_owned(),
                required: parameter["required"] == true || place == "path",
            };
            let said = parameter["description"].as_str().unwrap_or_else(|| document.description(schema));
            put_field(out, document, &field, said, written(document, parameter), &mut Walk::default());
        }
        out.push_str("</dl>");
    }
}

/// The body of a request or an answer.
struct Body<'d> {
    content_type: &'d str,
    /// Other types that it may have.
    others: Vec<&'d str>,
    required: bool,
    description: &'d str,
    media: &'d Json,
    schema: &'d Json,
}

fn body<'d>(document: Document<'d>, operation: &'d Json) -> Option<Body<'d>> {
    let body = document.resolve(operation.get("requestBody")?);
    content(document, body)
}

/// The content of a body, JSON rather than anything else.
fn content<'d>(document: Document<'d>, body: &'d Json) -> Option<Body<'d>> {
    let content = body.get("content")?.as_object()?;
    let (content_type, media) =
        content.iter().find(|(content_type, _)| content_type.contains("json")).or_else(|| content.iter().next())?;
    Some(Body {
        content_type,
        others: content.keys().filter(|other| *other != content_type).map(String::as_str).collect(),
        required: body["required"] == true,
        description: body["description"].as_str().unwrap_or_default(),
        media,
        schema: media.get("schema").map_or(&Json::Null, |schema| document.plain(schema).0),
    })
}

fn put_body(out: &mut String, document: Document, body: &Body) {
    put!(out, "<h4>Body <span class=\"quiet\">{}", Escaped(body.content_type));
    for other in &body.others {
        put!(out, ", {}", Escaped(other));
    }
    put!(out, "{}</span></h4>", if body.required { "" } else { ", optional" });
    // What is said about the type behind the body is worth saying where nothing is said about the body.
    let said = if body.description.is_empty() { document.description(body.schema) } else { body.description };
    markdown::put_blocks(out, cut(said, DESCRIPTION_BYTES_MAX), 5);
    put_fields(out, document, body.schema, &mut Walk::default());
}

/// Where a walk through fields has got to.
#[derive(Default)]
struct Walk<'d> {
    /// The names of the schemas that it is in, so that what contains itself ends.
    within: Vec<&'d str>,
    /// Whether the fields are what the service answers. It says which may be absent, rather than which must be there.
    is_answer: bool,
}

/// Writes the fields of an object, or of the objects in an array.
fn put_fields<'d>(out: &mut String, document: Document<'d>, schema: &'d Json, walk: &mut Walk<'d>) {
    let inner = document.innermost(schema);
    let name = reference(inner).unwrap_or_default();
    let is_within_itself = !name.is_empty() && walk.within.contains(&name);
    let fields = document.fields(document.plain(inner).0);
    if fields.is_empty() || is_within_itself || walk.within.len() >= DEPTH_MAX {
        return;
    }
    walk.within.push(name);
    out.push_str("<dl class=\"fields\">");
    for field in &fields {
        if out.len() > PAGE_BYTES_MAX {
            break;
        }
        put_field(out, document, field, document.description(field.schema), written(document, field.schema), walk);
    }
    out.push_str("</dl>");
    walk.within.pop();
}

fn put_field<'d>(
    out: &mut String,
    document: Document<'d>,
    field: &Field<'d>,
    said: &str,
    example: Option<&Json>,
    walk: &mut Walk<'d>,
) {
    put!(
        out,
        "<div><dt><code>{}</code> <span class=\"type\">{}</span>{}</dt><dd>",
        Escaped(field.name),
        Escaped(&field.type_name),
        match (walk.is_answer, field.required) {
            (false, true) => " <span class=\"needed\">required</span>",
            // Many services leave out of `required` what they answer as null, so that is not taken for absence.
            (true, false) if !field.type_name.ends_with(" or null") => " <span class=\"type\">· may be absent</span>",
            _ => "",
        }
    );
    markdown::put_blocks(out, cut(said, DESCRIPTION_BYTES_MAX), 5);
    let mut notes = document.bounds(field.schema);
    if document.plain(field.schema).0["deprecated"] == true {
        notes.push("Deprecated".to_owned());
    }
    if let Some(example) = example {
        let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        notes.push(format!("Example `{}`", shortened(&text.replace('`', "'"))));
    }
    if !notes.is_empty() {
        out.push_str("<p class=\"notes\">");
        markdown::put_inline(out, &notes.join(" · "));
        out.push_str("</p>");
    }
    put_fields(out, document, field.schema, walk);
    out.push_str("</dd></div>");
}

fn put_responses(out: &mut String, document: Document, operation: &Json) {
    let Some(responses) = operation["responses"].as_object().filter(|responses| !responses.is_empty()) else { return };
    let answers = responses.iter().map(|(status, response)| Answer::of(document, status, document.resolve(response)));
    let (refusals, others): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.status.starts_with(['4', '5']));
    out.push_str("<h4>Answers</h4>");
    for answer in others {
        put_answer(out, document, &answer);
    }
    match refusals.len() {
        0..REFUSALS_TOLD_APART => refusals.iter().for_each(|answer| put_answer(out, document, answer)),
        _ => put_refusals(out, document, &refusals),
    }
}

/// One way in which an operation may end.
struct Answer<'d> {
    status: &'d str,
    said: &'d str,
    body: Option<Body<'d>>,
}

impl<'d> Answer<'d> {
    fn of(document: Document<'d>, status: &'d str, response: &'d Json) -> Self {
        let body = content(document, response);
        let said = response["description"].as_str().unwrap_or_default().trim();
        let said = match &body {
            Some(body) if said.is_empty() => document.description(body.schema),
            _ => said,
        };
        Self { status, said: cut(said, DESCRIPTION_BYTES_MAX), body }
    }

    fn put_line(&self, out: &mut String) {
        put!(out, "{} ", status_mark(self.status));
        markdown::put_inline(out, self.said);
        if let Some(body) = self.body.as_ref().filter(|body| !body.content_type.contains("json")) {
            put!(out, " <span class=\"quiet\">{}</span>", Escaped(body.content_type));
        }
    }

    fn fields(&self, document: Document<'d>) -> String {
        let mut fields = String::new();
        if let Some(body) = &self.body {
            put_fields(&mut fields, document, body.schema, &mut Walk { within: Vec::new(), is_answer: true });
        }
        fields
    }
}

fn status_mark(status: &str) -> String {
    let class: String = status.chars().take(1).filter(char::is_ascii_digit).collect();
    format!("<b class=\"status s{class}\">{}</b>", Escaped(status))
}

fn put_answer<'d>(out: &mut String, document: Document<'d>, answer: &Answer<'d>) {
    let fields = answer.fields(document);
    let (begin, end) = match fields.as_str() {
        "" => ("<p class=\"answer\">", "</p>"),
        _ => ("<details class=\"answer\"><summary>", "</summary>"),
    };
    out.push_str(begin);
    answer.put_line(out);
    out.push_str(end);
    if !fields.is_empty() {
        put!(out, "{fields}</details>");
    }
}

/// Refusals are many and much alike, so their fields are shown once for all that share them.
fn put_refusals<'d>(out: &mut String, document: Document<'d>, refusals: &[Answer<'d>]) {
    out.push_str("<details class=\"answer\"><summary>Errors ");
    for answer in refusals {
        put!(out, "{} ", status_mark(answer.status));
    }
    out.push_str("</summary>");
    let mut groups: Vec<(Option<*const Json>, Vec<&Answer>)> = Vec::new();
    for answer in refusals {
        let shape = answer.body.as_ref().map(|body| ptr::from_ref(body.schema));
        match groups.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, alike)) => alike.push(answer),
            None => groups.push((shape, vec![answer])),
        }
    }
    for (_, alike) in groups {
        out.push_str("<ul class=\"refusals\">");
        for answer in &alike {
            out.push_str("<li>");
            answer.put_line(out);
            out.push_str("</li>");
        }
        out.push_str("</ul>");
        out.push_str(&alike.first().map(|answer| answer.fields(document)).unwrap_or_default());
    }
    out.push_str("</details>");
}

fn put_request_example(
    out: &mut String,
    document: Document,
    operation: &Operation,
    access: &Access,
    parameters: &[&Json],
    body: Option<&Body>,
) {
    let mut url = server(document);
    let mut query = String::new();
    let mut headers = Vec::new();
    let mut path = operation.path.to_owned();
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap_or_default();
        let given = written(document, parameter);
        if given.is_none() && parameter["required"] != true && parameter["in"] != "path" {
            continue;
        }
        let value = example(document, parameter.get("schema").unwrap_or(&Json::Null), Extent::Needed);
        let text = match given.unwrap_or(&value) {
            Json::String(text) if text == "string" => name.to_ascii_uppercase(),
            Json::String(text) => shortened(text),
            Json::Null => name.to_ascii_uppercase(),
            other => shortened(&other.to_string()),
        };
        match parameter["in"].as_str() {
            Some("path") => path = path.replace(&format!("{{{name}}}"), &text),
            Some("query") => {
                let before = if query.is_empty() { '?' } else { '&' };
                put!(&mut query, "{before}{name}={text}");
            }
            Some("header") => headers.push(format!("{name}: {text}")),
            _ => {}
        }
    }
    url.push_str(&path);
    url.push_str(&query);
    let made = body.map(|body| {
        let given = written(document, body.media);
        (body.content_type, given.cloned().unwrap_or_else(|| example(document, body.schema, Extent::Needed)))
    });
    let command = Command {
        method: &operation.method,
        url: &url,
        credentials: access.credentials.first().map(String::as_str).filter(|line| line.contains(": ")),
        headers: &headers,
        body: made.as_ref().map(|(content_type, value)| (*content_type, value)),
    };
    out.push_str("<figure><figcaption>Request</figcaption><pre tabindex=\"0\"><code>");
    put_curl(out, &command);
    out.push_str("</code></pre></figure>");
}

fn server(document: Document) -> String {
    let url = document.0["servers"][0]["url"].as_str().filter(|url| url.starts_with("http"));
    url.unwrap_or(EXAMPLE_SERVER).trim_end_matches('/').to_owned()
}

/// An example of the first answer that says it went well.
fn put_response_example(out: &mut String, document: Document, operation: &Json) {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let Some((status, response)) = responses.into_iter().find(|(status, _)| status.starts_with('2')) else { return };
    let Some(body) = content(document, document.resolve(response)) else { return };
    if !body.content_type.contains("json") {
        return;
    }
    let made = written(document, body.media).cloned().unwrap_or_else(|| example(document, body.schema, Extent::Whole));
    put!(out, "<figure><figcaption>Answer {}</figcaption><pre tabindex=\"0\"><code>", Escaped(status));
    put_json(out, &made, 0, false);
    out.push_str("</code></pre></figure>");
}
