//! `pillarbox plugin keygen`, `sign` and `verify`: what an author and an operator do with keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::guests;
use crate::harness::Home;

/// An author's desk: a plugin and a pair of keys. No service ever ran here.
struct Desk {
    home: Home,
    plugin: PathBuf,
    key: PathBuf,
    public_key: String,
}

impl Desk {
    fn with_a_key() -> Self {
        let home = Home::empty();
        let plugin = home.file("guest.wasm", guests::scorer("healthy", "1.0.0"));
        let (key, public_key) = keygen(&home, "author.pem");
        Self { home, plugin, key, public_key }
    }

    fn sign(&self) -> PathBuf {
        self.home.json(&["plugin", "sign", text(&self.plugin), "--key", text(&self.key), "--json"]);
        self.plugin.with_extension("wasm.sig")
    }

    /// What `verify` says about the plugin when this key is trusted.
    fn verify(&self, key: &str) -> (Option<i32>, Value) {
        let done = self.home.run(&["plugin", "verify", text(&self.plugin), "--key", key, "--json"]);
        (done.code, serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.err)))
    }

    #[track_caller]
    fn refuses(&self, key: &str, code: &str, words: &str) {
        let (status, told) = self.verify(key);
        assert_eq!((status, &told["valid"], &told["code"]), (Some(1), &false.into(), &code.into()), "{told}");
        assert!(told["error"].as_str().is_some_and(|error| error.contains(words)), "{told}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn keygen(home: &Home, name: &str) -> (PathBuf, String) {
    let made = home.json(&["plugin", "keygen", "--out", name, "--json"]);
    (home.directory().join(name), made["public_key"].as_str().expect("it is text").to_owned())
}

#[test]
fn a_key_is_its_owners_alone_and_never_written_over() {
    let home = Home::empty();
    let (key, public_key) = keygen(&home, "author.pem");
    let before = fs::read(&key).expect("it is read");
    assert_eq!(fs::metadata(&key).expect("it is there").permissions().mode() & 0o777, 0o600);
    let public_file = home.directory().join("author.pem.pub");
    assert_eq!(fs::read_to_string(&public_file).expect("it is read"), format!("{public_key}\n"));

    home.run(&["plugin", "keygen", "--out", "author.pem"]).refuses(&["author.pem.pub is there already", "--out"]);
    fs::remove_file(public_file).expect("it is removed");
    home.run(&["plugin", "keygen", "--out", "author.pem"]).refuses(&["author.pem is there already", "--out"]);
    assert_eq!(fs::read(&key).expect("it is read"), before);
    assert!(!home.data().exists(), "an author needs no data directory");
}

#[test]
fn what_is_signed_is_verified_by_the_public_key_its_file_or_the_setting() {
    let desk = Desk::with_a_key();
    desk.refuses(&desk.public_key, "unsigned", "plugin sign");
    desk.sign();
    let public_file = format!("{}.pub", text(&desk.key));
    for key in [&desk.public_key, &public_file] {
        let (status, told) = desk.verify(key);
        assert_eq!((status, &told["valid"], &told["plugin"]), (Some(0), &true.into(), &"guest@1.0.0".into()), "{told}");
    }
    let words = ["plugin", "verify", text(&desk.plugin)];
    let by_setting = desk.home.command(&words).env("PILLARBOX_PLUGIN_KEYS", &desk.public_key).output();
    assert!(by_setting.expect("the binary starts").status.success());
    let by_nobody = desk.home.run(&words);
    assert_eq!(by_nobody.code, Some(1));
    assert!(by_nobody.out.contains("unknown_key") && by_nobody.out.contains("no key is trusted"), "{}", by_nobody.out);
    assert!(!desk.home.data().exists());
}

#[test]
fn each_way_to_be_wrong_has_a_code_of_its_own() {
    let desk = Desk::with_a_key();
    let signature = desk.sign();
    let (_, stranger) = keygen(&desk.home, "stranger.pem");
    desk.refuses(&stranger, "unknown_key", "it is signed with the key");

    let good = fs::read_to_string(&signature).expect("it is read");
    let with = |document: String| fs::write(&signature, document).expect("it is written");
    with(good.replace("\"name\": \"guest\"", "\"name\": \"other\""));
    desk.refuses(&desk.public_key, "bad_signature", "other@1.0.0");
    with(good.replace("\"format\": 1", "\"format\": 2"));
    desk.refuses(&desk.public_key, "unknown_format", "the form 2");
    with(good.replace("ed25519", "rsa"));
    desk.refuses(&desk.public_key, "unknown_algorithm", "rsa");
    with(good[..good.len() / 2].to_owned());
    desk.refuses(&desk.public_key, "malformed_signature", "cannot be read");
    with(good);
    fs::write(&desk.plugin, guests::scorer("healthy", "1.0.1")).expect("it is written");
    desk.refuses(&desk.public_key, "wrong_digest", "changed after it was signed");
}

#[test]
fn what_cannot_be_signed_is_said_before_anything_is_written() {
    let desk = Desk::with_a_key();
    let no_plugin = desk.home.file("text.wasm", "nothing but words\n");
    let no_key = desk.home.file("text.pem", "nothing but words\n");
    let sign = |file: &Path, key: &Path| desk.home.run(&["plugin", "sign", text(file), "--key", text(key)]);
    sign(&no_plugin, &desk.key).refuses(&["text"]);
    sign(&desk.plugin, &no_key).refuses(&["text.pem", "no private key"]);
    sign(&desk.plugin, Path::new("missing.pem")).refuses(&["missing.pem", "cannot read"]);
    assert!(!no_plugin.with_extension("wasm.sig").exists() && !desk.plugin.with_extension("wasm.sig").exists());
    assert_eq!(desk.home.run(&["plugin", "sign", text(&desk.plugin)]).code, Some(2), "a key is asked for");
}
