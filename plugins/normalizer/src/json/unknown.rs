//! JSON and forms of senders that nobody described: what happened, to whom and why is told by how fields are called and
//! what is in them.
//!
//! Names are compared without case and punctuation. Each list is in the order of trust.

use serde_json::Value;

use super::path;
use super::reading::{RECIPIENTS_MAX, Reading, TEXT_BYTES_MAX, addresses, code, instant, status};
use super::squash::squash;
use super::words::{self, Meaning};
use crate::codes::{Enhanced, enhanced_in, reply_in};
use crate::text::prefix;
use crate::types::{BounceType, Clue, ClueKind};

/// Most values of one item that are looked at.
const LEAVES_MAX: usize = 2_000;
/// How deep an item is looked into.
const DEPTH_MAX: usize = 8;
/// How deep lists of events are looked for.
const LISTS_DEPTH_MAX: usize = 5;
/// So much of a text is asked whether it is a server's answer.
const ANSWER_BYTES_MAX: usize = 64;
/// Most texts of one item that are kept.
const TEXTS_MAX: usize = 6;

/// Names of the event.
#[rustfmt::skip]
const EVENT: &[&str] = &[
    "event", "eventname", "eventtype", "recordtype", "notificationtype", "messagetype", "webhooktype", "webhookevent",
    "type", "metric", "activity", "activitytype", "eventkind", "detailtype", "kind", "topic", "trigger", "hook",
    "action", "dsnaction", "status", "state", "emailstatus", "messagestatus", "deliverystatus", "mailstatus",
    "statusname", "groupname", "outcome", "result", "disposition", "eventcategory", "category", "object", "subtype",
    "name", "bounce", "bouncetype", "reporttype",
];
/// Where an event word that means a step on the way is believed less than a failure told elsewhere.
const STATUS_FIRST: usize = 18;

/// Names of a recipient. Those of one list are as good as each other.
#[rustfmt::skip]
const RECIPIENT: &[&[&str]] = &[
    &[
        "bouncedrecipient", "bouncedrecipients", "failedrecipient", "failedrecipients", "complainedrecipient",
        "complainedrecipients", "bouncedaddress", "bouncedemail", "failedaddress", "bouncedrcpt", "bouncedrcpts",
        "failedrcpt", "failedemail", "bouncerecipient", "complainant", "undeliveredto",
    ],
    &["originalrecipient", "originalrcptto", "rawrcptto", "originalto", "origto", "origrcpt", "originalrcpt"],
    &[
        "recipient", "recipients", "recipientemail", "recipientaddress", "recipientemailaddress", "rcpt", "rcpts",
        "rcptto", "rcptemail", "rcptaddress", "finalrecipient", "envelopeto", "envelopercpt", "receiver",
        "receiveremail", "recipientaddr",
    ],
    &[
        "to", "toemail", "toaddress", "toaddresses", "emailto", "mailto", "deliveredto", "destination", "destinations",
        "target", "targets", "sentto", "toaddr", "toemails", "destinationaddress", "destinationemail", "msgto",
    ],
    &[
        "email", "emailaddress", "address", "addr", "mail", "mailbox", "useremail", "contactemail", "subscriberemail",
        "customeremail", "memberemail", "contact", "subscriber", "member", "user", "lead", "person", "profile",
        "username", "identifier", "emailid", "mailaddress", "subscriberaddress",
    ],
];
/// From this list on, a list of addresses may be everyone whom the mail was for.
const ANYONE_FROM: usize = 3;
/// Names of a part of an address object: the object's own name says whose it is.
const PARTS: &[&str] = &["email", "address", "emailaddress", "value", "addr", "mail", "mailbox", "smtpaddress", "id"];
/// Parts of names that are never a recipient's.
#[rustfmt::skip]
const NOT_RECIPIENT: &[&str] = &[
    "from", "sender", "reply", "returnpath", "source", "account", "owner", "author", "messageid", "smtpid", "inreplyto",
    "references", "bcc", "cc", "subject", "admin", "agent", "reporter", "postmaster", "envelopefrom", "html", "header",
];

