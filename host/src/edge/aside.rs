//! A folder for what the origin will never take, where a person finds it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder inside the data directory.
const FOLDER: &str = "refused";
/// Files that are set aside. Further ones are counted and gone.
const ASIDE_MAX: usize = 100;

/// Where a file of this name may be set aside; `None` when there are too many already.
pub(super) fn place(data_dir: &Path, name: &str) -> io::Result<Option<PathBuf>> {
    let folder = data_dir.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let is_room = fs::read_dir(&folder)?.count() < ASIDE_MAX;
    Ok(is_room.then(|| folder.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_files_are_set_aside_and_no_more() {
        let data_dir = tempfile::tempdir().expect("a directory");
        let set_aside = |number: usize| {
            let path = place(data_dir.path(), &format!("{number}.batch")).expect("the disk takes it")?;
            fs::write(&path, b"hits").expect("the disk takes it");
            Some(path)
        };
        for number in 0..ASIDE_MAX {
            let path = set_aside(number).expect("there is a place");
            assert_eq!(path, data_dir.path().join("refused").join(format!("{number}.batch")));
        }
        assert_eq!(set_aside(ASIDE_MAX), None);
        assert_eq!(fs::read_dir(data_dir.path().join("refused")).expect("it is there").count(), ASIDE_MAX);
    }
}
