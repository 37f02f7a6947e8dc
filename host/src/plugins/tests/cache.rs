//! The folder of compiled plugins: used when it is ours to the last bit, and never otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::plugins::{Plugins, cache};

use super::{HOST_KEY, guest, limits, message};

/// Starts a host on a folder, admits a plugin, and has it judge a message.
async fn serve(folder: &tempfile::TempDir, key: [u8; 32]) {
    let plugins = Plugins::start(limits(), Some(folder.path().to_owned()), key).unwrap();
    let loaded = plugins.admit(guest("healthy")).await.unwrap();
    let call = plugins.score_with(&loaded, message(), Vec::new()).await;
    assert_eq!(call.result.map(|verdict| verdict.spam_score), Ok(1.5));
}

/// The only file of a folder.
fn only_file(folder: &tempfile::TempDir) -> PathBuf {
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

/// Whether the next start keeps the file as it is, which it does when it loads it, or writes it anew.
async fn is_written_anew(folder: &tempfile::TempDir, key: [u8; 32]) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = || fs::metadata(only_file(folder)).unwrap().ino();
    // A second name keeps the old file alive, so that its number cannot be given to the new one.
    let kept = tempfile::tempdir().unwrap();
    fs::hard_link(only_file(folder), kept.path().join("kept")).unwrap();
    let before = inode();
    serve(folder, key).await;
    inode() != before
}

async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    serve(&folder, HOST_KEY).await;
    folder
}

#[tokio::test]
async fn the_second_start_finds_the_code_of_the_first() {
    let folder = filled().await;
    let mode = fs::metadata(only_file(&folder)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    assert!(!is_written_anew(&folder, HOST_KEY).await);
}

#[tokio::test]
async fn one_flipped_bit_anywhere_and_the_code_is_compiled_anew() {
    let folder = filled().await;
    let path = only_file(&folder);
    let length = fs::read(&path).unwrap().len();
    for at in [0, 8, 16, 48, 80, 111, 112, 4_096, length - 1] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, bytes).unwrap();
        assert!(is_written_anew(&folder, HOST_KEY).await, "bit in byte {at}");
    }
    assert!(!is_written_anew(&folder, HOST_KEY).await);
}

#[tokio::test]
async fn code_that_is_cut_off_or_longer_is_compiled_anew() {
    let folder = filled().await;
    let path = only_file(&folder);
    let whole = fs::read(&path).unwrap();
    for bytes in [&whole[..0], &whole[..50], &whole[..whole.len() - 1], &[whole.as_slice(), &[0]].concat()] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, bytes).unwrap();
        assert!(is_written_anew(&folder, HOST_KEY).await, "{} bytes", bytes.len());
    }
}

#[tokio::test]
async fn code_of_another_host_is_compiled_anew() {
    let folder = filled().await;
    assert!(is_written_anew(&folder, [8; 32]).await);
    assert!(is_written_anew(&folder, HOST_KEY).await);
}

#[tokio::test]
async fn code_that_others_may_write_is_compiled_anew() {
    let folder = filled().await;
    for (mode, is_trusted) in [(0o666, false), (0o620, false), (0o602, false), (0o644, true), (0o400, true)] {
        fs::set_permissions(only_file(&folder), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_written_anew(&folder, HOST_KEY).await, !is_trusted, "{mode:o}");
    }
}

#[tokio::test]
async fn a_link_in_the_place_of_the_code_is_not_followed() {
    let folder = filled().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    let path = only_file(&folder);
    fs::rename(&path, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &path).unwrap();
    serve(&folder, HOST_KEY).await;
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[tokio::test]
async fn what_a_crash_left_behind_is_cleared_away() {
    let folder = filled().await;
    let leftover = only_file(&folder).with_extension("part");
    fs::write(&leftover, b"half").unwrap();
    serve(&folder, HOST_KEY).await;
    assert!(!leftover.exists());
}

#[tokio::test]
async fn the_folder_holds_so_many_files_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..cache::FILES_MAX + 3 {
        fs::write(folder.path().join(format!("{index}.code")), b"old").unwrap();
    }
    serve(&folder, HOST_KEY).await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), cache::FILES_MAX);
    assert!(!is_written_by_compiler_again(&folder).await);
}

/// With many files in the folder: the newest is ours and stays.
async fn is_written_by_compiler_again(folder: &tempfile::TempDir) -> bool {
    let newest = || {
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        files.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap()).unwrap().path()
    };
    let (before, written) = (newest(), fs::metadata(newest()).unwrap().modified().unwrap());
    serve(folder, HOST_KEY).await;
    (before, written) != (newest(), fs::metadata(newest()).unwrap().modified().unwrap())
}