/// Names of the server's words.
#[rustfmt::skip]
const TEXT: &[&str] = &[
    "diagnosticcode", "diagnostic", "dsndiag", "diagnosticmessage", "diag", "smtpresponse", "serverresponse",
    "smtpserverresponse", "remoteresponse", "smtpreply", "bouncemessage", "bouncereason", "bouncetext", "bouncedetail",
    "bouncedetails", "bouncedescription", "failuremessage", "failurereason", "failuredescription", "rawreason",
    "reason",
    "rejectreason", "droppedreason", "response", "responsetext", "responsemessage", "reply", "errormessage", "errormsg",
    "errortext", "errordescription", "lasterror", "error", "output", "description", "details", "detail", "message",
    "msg", "comment", "statusmessage", "statusdescription", "statustext", "statusdetail", "context", "explanation",
    "note", "cause", "content", "line", "dsn", "log", "text", "info",
];
/// Names of a word for the cause.
#[rustfmt::skip]
const CAUSE: &[&str] = &[
    "bouncecategory", "bouncecat", "bounceclassification", "classification", "bounceclass", "category", "subcategory",
    "bouncesubtype", "subtype", "reasoncode", "errortype", "errorcategory", "failuretype", "bouncereason", "reason",
    "deliverystatus", "errorname", "name", "code", "errorcode", "bouncecode", "type", "error",
];
/// Names of an enhanced status code.
#[rustfmt::skip]
const STATUS: &[&str] = &[
    "enhancedstatuscode", "enhancedcode", "enhancedstatus", "smtpenhancedcode", "dsnstatus", "dsncode", "dsn", "esc",
    "smtpserverresponsesubcode", "bouncestatus", "bouncedstatus", "statuscode", "smtpstatus", "status", "subcode",
    "bouncecode", "smtpcode", "errorcode", "code",
];
/// Names of a reply code.
#[rustfmt::skip]
const CODE: &[&str] = &[
    "smtpcode", "smtpstatuscode", "smtpresponsecode", "smtpreplycode", "replycode", "smtpserverresponsecode",
    "responsecode", "bouncecode", "smtpstatus", "statuscode", "errorcode", "code", "status", "smtperrorcode",
];
/// Names of when it happened.
#[rustfmt::skip]
const TIME: &[&str] = &[
    "bouncedat", "complainedat", "failedat", "occurredat", "occuredat", "happenedat", "eventtime", "eventtimestamp",
    "eventdate", "eventat", "eventtimems", "bouncetime", "bouncedate", "bouncetimestamp", "timelogged", "timestamp",
    "time", "ts", "tsevent",
    "tsepoch", "timestampms", "datetime", "date", "when", "firedat", "loggedat", "eventcreatedat", "createdat",
    "created",
    "createdtime", "receivedat", "deliveredat", "processedat", "doneat", "updatedat", "lastattempt", "lastattemptat",
    "sentat",
];
/// Names of an id of the event.
const EVENT_ID: &[&str] = &["eventid", "eventuuid", "notificationid", "webhookeventid"];
/// Names of an id of the message.
#[rustfmt::skip]
const MESSAGE_ID: &[&str] = &[
    "messageid", "msgid", "smtpid", "rfcmessageid", "internetmessageid", "messageidheader", "originalmessageid",
    "emailid",
    "mailid", "transactionid", "transmissionid", "transid", "queueid", "messageuuid", "deliveryid", "trackingid",
    "sendid",
    "jobid",
];
/// Names of what we set when sending.
#[rustfmt::skip]
const METADATA: &[&str] = &[
    "metadata", "meta", "customdata", "custom", "uservariables", "customvariables", "variables", "customargs",
    "uniqueargs",
    "customfields", "params", "tags",
];
/// Names of the header of the mail.
const HEADERS: &[&str] = &["headers", "messageheaders", "mailheaders", "originalheaders", "header"];
/// Names of the envelope sender.
const SENDER: &[&str] =
    &["sender", "mailfrom", "envelopefrom", "returnpath", "envelopesender", "msgfrom", "bounceaddress"];
