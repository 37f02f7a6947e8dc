//! A data directory that cannot be used is told in a sentence, and the process ends with 1.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Home, finish};

/// Both a service and a command on a data directory elsewhere.
#[track_caller]
fn refuses(home: &Home, data_dir: &std::path::Path, parts: &[&str]) {
    for words in [&["serve"][..], &["customer", "list"]] {
        let mut command = home.command(words);
        // Whatever holds the default ports is no concern of these tests.
        command.env("PILLARBOX_LISTEN", "127.0.0.1:0").env("PILLARBOX_OPERATOR_LISTEN", "127.0.0.1:0");
        finish(command.env("PILLARBOX_DATA_DIR", data_dir), b"").refuses(parts);
    }
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let home = Home::empty();
    let file = home.file("file", "in the way");
    refuses(&home, &file, &["cannot use", "file"]);
    refuses(&home, &file.join("below"), &["cannot use", "below"]);
    refuses(&home, "/proc/pillarbox".as_ref(), &["cannot use /proc/pillarbox"]);
}

#[test]
fn a_read_only_data_directory_is_named() {
    let home = Home::prepared();
    fs::set_permissions(home.data(), Permissions::from_mode(0o500)).expect("the mode is set");
    let is_root = fs::write(home.data().join("probe"), "").is_ok();
    if is_root {
        println!("skipped: no mode binds root");
    } else {
        refuses(&home, &home.data(), &["cannot use"]);
    }
    fs::set_permissions(home.data(), Permissions::from_mode(0o700)).expect("the mode is set");
}

/// The binary under a bound on how large its files may get, which fails writes as a full disk does.
pub fn on_a_small_disk(home: &Home, blocks: usize, words: &str) -> Command {
    let mut command = home.command::<&str>(&[]);
    let binary = command.get_program().to_string_lossy().into_owned();
    let mut shell = Command::new("sh");
    // Ignored, the signal that comes with the bound leaves the write to fail.
    shell.args(["-c", &format!("trap '' XFSZ; ulimit -S -f {blocks}; exec {binary} {words}")]);
    for (name, value) in command.current_dir(home.data()).get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn a_disk_that_is_full_at_the_start_is_told() {
    let home = Home::prepared();
    finish(&mut on_a_small_disk(&home, 0, "customer list"), b"").refuses(&["cannot use", "pillarbox.lock", "large"]);
    // Enough for the lock, not for a first start's database.
    let home = Home::empty();
    fs::create_dir(home.data()).expect("a directory is made");
    finish(&mut on_a_small_disk(&home, 16, "customer list"), b"").refuses(&["cannot open the database"]);
}

#[test]
fn a_disk_that_fills_up_refuses_mail_and_keeps_what_it_took() {
    let home = Home::prepared();
    // The plugins have more than two of these megabytes.
    let blocks = 4 * 1_024 * 1_024 / 512;
    let mut sent = Vec::new();
    let mut command = on_a_small_disk(&home, blocks, "serve");
    command.stderr(Stdio::null());
    let service = home.serve_as(command, &[]).expect("a port is free");
    let filler = "x".repeat(50_000);
    for number in 0..1_000 {
        let email = json!({ "to": format!("ada{number}@example.com"), "subject": "Hello", "text": filler });
        let answer = service.call("POST", "/api/send", email.to_string().as_bytes());
        match answer.status {
            200 => sent.push(answer.json()["email_id"].as_str().expect("it has an id").to_owned()),
            status => {
                assert!((500..=503).contains(&status), "{answer:?}");
                assert!(answer.json()["error"].is_string(), "{answer:?}");
                break;
            }
        }
    }
    assert!((1..1_000).contains(&sent.len()), "{} were taken", sent.len());
    service.still_serves();
    assert!(!service.log().contains("panicked"), "{}", service.log());
    drop(service);

    let service = home.serve(&[]);
    for email_id in &sent {
        service.delivered(email_id);
    }
    service.send("ada@example.com");
}

#[test]
fn a_log_that_cannot_be_written_does_not_end_the_service() {
    let home = Home::prepared();
    let mut command = home.command(&["serve"]);
    command.stderr(File::options().write(true).open("/dev/full").expect("the system has it"));
    let service = home.serve_as(command, &[]).expect("a port is free");
    service.send("ada@example.com");
    assert_eq!(service.stop().code(), Some(0));
    let mut command = home.command(&["mailbox", "show", "01890a5d-ac96-774b-bcce-b302099a8057"]);
    command.stdout(Stdio::null()).stderr(File::options().write(true).open("/dev/full").expect("the system has it"));
    assert_eq!(command.status().expect("the binary runs").code(), Some(1));
}

#[test]
fn a_database_that_is_none_is_told() {
    let home = Home::prepared();
    let database = home.data().join("pillarbox.db");
    for name in ["pillarbox.db-wal", "pillarbox.db-shm"] {
        drop(fs::remove_file(home.data().join(name)));
    }
    fs::write(&database, "not a database at all, though long enough to have a header. ".repeat(100))
        .expect("it is written");
    refuses(&home, &home.data(), &["cannot open the database", "not a database"]);
    fs::remove_file(&database).expect("it is removed");
    fs::create_dir(&database).expect("a directory is made");
    refuses(&home, &home.data(), &["cannot open the database"]);
}

#[test]
fn a_host_key_that_is_none_or_open_to_others_is_told() {
    let home = Home::prepared();
    let key = home.data().join("host.key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("the mode is set");
    refuses(&home, &home.data(), &["host.key", "chmod 600"]);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("the mode is set");
    fs::write(&key, "short").expect("it is written");
    refuses(&home, &home.data(), &["host.key", "32 bytes"]);
}

#[test]
fn compiled_plugins_that_were_changed_are_compiled_again() {
    let home = Home::prepared();
    for entry in fs::read_dir(home.data().join("compiled")).expect("it is read") {
        let path = entry.expect("it is read").path();
        let mut code = fs::read(&path).expect("it is read");
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::remove_file(&path).expect("it is removed");
        fs::write(&path, code).expect("it is written");
    }
    let service = home.serve(&[]);
    service.send("ada@example.com");
    assert!(service.log().contains("plugin compiled"), "{}", service.log());
}
