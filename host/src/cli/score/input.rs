//! The messages that are judged: within bounds before anything is made of them.

use std::path::{Path, PathBuf};

use super::super::{Failure, open_input, read_at_most};
use crate::mail::parsed::RAW_BYTES_MAX;

/// Files of one call. `--paths` takes any number.
const FILES_MAX: usize = 10_000;

/// One message, of at most [`RAW_BYTES_MAX`] bytes, which is what the API parses of one.
pub(super) fn read(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let name = file.filter(|path| path.as_os_str() != "-");
    read_at_most(open_input(name)?, RAW_BYTES_MAX).map_err(|error| match name {
        // What cannot be opened says its name already.
        Some(path) => format!("{}: {error}", path.display()).into(),
        None => error,
    })
}

/// The files themselves and, in the place of a folder, those in it, by name. Names with a dot before them, and folders in
/// folders, are left out.
pub(super) fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    at_most(given, FILES_MAX)
}

fn at_most(given: &[PathBuf], files_max: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            files.extend(of_folder(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?);
        } else {
            files.push(path.clone());
        }
        if files.len() > files_max {
            return Err(format!("these are more than {files_max} messages; give their paths by --paths").into());
        }
    }
    if files.is_empty() {
        return Err("there is no file in it".into());
    }
    Ok(files)
}

fn of_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with('.') && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_files_by_name_and_their_number_has_a_bound() {
        let dir = tempfile::tempdir().expect("a directory is made");
        let at = |name: &str| dir.path().join(name);
        assert_eq!(files(&[dir.path().into()]).expect_err("it is empty").to_string(), "there is no file in it");
        std::fs::create_dir(at("inner")).expect("it is made");
        for name in ["b.eml", "a.eml", ".hidden", "inner/c.eml"] {
            std::fs::write(at(name), "").expect("it is written");
        }
        assert_eq!(files(&[dir.path().into()]).expect("they are there"), [at("a.eml"), at("b.eml")]);
        let given = [dir.path().into(), "-".into(), at("missing")];
        assert_eq!(at_most(&given, 4).expect("just inside").len(), 4);
        let error = at_most(&given, 3).expect_err("just outside").to_string();
        assert!(error.contains("more than 3 messages"), "{error}");
    }
}