/// Names of the kind of a complaint.
const FEEDBACK: &[&str] = &["feedbacktype", "complaintfeedbacktype", "complainttype", "fbtype"];
/// Names of what came before, whose events are none of this item.
#[rustfmt::skip]
const HISTORY: &[&str] = &[
    "history", "attempts", "previousevents", "log", "logs", "links", "clicks", "opens", "smtpevents", "attachments",
    "headers", "tags", "trace",
];

/// One value that is neither object nor list, with the squashed name of it and of what it is in.
struct Leaf<'a> {
    name: String,
    parent: String,
    depth: usize,
    value: &'a Value,
}

impl Leaf<'_> {
    /// The name that says whose an address is.
    fn role(&self) -> &str {
        let inherits = PARTS.contains(&self.name.as_str()) && rank(RECIPIENT, &self.parent).is_some();
        if inherits || (PARTS.contains(&self.name.as_str()) && is_foreign(&self.parent)) {
            &self.parent
        } else {
            &self.name
        }
    }

    fn text(&self) -> Option<&str> {
        self.value.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// An item and what stands around it.
pub(super) struct Item<'a> {
    pub(super) value: &'a Value,
    /// Objects around it, the nearest first. Of those only values count.
    around: Vec<&'a Value>,
}

/// Takes a body apart into items: the elements of the list that holds events or recipients, or the body itself.
pub(super) fn items(value: &Value, items_max: usize) -> Vec<Item<'_>> {
    let mut found = Vec::new();
    split(value, &[], 0, items_max, &mut found);
    found
}

fn split<'a>(value: &'a Value, around: &[&'a Value], depth: usize, items_max: usize, found: &mut Vec<Item<'a>>) {
    if found.len() >= items_max {
        return;
    }
    if let Value::Array(list) = value {
        for value in list {
            split(value, around, depth + 1, items_max, found);
        }
        return;
    }
    if depth <= LISTS_DEPTH_MAX
        && let Some((list, holder)) = list_in(value, 0)
    {
        let around: Vec<&Value> = holder.into_iter().chain(around.iter().copied()).collect();
        for value in list {
            split(value, &around, depth + 1, items_max, found);
        }
        return;
    }
    found.push(Item { value, around: around.to_vec() });
}

/// The list inside an object whose elements are events or recipients of their own, and the objects on the way to it,
/// the nearest first.
fn list_in(value: &Value, depth: usize) -> Option<(&Vec<Value>, Vec<&Value>)> {
    let object = value.as_object().filter(|_| depth <= LISTS_DEPTH_MAX)?;
    let is_whole = depth == 0 && is_event(&leaves(value, 4, false));
    for (name, inner) in object {
        let name = squash(name);
        if HISTORY.contains(&name.as_str()) {
            continue;
        }
        if let Value::Array(list) = inner
            && list.iter().any(Value::is_object)
        {
            let events = !is_whole && list.iter().any(|element| is_event(&leaves(element, 4, true)));
            let nested = !is_whole && list.iter().any(|element| list_in(element, depth + 1).is_some());
            let recipients = rank(RECIPIENT, &name).is_some()
                && list.len() > 1
                && list.iter().all(|element| element.is_object() && has_recipient(&leaves(element, 4, true)));
            if events || nested || recipients {
                return Some((list, vec![value]));
            }
        }
    }
    let inner = object.iter().filter(|(name, inner)| inner.is_object() && !HISTORY.contains(&squash(name).as_str()));
    inner.filter(|_| !is_whole).find_map(|(_, inner)| {
        let (list, mut holders) = list_in(inner, depth + 1)?;
        holders.push(value);
        Some((list, holders))
    })
}

