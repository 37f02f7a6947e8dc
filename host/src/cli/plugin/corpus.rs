//! Where the inputs of a replay come from: what the service recorded, or the files of a folder. A page at a time, so
//! that no more than two pages are ever in memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use uuid::Uuid;

use super::super::Failure;
use super::super::normalize::{Notification, notification};
use super::super::session::Session;
use super::super::since::Since;
use crate::api::scoring::message_of_raw;
use crate::api::time;
use crate::control::Command;
use crate::plugins::limits::Limits;
use crate::plugins::{World, normalizer};
use crate::recorder::recorded::{Input, ROWS_MAX, RecordedInput, RecordedPage};
use crate::replay::{Inputs, Named, Skipped};

/// Files of a folder, those of the folders in it included.
const FILES_MAX: usize = 100_000;
/// Folders in folders.
const DEPTH_MAX: usize = 32;
/// Bytes of a file with one notification a line.
const LINES_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Inputs of one page, and bytes of its files.
const PAGE_INPUTS: usize = 500;
const PAGE_BYTES: usize = 16 * 1024 * 1024;
/// Skipped inputs that are named.
const SKIPPED_NAMED_MAX: usize = 5;
/// When a notification of a file was received, so that the same file always means the same: 2026-01-01T00:00:00Z.
const RECEIVED_AT: u64 = 1_767_225_600_000;

/// Which inputs, and how.
#[derive(Args)]
pub(super) struct Given {
    /// Only the newest N recorded inputs
    #[arg(long, value_name = "N", conflicts_with_all = ["since", "fixtures"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) last: Option<u64>,
    /// Only inputs recorded from then on: a time such as 2026-11-20T08:00:00Z, or an age such as 90m, 12h, 7d
    #[arg(long, value_name = "T", conflicts_with = "fixtures", value_parser = Since::parse)]
    pub(super) since: Option<Since>,
    /// The files of this folder in the place of recorded inputs: `.eml` for a scorer; `.eml`, and `.jsonl` in the shape
    /// of `normalize --jsonl`, for a normalizer. Folders in it too, in the order of their names
    #[arg(long, value_name = "DIR")]
    pub(super) fixtures: Option<PathBuf>,
    /// Threads that call the plugins [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) threads: Option<u32>,
    /// Examples of each kind of difference
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(super) examples: u32,
    /// Print the report as JSON, in a shape that stays
    #[arg(long)]
    pub(super) json: bool,
}

/// Inputs, a page after the other.
pub(super) struct Corpus {
    world: World,
    source: Source,
    seen: Inputs,
    oldest_at: Option<i64>,
    newest_at: Option<i64>,
}

enum Source {
    Recorded { session: Arc<Session>, before: Option<Uuid>, since: i64, left: u64, is_over: bool },
    Files { folder: PathBuf, files: std::vec::IntoIter<PathBuf>, lines: Option<Lines> },
}

/// A name, and the input of so many bytes or what is wrong with it.
type Found = (String, Result<(Input, usize), String>);

/// A file with one notification a line, while it is read.
struct Lines {
    name: String,
    content: String,
    at: usize,
    number: usize,
}

impl Given {
    /// Threads that call at once.
    pub(super) fn threads(&self) -> usize {
        let given = self.threads.map(|threads| threads as usize);
        given.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// The inputs for a world. `session` is only asked for when they were recorded.
    pub(super) fn corpus(&self, world: World, session: Option<&Arc<Session>>, now: i64) -> Result<Corpus, Failure> {
        let source = match (&self.fixtures, session) {
            (Some(folder), _) => {
                let files = files(folder, world)?;
                Source::Files { folder: folder.clone(), files: files.into_iter(), lines: None }
            }
            (None, Some(session)) => {
                let since = self.since.map_or(0, |since| since.at(now));
                let left = self.last.unwrap_or(u64::MAX);
                Source::Recorded { session: Arc::clone(session), before: None, since, left, is_over: false }
            }
            (None, None) => return Err("recorded inputs are the service's, and it is not open".into()),
        };
        let name = if self.fixtures.is_some() { "fixtures" } else { "recordings" };
        let seen = Inputs { source: name, ..Inputs::default() };
        Ok(Corpus { world, source, seen, oldest_at: None, newest_at: None })
    }
}

impl Corpus {
    /// About how many inputs there are, for whoever waits.
    pub(super) async fn expected(&self) -> Option<u64> {
        match &self.source {
            Source::Files { files, .. } => Some(files.len() as u64).filter(|_| self.world == World::Scorer),
            Source::Recorded { session, since, left, .. } => {
                let status = session.run(Command::RecordingsStatus).await.ok()?;
                let kept = status[self.world.as_str()]["inputs"].as_u64()?;
                (*since == 0).then_some(kept.min(*left))
            }
        }
    }

