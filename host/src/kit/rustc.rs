//! Which Rust toolchain builds for WebAssembly here: rustup's where it has the target, else Debian's, which brings the
//! standard library as source and builds it along. `plugins/build.sh` chooses in the same way.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// How a `cargo build` for WebAssembly must be called.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Toolchain {
    /// In the place of `cargo`.
    pub(super) cargo: Option<PathBuf>,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
}

/// The toolchain to build with in a folder, or what to install.
pub(super) fn choose(dir: &Path) -> Result<Toolchain, String> {
    let target_libdir = ask(dir, "rustc", &["--print", "target-libdir", "--target", TARGET]);
    if target_libdir.is_some_and(|folder| Path::new(&folder).is_dir()) {
        return Ok(Toolchain::default());
    }
    debian(dir).ok_or_else(|| {
        format!(
            "no Rust toolchain builds for {TARGET}: run `rustup target add {TARGET}`, or on Debian `apt-get install \
             rustc-web cargo-web rust-web-src` and have rust-lld in the PATH (it comes with rustup's toolchain)"
        )
    })
}

fn debian(dir: &Path) -> Option<Toolchain> {
    let sysroot = ask(dir, DEBIAN_RUSTC, &["--print", "sysroot"])?;
    let has_source = Path::new(&sysroot).join("lib/rustlib/src").exists();
    let linker = linker(dir)?;
    (has_source && Path::new(DEBIAN_CARGO).exists()).then(|| Toolchain {
        cargo: Some(DEBIAN_CARGO.into()),
        arguments: vec!["-Zbuild-std=std,panic_abort".into()],
        environment: [
            ("RUSTC", DEBIAN_RUSTC),
            ("RUSTC_BOOTSTRAP", "1"),
            ("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", &linker),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
    })
}

/// rust-lld, in the PATH or where rustup keeps it.
fn linker(dir: &Path) -> Option<String> {
    if ask(dir, "rust-lld", &["-flavor", "wasm", "--version"]).is_some() {
        return Some("rust-lld".into());
    }
    let sysroot = ask(dir, "rustc", &["--print", "sysroot"])?;
    let hosts = std::fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok()?;
    let linkers = hosts.filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld")));
    linkers.filter(|path| path.is_file()).find_map(|path| Some(path.to_str()?.to_owned()))
}

/// The one line that a program prints when it succeeds.
fn ask(dir: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let output = command.args(arguments).current_dir(dir).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