/// Whether there is both an event and whom it is about.
fn is_event(leaves: &[Leaf]) -> bool {
    let is_word = |leaf: &Leaf| EVENT.contains(&leaf.name.as_str()) && leaf.text().and_then(words::meaning).is_some();
    leaves.iter().any(is_word) && has_recipient(leaves)
}

fn has_recipient(leaves: &[Leaf]) -> bool {
    leaves.iter().any(|leaf| rank(RECIPIENT, leaf.role()).is_some() && !addresses(leaf.value).is_empty())
}

/// Reads one item. `None` when nothing tells what happened.
pub(super) fn read(item: &Item, provider: &str) -> Option<Reading> {
    let mut leaves = leaves(item.value, DEPTH_MAX, true);
    for around in &item.around {
        // Of what stands around, lists are other items.
        leaves.extend(values(around));
    }
    let (word, told) = event(&leaves);
    let texts = texts(&leaves);
    let status = named(&leaves, STATUS).find_map(|leaf| status(leaf.value)).or_else(|| status_object(item.value));
    let code = named(&leaves, CODE).find_map(|leaf| code(leaf.value));
    let mut meaning = told.or_else(|| by_names(&leaves)).or_else(|| by_codes(status, code, &texts))?;
    meaning = refined(meaning, &leaves, &texts, status, code);
    let mut reading = Reading {
        provider: provider.into(),
        meaning: Some(meaning),
        status,
        code,
        occurred_at: named(&leaves, TIME).find_map(|leaf| instant(leaf.value)),
        event_id: named(&leaves, EVENT_ID).find_map(|leaf| path::text(leaf.value)),
        ..Reading::default()
    };
    reading.causes =
        named(&leaves, CAUSE).filter_map(|leaf| leaf.text()).map(ToOwned::to_owned).take(TEXTS_MAX).collect();
    reading.causes.extend(word.clone());
    if matches!(meaning, Meaning::Complaint(_)) {
        let stated = named(&leaves, FEEDBACK).find_map(|leaf| leaf.text()).map(ToOwned::to_owned);
        reading.meaning = Some(stated.as_deref().map_or(meaning, words::feedback));
        reading.complaint_type = stated.or(word);
    }
    take_recipients(&mut reading, &leaves, &texts);
    reading.texts = texts;
    take_clues(&mut reading, item.value, &leaves);
    // A failure of nobody is a failure of the service that reports, not of mail.
    let is_about_mail = !reading.recipients.is_empty() || !reading.alternatives.is_empty() || !reading.clues.is_empty();
    (is_about_mail || matches!(meaning, Meaning::Nothing)).then_some(reading)
}

/// The event and its word. A failure that a status tells goes before an event that is only a step on the way.
fn event(leaves: &[Leaf]) -> (Option<String>, Option<Meaning>) {
    let mut step = None;
    for (rank, name) in EVENT.iter().enumerate() {
        for leaf in leaves.iter().filter(|leaf| leaf.name == *name) {
            let Some(text) = leaf.text() else { continue };
            match words::meaning(text) {
                Some(Meaning::Nothing) => step = step.or(Some((rank, text))),
                // An order that failed is no mail that failed.
                Some(Meaning::Failed) if step.is_some_and(|(_, step)| words::is_foreign(step)) => {}
                Some(meaning) if step.is_none() || (rank >= STATUS_FIRST && meaning.is_failure()) => {
                    return (Some(text.into()), Some(meaning));
                }
                _ => {}
            }
        }
    }
    (step.map(|(_, text)| text.into()), step.map(|_| Meaning::Nothing))
}

