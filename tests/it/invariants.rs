//! What is absent from a folder, which cannot be seen by reading it: DESIGN's invariants, checked in the sources
//!
//! Each rule is a word that may stand in some files only. Comments and the texts between quotes do not count, except
//! for SQL, which stands in texts. What `#[cfg(test)]` covers counts only where a rule says so.

use std::fs;
use std::path::Path;

/// A source file: its path inside `host/src`, and its text.
struct Source {
    path: String,
    text: String,
}

/// Where a rule is broken.
type Broken = Vec<String>;

/// Every source of the host, without the files that hold tests.
fn sources() -> Vec<Source> {
    fn gather(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("the folder is read").path();
            if path.is_dir() {
                gather(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("it is inside").to_str().expect("it is text").to_owned();
                if !name.split('/').any(|part| part == "tests" || part == "tests.rs") {
                    found.push(Source { path: name, text: fs::read_to_string(&path).expect("it is read") });
                }
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("host/src");
    let mut found = Vec::new();
    gather(&root, &root, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    found
}

impl Source {
    #[cfg(test)]
    fn of(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| if place.ends_with('/') { self.path.starts_with(place) } else { self.path == *place })
    }

    /// The text without comments and, unless they are wanted, without what stands between quotes; and without the
    /// tests, which stand last. Lines keep their numbers.
    fn code(&self, with_texts: bool) -> String {
        let text = self.text.find("#[cfg(test)]\nmod tests {").map_or(self.text.as_str(), |at| &self.text[..at]);
        without_comments(text, with_texts)
    }

    /// The places where one of these words stands as a word of its own.
    fn places(&self, words: &[&str], with_texts: bool) -> Broken {
        let code = self.code(with_texts);
        let lines = code.lines().enumerate();
        let found = lines.flat_map(|(at, line)| {
            let words = words.iter().filter(move |word| has_word(line, word));
            words.map(move |word| format!("{}:{}: {word}", self.path, at + 1))
        });
        found.collect()
    }
}

/// Leaves out comments, and texts if so asked. Characters such as `'"'` and raw texts are known.
fn without_comments(text: &str, with_texts: bool) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) =
            raw_text(rest).filter(|_| !code.ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        {
            keep(&mut code, &rest[..length], with_texts);
            length
        } else if next == '"' {
            let length = quoted(rest);
            keep(&mut code, &rest[..length], with_texts);
            length
        } else if let Some(length) = character(rest) {
            length
        } else {
            code.push(next);
            next.len_utf8()
        };
        rest = &rest[length..];
    }
    code
}

fn keep(code: &mut String, text: &str, wanted: bool) {
    if wanted {
        code.push_str(text);
    } else {
        code.extend(text.chars().filter(|character| *character == '\n'));
    }
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn raw_text(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(text.len() - inside.len() + length)
}

fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    let from = if first == '\\' { 1 + inside[1..].chars().next()?.len_utf8() } else { first.len_utf8() };
    // `'a` without a second quote is a lifetime; an escape such as `'\u{0}'` is longer.
    let end = inside[from..].find('\'').filter(|end| *end == 0 || (first == '\\' && *end < 10))?;
    Some(1 + from + end + 1)
}

fn has_word(line: &str, word: &str) -> bool {
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    line.match_indices(word).any(|(at, _)| {
        let joined_before = word.starts_with(is_name) && line[..at].ends_with(is_name);
        let joined_after = word.ends_with(is_name) && line[at + word.len()..].starts_with(is_name);
        !joined_before && !joined_after
    })
}

/// These words stand in these places and nowhere else.
fn only_in(sources: &[Source], words: &[&str], places: &[&str]) -> Broken {
    sources.iter().filter(|source| !source.is_in(places)).flat_map(|source| source.places(words, false)).collect()
}

/// These words do not stand in these places.
fn never_in(sources: &[Source], words: &[&str], places: &[&str]) -> Broken {
    sources.iter().filter(|source| source.is_in(places)).flat_map(|source| source.places(words, false)).collect()
}

/// Texts that begin like a statement.
fn sql_outside(sources: &[Source], places: &[&str]) -> Broken {
    let statements =
        ["SELECT ", "INSERT INTO", "INSERT OR", "UPDATE ", "DELETE FROM", "CREATE TABLE", "PRAGMA ", "BEGIN IMMEDIATE"];
    let sources = sources.iter().filter(|source| !source.is_in(places));
    let broken = sources.flat_map(|source| {
        let code = source.code(true);
        let lines: Vec<_> = code.lines().map(str::to_owned).enumerate().collect();
        let starts = move |line: &str| statements.iter().find(|word| line.contains(&format!("\"{word}"))).copied();
        lines.into_iter().filter_map(move |(at, line)| Some(format!("{}:{}: {}", source.path, at + 1, starts(&line)?)))
    });
    broken.collect()
}

/// `static` items that can change.
fn changing_statics(sources: &[Source]) -> Broken {
    let kinds = ["Mutex", "RwLock", "Atomic", "OnceLock", "OnceCell", "Cell<", "ArcSwap", "static mut", "DashMap"];
    let broken = sources.iter().flat_map(|source| {
        let code = source.code(false);
        let lines: Vec<_> = code.lines().map(str::to_owned).enumerate().collect();
        let changes = move |line: &str| {
            let line = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            line.starts_with("thread_local!")
                || line.starts_with("static ") && kinds.iter().any(|kind| line.contains(kind))
        };
        let lines = lines.into_iter().filter(move |(_, line)| changes(line));
        lines.map(move |(at, line)| format!("{}:{}: {}", source.path, at + 1, line.trim()))
    });
    broken.collect()
}

const CLOCKS: &[&str] = &["Instant", "SystemTime", "Timestamp::now", "Zoned::now", "now_v7", "elapsed"];
const CHANCE: &[&str] = &["SystemRandom", "SecureRandom", "rand", "getrandom", "new_v4", "RandomState", "fastrand"];

#[track_caller]
fn holds(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn sql_stands_in_the_store_alone() {
    holds(&sql_outside(&sources(), &["store/"]));
}

#[test]
fn libsql_is_known_to_the_store_alone() {
    holds(&only_in(&sources(), &["libsql", "rusqlite", "sqlite3_exec"], &["store/"]));
}

#[test]
fn the_raw_connection_stays_inside_the_wrapper() {
    let inside = ["store/sql.rs"];
    holds(&only_in(&sources(), &["libsql::Connection", "libsql::Statement", "libsql::Builder"], &inside));
}

#[test]
fn wasmtime_is_known_to_the_plugin_host_alone() {
    holds(&only_in(&sources(), &["wasmtime", "wit_component", "wasmparser", "wit_parser"], &["plugins/"]));
}

#[test]
fn hyper_is_known_to_the_server_and_the_client_alone() {
    holds(&only_in(&sources(), &["hyper", "hyper_util"], &["server.rs", "http_client.rs"]));
    holds(&only_in(&sources(), &["instant_acme"], &["acme.rs", "acme/"]));
}

#[test]
fn handlers_know_neither_sockets_nor_sql_nor_wasm() {
    holds(&never_in(&sources(), &["TcpListener", "TcpStream", "values!", "Connection", "wasmtime"], &["api/"]));
}

#[test]
fn the_store_knows_nothing_of_http_and_looks_at_no_clock() {
    holds(&never_in(&sources(), &["http", "StatusCode", "HeaderMap"], &["store/"]));
    holds(&never_in(&sources(), CLOCKS, &["store/"]));
    holds(&never_in(&sources(), CHANCE, &["store/"]));
}

#[test]
fn plugins_know_nothing_of_http_and_sql() {
    holds(&never_in(&sources(), &["http", "StatusCode", "crate::store", "crate::api"], &["plugins/"]));
}

#[test]
fn the_journal_does_not_know_what_it_keeps_and_hits_know_nothing_of_http_and_sql() {
    let callers = ["http", "StatusCode", "crate::store", "crate::api", "crate::app", "crate::mail", "crate::hits"];
    holds(&never_in(&sources(), &callers, &["journal.rs", "journal/"]));
    holds(&never_in(&sources(), &["http", "StatusCode", "values!", "Connection"], &["hits.rs", "hits/"]));
}

#[test]
fn the_rules_of_mail_wait_for_nothing_and_depend_on_nothing_but_their_arguments() {
    let waiting = ["async", "await", "tokio", "std::fs", "std::net::TcpStream", "std::thread", "File::open"];
    holds(&never_in(&sources(), &waiting, &["mail/"]));
    holds(&never_in(&sources(), CLOCKS, &["mail/"]));
    holds(&never_in(&sources(), CHANCE, &["mail/"]));
    holds(&never_in(&sources(), &["crate::store", "crate::api", "crate::app", "crate::plugins"], &["mail/"]));
}

#[test]
fn the_environment_is_read_with_the_settings_alone() {
    holds(&only_in(&sources(), &["env::var", "env::var_os", "env::vars", "env::set_var"], &["config.rs"]));
    holds(&only_in(&sources(), &["env::args", "env::args_os"], &["cli/", "main.rs"]));
}

#[test]
fn nothing_is_reached_through_a_global_that_changes() {
    holds(&changing_statics(&sources()));
}

#[test]
fn nothing_is_left_to_do_and_nothing_is_unwrapped() {
    let words = [".unwrap()", "todo!", "unimplemented!", "dbg!", "println!", "eprintln!", "process::exit"];
    // Commands speak to people.
    let speaking: &[&str] = &["println!", "eprintln!", "process::exit"];
    let sources = sources();
    let strict: Vec<_> = words.iter().copied().filter(|word| !speaking.contains(word)).collect();
    holds(&only_in(&sources, &strict, &[]));
    holds(&only_in(&sources, speaking, &["cli/", "main.rs"]));
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = |source: &&Source| !source.text.starts_with("//! ");
    holds(&sources().iter().filter(silent).map(|source| source.path.clone()).collect::<Vec<_>>());
}

#[test]
fn every_expectation_gives_its_reason() {
    let empty = sources()
        .iter()
        .flat_map(|source| {
            let code = source.code(true);
            let lines: Vec<_> = code.lines().map(str::to_owned).enumerate().collect();
            let path = source.path.clone();
            lines
                .into_iter()
                .filter(|(_, line)| line.contains(".expect(\"\")"))
                .map(move |(at, _)| format!("{path}:{}", at + 1))
        })
        .collect::<Vec<_>>();
    holds(&empty);
}

/// A rule finds this, and finds it there.
#[track_caller]
fn finds(broken: &[String], expected: &[&str]) {
    assert_eq!(broken, expected);
}

#[test]
fn a_word_in_the_wrong_place_is_found_with_its_line() {
    let bad =
        [Source::of("api/x.rs", "//! libsql\nuse libsql::Value;\n// libsql\nlet a = \"libsql\";\nlibsqlite();\n")];
    finds(&only_in(&bad, &["libsql"], &["store/"]), &["api/x.rs:2: libsql"]);
    finds(&only_in(&bad, &["libsql"], &["api/"]), &[]);
    finds(&never_in(&bad, &["libsql"], &["api/"]), &["api/x.rs:2: libsql"]);
    finds(&never_in(&bad, &["libsql"], &["api/y.rs"]), &[]);
}

#[test]
fn sql_is_found_in_texts_and_not_in_prose() {
    let text =
        "// \"SELECT 1\"\nlet a = \"SELECT 1\";\nlet b = \"Please SELECT one\";\nlet c = r#\"DELETE FROM x\"#;\n";
    finds(
        &sql_outside(&[Source::of("api/x.rs", text)], &["store/"]),
        &["api/x.rs:2: SELECT ", "api/x.rs:4: DELETE FROM"],
    );
    finds(&sql_outside(&[Source::of("store/x.rs", text)], &["store/"]), &[]);
}

#[test]
fn a_global_that_changes_is_told_from_one_that_does_not() {
    let text = "static A: Mutex<u8> = Mutex::new(0);\n    pub static mut B: u8 = 0;\nstatic C: LazyLock<Vec<u8>> = x;\n\
                thread_local! {\nconst D: AtomicBool = x;\nlet e: &'static Mutex<u8> = y;\n";
    let expected = [
        "x.rs:1: static A: Mutex<u8> = Mutex::new(0);",
        "x.rs:2: pub static mut B: u8 = 0;",
        "x.rs:4: thread_local! {",
    ];
    finds(&changing_statics(&[Source::of("x.rs", text)]), &expected);
}

#[test]
fn what_only_looks_like_code_is_left_out() {
    let of = |text: &str| without_comments(text, false);
    assert_eq!(of("a // b\nc"), "a \nc");
    assert_eq!(of("a(\"x // y\") b"), "a() b");
    assert_eq!(of("\"a\\\"b\" c"), " c");
    assert_eq!(of("\"a\nb\" c"), "\n c");
    assert_eq!(of("r#\"a \" b\"# c"), " c");
    assert_eq!(of("br\"a\\\" c"), " c");
    assert_eq!(of("'\"' a '\\'' b '\\u{41}' c"), " a  b  c");
    assert_eq!(of("fn f<'a>(x: &'a str) {} // 'b'"), "fn f<'a>(x: &'a str) {} ");
    assert_eq!(without_comments("a(\"b\") // c", true), "a(\"b\") ");
}

#[test]
fn the_tests_of_a_file_may_unwrap() {
    let text = "fn f() { x.unwrap(); }\n\n#[cfg(test)]\nmod tests {\n    fn g() { y.unwrap(); }\n}\n";
    finds(&only_in(&[Source::of("x.rs", text)], &[".unwrap()"], &[]), &["x.rs:1: .unwrap()"]);
    let allowed = [Source::of("x.rs", "x.unwrap_or_default(); x.unwrap_or_else(y); todo(); // todo!\n")];
    finds(&only_in(&allowed, &[".unwrap()", "todo!"], &[]), &[]);
}