    /// The next inputs; none when there are no more.
    pub(super) async fn page(&mut self) -> Result<Option<Vec<Named>>, Failure> {
        loop {
            let page = match &mut self.source {
                Source::Recorded { is_over: true, .. } => return Ok(None),
                Source::Recorded { .. } => self.recorded().await?,
                Source::Files { .. } => match self.next_files() {
                    Some(page) => page,
                    None => return Ok(None),
                },
            };
            // A page of nothing but unreadable inputs is not the end.
            if !page.is_empty() {
                self.seen.replayed += page.len() as u64;
                return Ok(Some(page));
            }
        }
    }

    /// What was given so far, and what could not be.
    pub(super) fn seen(&self) -> Inputs {
        let mut seen = self.seen.clone();
        (seen.oldest_at, seen.newest_at) = (self.oldest_at.map(time::rfc3339), self.newest_at.map(time::rfc3339));
        seen
    }

    async fn recorded(&mut self) -> Result<Vec<Named>, Failure> {
        let Source::Recorded { session, before, since, left, is_over } = &mut self.source else {
            return Ok(Vec::new());
        };
        let limit = i64::try_from(*left).unwrap_or(i64::MAX).min(ROWS_MAX);
        let command = Command::Recordings { world: self.world, before: *before, since: *since, limit };
        let page: RecordedPage = serde_json::from_value(session.run(command).await?)
            .map_err(|error| format!("the service answered something else than recordings: {error}"))?;
        *left = left.saturating_sub(page.inputs.len() as u64);
        *before = page.next;
        *is_over = page.next.is_none() || *left == 0;
        let mut inputs = Vec::with_capacity(page.inputs.len());
        for RecordedInput { id, recorded_at, content, .. } in page.inputs {
            self.newest_at = self.newest_at.max(Some(recorded_at));
            self.oldest_at = Some(self.oldest_at.map_or(recorded_at, |oldest| oldest.min(recorded_at)));
            match content.and_then(crate::recorder::recorded::Content::into_input) {
                Ok(input) => inputs.push(Named { name: id.to_string(), input }),
                Err(reason) => self.skip(id.to_string(), reason),
            }
        }
        Ok(inputs)
    }

    /// `None` when every file was read.
    fn next_files(&mut self) -> Option<Vec<Named>> {
        let (mut inputs, mut bytes, mut is_over) = (Vec::new(), 0, false);
        while inputs.len() < PAGE_INPUTS && bytes < PAGE_BYTES {
            match self.next_file_input() {
                Some((name, Ok((input, size)))) => {
                    bytes += size;
                    inputs.push(Named { name, input });
                }
                Some((name, Err(reason))) => self.skip(name, reason),
                None => {
                    is_over = true;
                    break;
                }
            }
        }
        (!inputs.is_empty() || !is_over).then_some(inputs)
    }

    fn next_file_input(&mut self) -> Option<Found> {
        let Source::Files { folder, files, lines } = &mut self.source else { return None };
        loop {
            if let Some(found) = lines.as_mut().and_then(Lines::next) {
                return Some(found);
            }
            *lines = None;
            let path = files.next()?;
            let name = path.strip_prefix(&*folder).unwrap_or(&path).display().to_string();
            let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
            if !is_lines {
                return Some((name, mail(self.world, &path)));
            }
            match read(&path, LINES_BYTES_MAX).map(String::from_utf8) {
                Ok(Ok(content)) => *lines = Some(Lines { name, content, at: 0, number: 0 }),
                Ok(Err(_)) => return Some((name, Err("it is not UTF-8".into()))),
                Err(reason) => return Some((name, Err(reason))),
            }
        }
    }