/// What the names of fields tell when no word does: `bounced_at`, `complaint: {...}`, `"opened": true`.
fn by_names(leaves: &[Leaf]) -> Option<Meaning> {
    let tells = |part: &str| {
        leaves.iter().any(|leaf| {
            let named = leaf.name.starts_with(part) || leaf.parent.starts_with(part);
            let counts = leaf.value.is_number() && !TIME.contains(&leaf.name.as_str());
            let denied = leaf.value == &Value::Bool(false) || leaf.value.is_null();
            named && !counts && !denied
        })
    };
    if tells("complain") || tells("feedbacktype") || tells("feedbackreport") {
        return words::meaning("complaint");
    }
    if tells("hardbounc") {
        return Some(Meaning::Hard);
    }
    if tells("softbounc") {
        return Some(Meaning::Soft);
    }
    let flags: &[(&str, Meaning)] = &[
        ("bounce", Meaning::Bounce),
        ("ndr", Meaning::Bounce),
        ("dsn", Meaning::Bounce),
        ("unsubscrib", Meaning::Unsubscribed),
        ("clicked", Meaning::Clicked),
        ("opened", Meaning::Opened),
    ];
    flags.iter().find(|(part, _)| tells(part)).map(|&(_, meaning)| meaning)
}

/// A code or words of a failure without any word for it.
fn by_codes(status: Option<Enhanced>, code: Option<u16>, texts: &[String]) -> Option<Meaning> {
    let in_text = |text: &String| enhanced_in(text).map(|code| code.class * 100).or_else(|| reply_in(text));
    match status.map(|status| status.class * 100).or(code).or_else(|| texts.iter().find_map(in_text))? {
        400..500 => Some(Meaning::Deferred),
        500.. => Some(Meaning::Bounce),
        _ => None,
    }
}

/// Makes a failure more exact by the fields that tell hard from soft and by codes.
fn refined(
    meaning: Meaning,
    leaves: &[Leaf],
    texts: &[String],
    status: Option<Enhanced>,
    code: Option<u16>,
) -> Meaning {
    let answered = || by_codes(status, code, texts) == Some(Meaning::Bounce);
    let action = leaves.iter().filter(|leaf| matches!(leaf.name.as_str(), "action" | "dsnaction")).find_map(Leaf::text);
    match meaning {
        Meaning::Bounce | Meaning::Failed if action.is_some_and(|action| squash(action).starts_with("delay")) => {
            Meaning::Deferred
        }
        Meaning::Bounce | Meaning::Failed | Meaning::Permanent => match certainty(leaves) {
            Some(BounceType::Hard) => Meaning::Hard,
            Some(BounceType::Soft) => Meaning::Soft,
            None => meaning,
        },
        // A server's refusal, not the source's.
        Meaning::Refused if answered() && !texts.iter().any(|text| is_suppression(text)) => match certainty(leaves) {
            Some(BounceType::Hard) => Meaning::Hard,
            Some(BounceType::Soft) => Meaning::Soft,
            None => Meaning::Bounce,
        },
        _ => meaning,
    }
}

fn is_suppression(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["suppress", "previously bounced", "unsubscribed"].iter().any(|part| text.contains(part))
}

/// Hard or soft, where a field tells it: by a word, or by a flag whose name is the word.
fn certainty(leaves: &[Leaf]) -> Option<BounceType> {
    const NAMES: &[&str] = &[
        "type",
        "severity",
        "category",
        "class",
        "bounce",
        "kind",
        "permanence",
        "status",
        "state",
        "subtype",
        "reason",
    ];
    leaves.iter().find_map(|leaf| {
        let by_name = || words::certainty(&leaf.name);
        match leaf.value {
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => by_name(),
                "false" | "0" | "no" => by_name().map(opposite),
                _ if NAMES.iter().any(|name| leaf.name.ends_with(name)) => words::certainty(text),
                _ => None,
            },
            Value::Number(number) if !leaf.name.ends_with('s') => match number.as_u64()? {
                0 => by_name().map(opposite),
                1 => by_name(),
                _ => None,
            },
            Value::Bool(true) => by_name(),
            Value::Bool(false) => by_name().map(opposite),
            _ => None,
        }
    })
}

fn opposite(bounce_type: BounceType) -> BounceType {
    if bounce_type == BounceType::Hard { BounceType::Soft } else { BounceType::Hard }
}

