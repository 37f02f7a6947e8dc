//! The documents say what the code does: settings, endpoints, migrations

use std::collections::BTreeSet;
use std::path::Path;

use pillarbox::config::SETTINGS;
use pillarbox::mail::dns::fault::Fault;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of every row of every table in a document.
fn rows(document: &str) -> Vec<Vec<String>> {
    let is_row = |line: &&str| line.starts_with("| ") && line.ends_with('|');
    // A `\|` is a character of a cell, not its end.
    let cells = |line: &str| {
        let line = line.replace("\\|", "\u{0}");
        let cells = line.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().replace('\u{0}', "|")).collect()
    };
    document.lines().filter(is_row).map(cells).collect()
}

/// What stands between backticks, when that is all of the cell.
fn code(cell: &str) -> Option<&str> {
    let inner = cell.strip_prefix('`')?.strip_suffix('`')?;
    (!inner.contains('`')).then_some(inner)
}

#[test]
fn the_readme_lists_every_setting_with_its_default_in_the_order_of_the_code() {
    let rows = rows(&read("README.md"));
    let begins = rows.iter().position(|row| code(&row[0]) == Some("data_dir"));
    let begins = begins.expect("README.md has a table whose rows begin with `data_dir`, the first setting");
    let listed: Vec<_> = rows[begins..]
        .iter()
        .map_while(|row| Some((code(&row[0])?.to_owned(), code(&row[1]).unwrap_or_default().to_owned())))
        .take(SETTINGS.len() + 1)
        .take_while(|(name, _)| !name.contains(' '))
        .collect();
    let wanted: Vec<_> = SETTINGS.iter().map(|setting| (setting.name.to_owned(), setting.default.to_owned())).collect();
    for (listed, wanted) in listed.iter().zip(&wanted) {
        assert_eq!(listed, wanted, "in README.md and in the code");
    }
    assert_eq!(listed.len(), wanted.len(), "README.md has {:?} last", listed.last());
}

#[test]
fn the_readme_lists_every_endpoint_and_no_other() {
    let readme = read("README.md");
    let rows = rows(&readme);
    let listed: BTreeSet<_> = rows.iter().filter_map(|row| code(&row[0])).filter(|cell| is_endpoint(cell)).collect();
    let router = read("host/src/router.rs");
    let wanted = endpoints(&router);
    assert!(wanted.len() > 15, "{wanted:?}");
    let listed: BTreeSet<_> = listed.into_iter().map(str::to_owned).collect();
    assert_eq!(wanted.difference(&listed).collect::<Vec<_>>(), [""; 0], "are in the router and not in README.md");
    assert_eq!(listed.difference(&wanted).collect::<Vec<_>>(), [""; 0], "are in README.md and not in the router");
}

#[test]
fn the_readme_says_of_every_fault_of_a_record_what_to_change() {
    let rows = rows(&read("README.md"));
    let begins = rows.iter().position(|row| row[0] == "fault").expect("README.md has a table of faults");
    // Below the heads and the line under them.
    let listed = rows[begins + 2..].iter().map_while(|row| Some((code(&row[0])?, row.get(1..)?)));
    let listed: Vec<_> = listed.take(Fault::ALL.len()).collect();
    let names: Vec<_> = listed.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        Fault::ALL.iter().map(|fault| fault.as_str()).collect::<Vec<_>>(),
        "in README.md and in the code"
    );
    for (name, cells) in listed {
        assert!(cells.len() == 2 && cells.iter().all(|cell| cell.ends_with('.')), "{name}: {cells:?}");
    }
}

fn is_endpoint(cell: &str) -> bool {
    let method = cell.split(' ').next().unwrap_or_default();
    ["GET", "POST", "PATCH", "PUT", "DELETE"].contains(&method) && cell.contains(" /")
}

/// The routes of the router as the reference writes them, read from the arms of its match: `("GET", &["track", "o",
/// token]) => Open(…)` is `GET /track/o/{token}`.
fn endpoints(router: &str) -> BTreeSet<String> {
    let arms = router.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split_once(") =>"));
    let endpoint = |(pattern, _): (&str, &str)| {
        let (method, segments) = pattern.split_once("\", ")?;
        let segments = segments.trim_start_matches('&').strip_prefix('[')?.strip_suffix(']')?;
        let segment = |text: &str| match text.trim().strip_prefix('"') {
            Some(word) => word.trim_end_matches('"').to_owned(),
            None => format!("{{{}}}", text.trim()),
        };
        let path = segments.split(',').map(segment).collect::<Vec<_>>().join("/");
        Some(format!("{method} {}", documented(&format!("/{path}"))))
    };
    arms.filter_map(endpoint).collect()
}

/// The reference has the Events routes under their version.
fn documented(path: &str) -> String {
    if path.ends_with("/events") || path.ends_with("/events/stream") {
        path.replacen("/api/", "/api/v1/", 1)
    } else {
        path.to_owned()
    }
}

#[test]
fn a_route_is_read_from_its_arm() {
    let arms = "            (\"POST\", [\"api\", \"send\"]) => Keyed(Send),\n\
                (\"GET\", &[\"api\", \"emails\", email_id, \"events\"]) => Keyed(EmailEvents { email_id }),\n\
                _ => return None,";
    let found: Vec<_> = endpoints(arms).into_iter().collect();
    assert_eq!(found, ["GET /api/v1/emails/{email_id}/events", "POST /api/send"]);
}

#[test]
fn a_row_may_have_a_bar_in_a_cell() {
    assert_eq!(rows("text\n| `a` | b \\| c |\n| --- | --- |"), [["`a`", "b | c"], ["---", "---"]]);
    assert_eq!((code("`a`"), code("`a` b"), code("`a` or `b`")), (Some("a"), None, None));
}

#[test]
fn every_migration_is_in_the_list_that_is_applied() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let names = std::fs::read_dir(folder).expect("the folder is read");
    let names = names.map(|entry| entry.expect("the folder is read").file_name().into_string().expect("it is text"));
    let mut files: Vec<_> = names.filter(|name| Path::new(name).extension().is_some_and(|end| end == "sql")).collect();
    files.sort();
    assert!(!files.is_empty());
    let code = read("host/src/store/migrations.rs");
    for (index, file) in files.iter().enumerate() {
        let (number, name) = file.trim_end_matches(".sql").split_once('_').expect("a number and a name");
        assert_eq!(number.parse(), Ok(index + 1), "the numbers have no gap");
        let line = format!("({}, \"{name}\", include_str!(\"../../../migrations/{file}\"))", index + 1);
        assert!(code.contains(&line), "migrations.rs lacks {line}");
    }
    assert_eq!(code.matches("include_str!(").count(), files.len());
}