    fn skip(&mut self, input: String, reason: String) {
        self.seen.skipped += 1;
        if self.seen.skipped_examples.len() < SKIPPED_NAMED_MAX {
            self.seen.skipped_examples.push(Skipped { input, reason });
        }
    }
}

impl Lines {
    fn next(&mut self) -> Option<Found> {
        loop {
            let rest = self.content.get(self.at..).filter(|rest| !rest.is_empty())?;
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let line = rest[..length].trim();
            self.at += length;
            self.number += 1;
            if !line.is_empty() {
                let input = notification(line).map(|notification| (request(notification), line.len()));
                return Some((format!("{}:{}", self.name, self.number), input));
            }
        }
    }
}

fn request(Notification { content_type, headers, body }: Notification) -> Input {
    let attributes = Vec::new();
    Input::Request(normalizer::Request { content_type, headers, body, received_at: RECEIVED_AT, attributes })
}

fn mail(world: World, path: &Path) -> Result<(Input, usize), String> {
    let bytes = read(path, Limits::default().input_bytes_max as u64)?;
    let size = bytes.len();
    let input = match world {
        World::Scorer => Input::Message(message_of_raw(&bytes).map_err(|_| "it is not a message (RFC 5322)")?),
        World::Normalizer => {
            request(Notification { content_type: "message/rfc822".into(), headers: Vec::new(), body: bytes })
        }
    };
    Ok((input, size))
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, String> {
    let explain = |error: std::io::Error| format!("it cannot be read: {error}");
    let size = fs::metadata(path).map_err(explain)?.len();
    if size > bytes_max {
        return Err(format!("it has {size} bytes, and at most {bytes_max} are read"));
    }
    fs::read(path).map_err(explain)
}

/// The files of a folder that are inputs of this world, by their names. Links to folders are not followed.
fn files(folder: &Path, world: World) -> Result<Vec<PathBuf>, Failure> {
    let extensions: &[&str] = match world {
        World::Scorer => &["eml"],
        World::Normalizer => &["eml", "jsonl"],
    };
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let explain = |error: std::io::Error| format!("cannot read the folder {}: {error}", folder.display());
        if depth > DEPTH_MAX {
            return Err(format!("{} is more than {DEPTH_MAX} folders deep", folder.display()).into());
        }
        for entry in fs::read_dir(&folder).map_err(explain)? {
            let entry = entry.map_err(explain)?;
            let path = entry.path();
            if entry.file_type().map_err(explain)?.is_dir() {
                folders.push((path, depth + 1));
            } else if path.extension().is_some_and(|is| extensions.iter().any(|known| is == *known)) {
                found.push(path);
                if found.len() > FILES_MAX {
                    return Err(format!("there are more than {FILES_MAX} files; give a smaller folder").into());
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn names(folder: &Path, world: World) -> (Vec<String>, Inputs) {
        let source =
            Source::Files { folder: folder.into(), files: files(folder, world).unwrap().into_iter(), lines: None };
        let mut corpus = Corpus { world, source, seen: Inputs::default(), oldest_at: None, newest_at: None };
        let mut names = Vec::new();
        while let Some(page) = corpus.page().await.unwrap() {
            assert!(page.len() <= PAGE_INPUTS);
            names.extend(page.into_iter().map(|named| named.name));
        }
        (names, corpus.seen())
    }

    #[tokio::test]
    async fn the_files_of_a_folder_come_in_the_order_of_their_names_and_bad_ones_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put("b.eml", b"Subject: b\r\n\r\nHello\r\n");
        put("a/z.eml", b"Subject: z\r\n\r\nHello\r\n");
        put("a/empty.eml", b"");
        put("README.md", b"Subject: no\r\n\r\n");
        put("c.jsonl", b"{\"body\": \"x\", \"content_type\": \"text/plain\"}\n\nnot json\n{\"body\": \"y\"}");
        let (scorer, seen) = names(folder.path(), World::Scorer).await;
        assert_eq!(scorer, ["a/z.eml", "b.eml"]);
        assert_eq!((seen.replayed, seen.skipped, seen.skipped_examples[0].input.as_str()), (2, 1, "a/empty.eml"));
        let (normalizer, seen) = names(folder.path(), World::Normalizer).await;
        assert_eq!(normalizer, ["a/empty.eml", "a/z.eml", "b.eml", "c.jsonl:1", "c.jsonl:4"]);
        assert_eq!((seen.skipped, seen.skipped_examples[0].input.as_str()), (1, "c.jsonl:3"));
    }

    #[tokio::test]
    async fn a_page_holds_so_many_inputs_and_the_next_one_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let line = "{\"body\": \"x\", \"content_type\": \"text/plain\"}\n";
        fs::write(folder.path().join("many.jsonl"), line.repeat(PAGE_INPUTS + 1)).unwrap();
        let (all, seen) = names(folder.path(), World::Normalizer).await;
        assert_eq!((all.len(), seen.replayed), (PAGE_INPUTS + 1, PAGE_INPUTS as u64 + 1));
    }
}