/// Texts of the server and of the source, the most telling first.
fn texts(leaves: &[Leaf]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for leaf in named(leaves, TEXT) {
        let Some(text) = leaf.text() else { continue };
        if texts.len() < TEXTS_MAX && !texts.iter().any(|known| known == text) {
            texts.push(prefix(text, TEXT_BYTES_MAX).to_owned());
        }
    }
    let telling = texts.iter().position(|text| enhanced_in(text).is_some() || reply_in(text).is_some());
    if let Some(at) = telling {
        texts[..=at].rotate_right(1);
    } else if let Some(answer) = leaves.iter().filter_map(Leaf::text).find(|text| is_answer(text)) {
        texts.insert(0, prefix(answer, TEXT_BYTES_MAX).to_owned());
    }
    texts
}

/// Whether a text, whatever it is called, begins like a server's refusal.
fn is_answer(text: &str) -> bool {
    text.starts_with(['4', '5']) && text.contains(' ') && reply_in(prefix(text, ANSWER_BYTES_MAX)).is_some()
}

fn take_recipients(reading: &mut Reading, leaves: &[Leaf], texts: &[String]) {
    for (rank, names) in RECIPIENT.iter().enumerate() {
        let mut found: Vec<String> = Vec::new();
        let mut first_name = None;
        for leaf in leaves {
            let role = leaf.role();
            if !names.contains(&role) || is_foreign(&leaf.parent) {
                continue;
            }
            for address in addresses(leaf.value) {
                let known = reading.recipients.iter().chain(&reading.alternatives).chain(&found);
                if known.clone().any(|known| known.eq_ignore_ascii_case(&address)) || found.len() >= RECIPIENTS_MAX {
                    continue;
                }
                let is_first = first_name.is_none_or(|name: &str| name == role);
                if reading.recipients.is_empty() && is_first {
                    first_name = Some(role);
                    found.push(address);
                } else if reading.recipients.is_empty() || rank < ANYONE_FROM {
                    reading.alternatives.push(address);
                }
            }
        }
        if reading.recipients.is_empty() && !found.is_empty() {
            place(reading, found, rank, texts);
        }
    }
    if reading.recipients.is_empty() && reading.alternatives.is_empty() {
        // A single address that nothing says to be somebody else's.
        let mut bare = leaves.iter().filter(|leaf| !is_foreign(&leaf.name) && !is_foreign(&leaf.parent));
        let only = bare.find(|leaf| leaf.text().is_some_and(is_bare_address));
        reading.recipients = only.map(|leaf| addresses(leaf.value)).unwrap_or_default();
        // A list that is called after what happened to all of it.
        let list = only.map_or("", |leaf| leaf.name.as_str());
        if words::meaning(list).is_some_and(|meaning| meaning != Meaning::Nothing) {
            let rest = bare.filter(|leaf| leaf.name == list).flat_map(|leaf| addresses(leaf.value));
            reading.recipients.extend(rest.take(RECIPIENTS_MAX - 1));
        }
    }
}

/// Of several whom a mail was for, one that the server's words name is the one; else it may be any of them.
fn place(reading: &mut Reading, found: Vec<String>, rank: usize, texts: &[String]) {
    let is_grave =
        reading.meaning.is_some_and(|meaning| meaning.is_failure() || matches!(meaning, Meaning::Complaint(_)));
    if found.len() == 1 || rank < ANYONE_FROM || !is_grave {
        reading.recipients = found;
        return;
    }
    let said: Vec<String> = texts.iter().map(|text| text.to_lowercase()).collect();
    let named = found.iter().filter(|address| said.iter().any(|text| text.contains(&address.to_lowercase())));
    let named: Vec<String> = named.cloned().collect();
    if named.is_empty() { reading.alternatives.extend(found) } else { reading.recipients = named }
}

fn is_bare_address(text: &str) -> bool {
    let (local, domain) = text.trim_matches(['<', '>']).split_once('@').unwrap_or_default();
    !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace)
}

