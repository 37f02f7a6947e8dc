//! Records in the forms that DNS providers read: lines of a zone file, and JSON.

use serde::Serialize;

use super::{Record, RecordType};

/// Seconds for which a record may be remembered: short enough that a mistake is soon over.
const TTL: u32 = 3_600;

/// All records as a zone file has them (RFC 1035 section 5): whole names, and long texts in several strings.
pub fn zone(records: &[Record]) -> String {
    records.iter().map(zone_line).collect()
}

fn zone_line(record: &Record) -> String {
    let value = match record.kind {
        RecordType::Txt => zone_texts(&quoted(record)),
        RecordType::Cname | RecordType::Mx => format!("{}.", record.value),
    };
    format!("{}. {TTL} IN {} {value}\n", record.host, record.kind.as_str())
}

/// Several strings stand in brackets, each on a line of its own.
fn zone_texts(strings: &[String]) -> String {
    match strings {
        [string] => string.clone(),
        _ => format!("(\n    {} )", strings.join("\n    ")),
    }
}

/// The strings of a text, each in quotes, with what has a meaning there escaped.
fn quoted(record: &Record) -> Vec<String> {
    let quote = |string: &&str| format!("\"{}\"", string.replace('\\', "\\\\").replace('"', "\\\""));
    record.strings().iter().map(quote).collect()
}

/// All records in the JSON of two large providers' APIs, so that each is ready to be sent.
#[derive(Debug, Serialize)]
pub struct Export {
    /// What `aws route53 change-resource-record-sets --change-batch` reads.
    pub route53: Batch,
    /// What Cloudflare's `POST /zones/{zone_id}/dns_records/batch` reads.
    pub cloudflare: Posts,
}

/// Changes of Route 53.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Batch {
    /// For whoever reads the history.
    pub comment: String,
    /// One for each record.
    pub changes: Vec<Change>,
}

/// One change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Change {
    /// `UPSERT`: what stands there is replaced.
    pub action: &'static str,
    /// What is put there.
    pub resource_record_set: RecordSet,
}

/// All records of one name and type.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordSet {
    /// The whole name, with a dot at the end.
    pub name: String,
    /// The type.
    pub r#type: &'static str,
    /// Seconds for which it may be remembered.
    #[serde(rename = "TTL")]
    pub ttl: u32,
    /// The values.
    pub resource_records: Vec<ResourceRecord>,
}

/// One value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRecord {
    /// As in a zone file: texts in quoted strings.
    pub value: String,
}

/// New records of Cloudflare.
#[derive(Debug, Serialize)]
pub struct Posts {
    /// One for each record.
    pub posts: Vec<Post>,
}

/// One new record.
#[derive(Debug, Serialize)]
pub struct Post {
    /// The whole name.
    pub name: String,
    /// The type.
    pub r#type: &'static str,
    /// Texts in quoted strings, hosts as they are.
    pub content: String,
    /// Of an MX record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Seconds for which it may be remembered.
    pub ttl: u32,
    /// Never: a name that Cloudflare answers for itself no longer leads here.
    pub proxied: bool,
    /// What it is for.
    pub comment: String,
}

/// The records of a domain for the APIs of providers.
pub fn json(domain: &str, records: &[Record]) -> Export {
    let changes = records.iter().map(change).collect();
    let comment = format!("What {domain} publishes to send mail by Pillarbox");
    Export { route53: Batch { comment, changes }, cloudflare: Posts { posts: records.iter().map(post).collect() } }
}

fn change(record: &Record) -> Change {
    let value = match record.kind {
        RecordType::Txt => quoted(record).join(" "),
        RecordType::Cname | RecordType::Mx => format!("{}.", record.value),
    };
    Change {
        action: "UPSERT",
        resource_record_set: RecordSet {
            name: format!("{}.", record.host),
            r#type: record.kind.as_str(),
            ttl: TTL,
            resource_records: vec![ResourceRecord { value }],
        },
    }
}

fn post(record: &Record) -> Post {
    let (priority, content) = match record.kind {
        RecordType::Txt => (None, quoted(record).join(" ")),
        RecordType::Cname => (None, record.value.clone()),
        RecordType::Mx => match record.value.split_once(' ') {
            Some((priority, host)) => (priority.parse().ok(), host.to_owned()),
            None => (None, record.value.clone()),
        },
    };
    Post {
        name: record.host.clone(),
        r#type: record.kind.as_str(),
        content,
        priority,
        ttl: TTL,
        proxied: false,
        comment: format!("Pillarbox: {}", record.purpose.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Purpose;
    use super::*;

    fn record(kind: RecordType, value: &str) -> Record {
        let host = "a.acme.example".into();
        Record { purpose: Purpose::Dkim, kind, host, value: value.into(), required: true, alias: None }
    }

    #[test]
    fn a_zone_file_has_whole_names_and_quoted_strings() {
        let records = [
            record(RecordType::Txt, "v=DMARC1; p=none"),
            record(RecordType::Mx, "10 mail.service.example"),
            record(RecordType::Cname, "track.service.example"),
            record(RecordType::Txt, "a \"b\" \\c"),
        ];
        let expected = "a.acme.example. 3600 IN TXT \"v=DMARC1; p=none\"\n\
             a.acme.example. 3600 IN MX 10 mail.service.example.\n\
             a.acme.example. 3600 IN CNAME track.service.example.\n\
             a.acme.example. 3600 IN TXT \"a \\\"b\\\" \\\\c\"\n";
        assert_eq!(zone(&records), expected);
    }

    #[test]
    fn a_text_is_cut_where_a_string_ends() {
        let whole = zone(&[record(RecordType::Txt, &"a".repeat(255))]);
        assert_eq!(whole, format!("a.acme.example. 3600 IN TXT \"{}\"\n", "a".repeat(255)));
        let cut = zone(&[record(RecordType::Txt, &"a".repeat(256))]);
        assert_eq!(cut, format!("a.acme.example. 3600 IN TXT (\n    \"{}\"\n    \"a\" )\n", "a".repeat(255)));
    }

    #[test]
    fn providers_get_what_their_apis_read() {
        let long = "a".repeat(256);
        let records = [record(RecordType::Txt, &long), record(RecordType::Mx, "10 mail.service.example")];
        let strings = format!("\"{}\" \"a\"", "a".repeat(255));
        let set = |kind: &str, value: &str| {
            json!({ "Action": "UPSERT", "ResourceRecordSet": { "Name": "a.acme.example.", "Type": kind, "TTL": 3600,
                "ResourceRecords": [{ "Value": value }] } })
        };
        let expected = json!({
            "route53": { "Comment": "What acme.example publishes to send mail by Pillarbox",
                "Changes": [set("TXT", &strings), set("MX", "10 mail.service.example.")] },
            "cloudflare": { "posts": [
                { "name": "a.acme.example", "type": "TXT", "content": strings, "ttl": 3600, "proxied": false,
                    "comment": "Pillarbox: dkim" },
                { "name": "a.acme.example", "type": "MX", "content": "mail.service.example", "priority": 10, "ttl": 3600,
                    "proxied": false, "comment": "Pillarbox: dkim" },
            ] },
        });
        assert_eq!(serde_json::to_value(super::json("acme.example", &records)).expect("it is JSON"), expected);
    }
}
