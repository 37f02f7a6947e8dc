use std::os::unix::fs::PermissionsExt;

use super::*;

const ROOMY: Limits = Limits { rows_max: 100, bytes_max: 1 << 30 };

fn open(directory: &tempfile::TempDir, limits: Limits) -> Spool {
    Spool::open(directory.path(), limits).expect("it opens")
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory is made")
}

/// The same for the same number, and in their order.
fn id(number: u32) -> Uuid {
    Uuid::from_u128((1_710_513_000_000 + u128::from(number)) << 80 | 7 << 76 | 2 << 62)
}

fn files(directory: &tempfile::TempDir) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.path().join(FOLDER)).expect("the folder is there");
    entries.map(|entry| entry.expect("it is read").path()).collect()
}

#[tokio::test]
async fn what_was_kept_is_there_after_a_restart_in_its_order_and_its_owners_alone() {
    let directory = directory();
    let spool = open(&directory, ROOMY);
    let ids: Vec<_> = (0..5).map(id).collect();
    for id in ids.iter().rev() {
        spool.keep(*id, id.to_string().into_bytes()).await.expect("it is kept");
    }
    for path in files(&directory) {
        assert_eq!(fs::metadata(path).expect("it is there").permissions().mode() & 0o777, 0o600);
    }
    let folder = fs::metadata(directory.path().join(FOLDER)).expect("it is there");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    // What another process had begun to write was answered to nobody.
    fs::write(directory.path().join(FOLDER).join(format!("{}.new", id(9))), b"half").expect("it is written");
    let before = spool.figures();
    drop(spool);
    let spool = open(&directory, ROOMY);
    assert_eq!((spool.figures(), files(&directory).len()), (before, 5));
    assert_eq!(before.oldest_at, Some(1_710_513_000_000));
    assert_eq!(spool.due(100, u64::MAX), ids);
    for id in &ids {
        assert_eq!(spool.read(*id).expect("it is there"), Some(id.to_string().into_bytes()));
        spool.remove(*id).expect("it goes");
    }
    assert_eq!((spool.figures().rows, spool.figures().bytes, files(&directory).len()), (0, 0, 0));
}

#[tokio::test]
async fn a_spool_takes_as_many_as_its_bound_and_again_when_there_is_room() {
    let directory = directory();
    let spool = open(&directory, Limits { rows_max: 2, ..ROOMY });
    for number in 0..2 {
        spool.keep(id(number), vec![7]).await.expect("there is room");
    }
    assert!(!spool.has_room(1));
    assert_eq!(spool.keep(id(2), vec![7]).await, Err(Refusal::Full));
    assert_eq!(spool.figures().shed, [1, 0, 0]);
    spool.remove(id(0)).expect("it goes");
    spool.keep(id(2), vec![7]).await.expect("there is room again");
    // What is there over the bound stays.
    drop(spool);
    let spool = open(&directory, Limits { rows_max: 1, ..ROOMY });
    assert_eq!((spool.figures().rows, spool.has_room(1)), (2, false));
}

#[tokio::test]
async fn a_spool_takes_as_many_bytes_as_its_bound_and_no_more() {
    let directory = directory();
    let spool = open(&directory, Limits { bytes_max: 100, ..ROOMY });
    assert_eq!(spool.keep(id(0), vec![7; 97]).await, Err(Refusal::Full));
    spool.keep(id(0), vec![7; 96]).await.expect("with its check it has a hundred bytes");
    assert_eq!((spool.figures().bytes, spool.has_room(0)), (100, false));
}

#[test]
fn what_waits_to_be_written_has_a_bound() {
    let directory = directory();
    let spool = open(&directory, ROOMY);
    assert!(spool.has_room(WAITING_BYTES_MAX) && !spool.has_room(WAITING_BYTES_MAX + 1));
}

#[tokio::test]
async fn what_is_due_is_within_its_bounds_and_one_at_least() {
    let directory = directory();
    let spool = open(&directory, ROOMY);
    for number in 0..4 {
        spool.keep(id(number), vec![7; 96]).await.expect("there is room");
    }
    let due = |rows_max, bytes_max| spool.due(rows_max, bytes_max).len();
    assert_eq!((due(3, u64::MAX), due(100, 300), due(100, 299), due(100, 1)), (3, 3, 2, 1));
    spool.put_off(id(0), Instant::now() + Duration::from_hours(1));
    assert_eq!(spool.due(1, 1), [id(1)], "those behind it go first");
    spool.put_off(id(0), Instant::now());
    assert_eq!(spool.due(1, 1), [id(0)]);
}

#[tokio::test]
async fn every_byte_that_changed_is_noticed() {
    let directory = directory();
    let spool = open(&directory, ROOMY);
    spool.keep(id(0), b"hello".to_vec()).await.expect("there is room");
    let path = files(&directory).remove(0);
    let good = fs::read(&path).expect("it is there");
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad).expect("it is written");
        assert_eq!(spool.read(id(0)).expect("it is there"), None, "{at}");
    }
    for end in 0..good.len() {
        fs::write(&path, &good[..end]).expect("it is written");
        assert_eq!(spool.read(id(0)).expect("it is there"), None, "{end}");
    }
    let place = directory.path().join("aside");
    spool.set_aside(id(0), Some(&place)).expect("it is moved");
    assert_eq!((place.exists(), files(&directory).len(), spool.figures().rows), (true, 0, 0));
}

#[tokio::test]
async fn a_disk_that_does_not_take_it_leaves_nothing_behind() {
    let directory = directory();
    let spool = open(&directory, ROOMY);
    fs::remove_dir(directory.path().join(FOLDER)).expect("it is removed");
    assert_eq!(spool.keep(id(0), vec![7]).await, Err(Refusal::Broken));
    assert_eq!((spool.figures().rows, spool.figures().bytes, spool.figures().shed), (0, 0, [0, 0, 1]));
    fs::create_dir(directory.path().join(FOLDER)).expect("it is made");
    spool.keep(id(0), vec![7]).await.expect("it is taken again");
    spool.close();
    assert_eq!(spool.keep(id(1), vec![7]).await, Err(Refusal::Closed));
}

#[tokio::test]
async fn many_at_once_are_all_kept() {
    let directory = directory();
    let spool = Arc::new(open(&directory, Limits { rows_max: 1_000, ..ROOMY }));
    let tasks: Vec<_> = (0..300)
        .map(|number| {
            let spool = Arc::clone(&spool);
            tokio::spawn(async move { spool.keep(id(number), number.to_le_bytes().to_vec()).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("nothing panics").expect("it is kept");
    }
    assert_eq!((spool.figures().rows, files(&directory).len()), (300, 300));
}