fn take_clues(reading: &mut Reading, item: &Value, leaves: &[Leaf]) {
    for leaf in named(leaves, MESSAGE_ID) {
        let Some(id) = path::text(leaf.value) else { continue };
        let is_address = leaf.name == "emailid" && reading.recipients.contains(&id);
        if METADATA.contains(&leaf.parent.as_str()) {
            continue;
        }
        if leaf.name == "emailid" && is_uuid(&id) {
            reading.clues.push(Clue { kind: ClueKind::EmailId, value: id });
        } else if !is_address {
            reading.take_id(&id);
        }
    }
    for sender in named(leaves, SENDER).flat_map(|leaf| addresses(leaf.value)) {
        reading.clues.push(Clue { kind: ClueKind::Verp, value: sender });
    }
    let mut objects = vec![(item, 0)];
    while let Some((value, depth)) = objects.pop() {
        let Value::Object(object) = value else { continue };
        for (name, inner) in object {
            let name = squash(name);
            if METADATA.contains(&name.as_str()) {
                reading.take_metadata(inner);
            } else if HEADERS.contains(&name.as_str()) {
                reading.take_headers(inner);
            } else if depth < LISTS_DEPTH_MAX && inner.is_object() {
                objects.push((inner, depth + 1));
            }
        }
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Some write an enhanced code as an object of three numbers.
fn status_object(value: &Value) -> Option<Enhanced> {
    let object = value.as_object()?;
    let of = |inner: &Value| status(inner).filter(|_| inner.is_object());
    object.values().find_map(|inner| of(inner).or_else(|| inner.as_object()?.values().find_map(of)))
}

fn is_foreign(name: &str) -> bool {
    NOT_RECIPIENT.iter().any(|part| name.contains(part)) && rank(RECIPIENT, name).is_none()
}

fn rank(lists: &[&[&str]], name: &str) -> Option<usize> {
    lists.iter().position(|names| names.contains(&name))
}

/// Leaves by these names, in the order of the names.
fn named<'l, 'a>(leaves: &'l [Leaf<'a>], names: &'l [&'l str]) -> impl Iterator<Item = &'l Leaf<'a>> {
    names.iter().flat_map(move |name| leaves.iter().filter(move |leaf| leaf.name == *name))
}

/// Every leaf, the shallow ones first; those in lists of objects only when they are wanted.
fn leaves(value: &Value, depth_max: usize, in_lists: bool) -> Vec<Leaf<'_>> {
    let mut found = Vec::new();
    let mut level = vec![(value, String::new(), String::new())];
    for depth in 0..=depth_max {
        let mut below = Vec::new();
        for (value, name, parent) in level {
            match value {
                Value::Object(object) => {
                    let room = LEAVES_MAX.saturating_sub(below.len());
                    let named = object.iter().take(room).map(|(key, inner)| (inner, squash(key), name.clone()));
                    let is_past =
                        |inner: &Value, name: &str| (inner.is_object() || inner.is_array()) && HISTORY.contains(&name);
                    below.extend(named.filter(|(inner, name, _)| !is_past(inner, name)));
                }
                Value::Array(list) if in_lists || !list.iter().any(Value::is_object) => {
                    let room = LEAVES_MAX.saturating_sub(below.len());
                    below.extend(list.iter().take(room).map(|inner| (inner, name.clone(), parent.clone())));
                }
                Value::Null | Value::Array(_) => {}
                value if found.len() < LEAVES_MAX => found.push(Leaf { name, parent, depth, value }),
                _ => {}
            }
        }
        level = below;
    }
    found
}

/// The leaves of an object that are in no list.
fn values(value: &Value) -> Vec<Leaf<'_>> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let mut found = Vec::new();
    for (key, inner) in object.iter().filter(|(_, inner)| !inner.is_array()) {
        let name = squash(key);
        for mut leaf in leaves(inner, 2, true) {
            if leaf.name.is_empty() {
                leaf.name.clone_from(&name);
            } else if leaf.parent.is_empty() {
                leaf.parent.clone_from(&name);
            }
            leaf.depth += 1;
            found.push(leaf);
        }
    }
    found
}
