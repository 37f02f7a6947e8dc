//! A list of suppressed addresses, brought along as CSV.

use ::csv::{ByteRecord, Position, ReaderBuilder, StringRecord, Trim};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Wanted, address, reason};
use crate::api::csv::unguarded;
use crate::app::App;
use crate::error::{Error, Result};
use crate::store::{Cause, Customer, NewSuppression, StreamType};

/// Lines of one list, the first one aside.
const LINES_MAX: usize = 10_000;
/// Addresses stored in one unit of work, so that a long list holds up nobody else's.
const TOGETHER: usize = 500;
/// What spreadsheets put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What became of a list.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct ImportReply {
    /// Lines.
    total: usize,
    /// Suppressed by this list.
    added: usize,
    /// Suppressed before, or named twice.
    known: usize,
    /// Lines that are wrong. The others count all the same.
    failed: usize,
    errors: Vec<LineError>,
}

/// What is wrong with a line.
#[derive(Serialize, ToSchema)]
struct LineError {
    /// From 1, the line of names included.
    line: u64,
    error: String,
}

/// Where the columns stand.
struct Columns {
    email: usize,
    stream_type: Option<usize>,
    cause: Option<usize>,
    reason: Option<usize>,
}

/// Suppresses the addresses of a list. Lines that are wrong are told, and hold up no other.
pub(crate) async fn import(app: &App, customer: &Customer, body: &[u8]) -> Result<ImportReply> {
    let mut reply = ImportReply::default();
    let wanted = read(body, &mut reply)?;
    let now = app.now();
    let mut ids = app.ids(now);
    let mut new: Vec<_> = wanted.into_iter().map(|wanted| wanted.suppression(customer, ids(), now)).collect();
    while !new.is_empty() {
        let rest = new.split_off(new.len().min(TOGETHER));
        let together: Vec<NewSuppression> = std::mem::replace(&mut new, rest);
        for added in app.store.suppress(together).await? {
            *if added { &mut reply.added } else { &mut reply.known } += 1;
        }
    }
    tracing::info!(added = reply.added, known = reply.known, failed = reply.failed, "suppressions imported");
    Ok(reply)
}

/// Reads a whole list before anything of it is stored, so that one that is too long changes nothing.
fn read(body: &[u8], reply: &mut ImportReply) -> Result<Vec<Wanted>> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let mut lines = ReaderBuilder::new().flexible(true).trim(Trim::All).from_reader(body);
    let names = lines.byte_headers().map_err(|error| Error::invalid(format!("The body is not CSV: {error}")))?;
    let columns = Columns::named(names)?;
    let mut wanted = Vec::new();
    for record in lines.into_byte_records() {
        let record = record.map_err(|error| Error::invalid(format!("The body is not CSV: {error}")))?;
        if reply.total == LINES_MAX {
            return Err(Error::invalid(format!("A list has at most {LINES_MAX} lines; send it in parts")));
        }
        reply.total += 1;
        let line = record.position().map_or(0, |position| line(body, position));
        match columns.read(record) {
            Ok(one) => wanted.push(one),
            Err(error) => {
                reply.failed += 1;
                reply.errors.push(LineError { line, error });
            }
        }
    }
    Ok(wanted)
}

/// The line that a record stands on. Behind CRLF the reader takes the LF for the record's beginning.
fn line(body: &[u8], position: &Position) -> u64 {
    let begins_with = usize::try_from(position.byte()).ok().and_then(|at| body.get(at));
    position.line() + u64::from(begins_with == Some(&b'\n'))
}

impl Columns {
    fn named(names: &ByteRecord) -> Result<Self> {
        let place = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted.as_bytes()));
        let Some(email) = place("email").or_else(|| place("address")) else {
            let wanted = "The first line must name the columns, among them email, with commas between";
            return Err(Error::invalid(wanted));
        };
        Ok(Self { email, stream_type: place("stream_type"), cause: place("cause"), reason: place("reason") })
    }

    /// What a line asks for, or what is wrong with it.
    fn read(&self, record: ByteRecord) -> Result<Wanted, String> {
        let record = StringRecord::from_byte_record(record).map_err(|_| "the line is not UTF-8".to_owned())?;
        let cell = |place: Option<usize>| {
            place.and_then(|place| record.get(place)).map(unguarded).filter(|cell| !cell.is_empty())
        };
        let address = address(cell(Some(self.email))).map_err(|error| says(&error))?;
        let stream =
            word(cell(self.stream_type), StreamType::parse, "stream_type is neither transactional nor broadcast")?;
        let cause = word(
            cell(self.cause),
            Cause::parse,
            "cause is none of hard_bounce, soft_bounces, complaint, unsubscribe and manual",
        )?;
        let reason = reason(cell(self.reason).map(str::to_owned)).map_err(|error| says(&error))?;
        Ok(Wanted { address, stream, cause: cause.unwrap_or(Cause::Manual), reason })
    }
}

fn word<T>(cell: Option<&str>, parse: impl FnOnce(&str) -> Option<T>, otherwise: &str) -> Result<Option<T>, String> {
    cell.map(|word| parse(word).ok_or_else(|| otherwise.to_owned())).transpose()
}

/// What an error says of the place it points to, or of all.
fn says(error: &Error) -> String {
    match error {
        Error::Invalid(_, details) if !details.is_empty() => details[0].message.clone(),
        error => error.to_string(),
    }
}
