//! Runs the steps of a project's build, with the language's own tools.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::lang;
use super::project::{Project, Step};
use super::rustc::{self, Toolchain};

/// The program whose toolchain the host may choose.
const CARGO: &str = "cargo";

/// Runs every step and gives back what they built. Each step is announced before it is run; what it prints goes to
/// standard error. Blocks.
pub(crate) fn build(project: &Project, bytes_max: usize, announce: &dyn Fn(&str)) -> Result<Vec<u8>, String> {
    if let Some(missing) = lang::missing(project.lang.tools()) {
        return Err(missing);
    }
    let has_cargo = project.steps.iter().any(|step| step.run.first().is_some_and(|program| program == CARGO));
    let toolchain = if has_cargo { rustc::choose(&project.dir)? } else { Toolchain::default() };
    let built = project.dir.join(&project.built);
    // Compilers do not make the folder that they write to, and what an earlier build left must not pass for this one's.
    let prepare = |folder: &Path| fs::create_dir_all(folder).and_then(|()| remove_if_there(&built));
    prepare(built.parent().unwrap_or(&project.dir)).map_err(|error| format!("{}: {error}", built.display()))?;
    for step in &project.steps {
        if step.unless.as_ref().is_some_and(|file| project.dir.join(file).exists()) {
            continue;
        }
        run(project, step, &toolchain, announce)?;
    }
    read(&built, bytes_max)
}

/// Reads a plugin's file within its bound, which is checked before the file is read.
pub(crate) fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    let explain = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let size = fs::metadata(path).map_err(explain)?.len();
    if size > bytes_max as u64 {
        return Err(format!(
            "{} has {size} bytes, and a plugin has at most {bytes_max}; build it optimized, and strip it of debug \
             information",
            path.display()
        ));
    }
    fs::read(path).map_err(explain)
}

fn run(project: &Project, step: &Step, toolchain: &Toolchain, announce: &dyn Fn(&str)) -> Result<(), String> {
    let (program, arguments) = step.run.split_first().ok_or("a step runs nothing")?;
    let mut command = match &toolchain.cargo {
        Some(cargo) if program == CARGO => Command::new(cargo),
        _ => Command::new(place(&project.dir, program)?),
    };
    command.args(arguments).current_dir(&project.dir).stdin(Stdio::null());
    if program == CARGO {
        command.args(&toolchain.arguments).envs(toolchain.environment.iter().map(|(name, value)| (name, value)));
    }
    let line = step.run.join(" ");
    announce(&line);
    let status = command.stdout(io::stderr()).status().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("`{program}` is not installed, and the build runs `{line}`"),
        _ => format!("`{line}` cannot be run: {error}"),
    })?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` failed ({status}); what it said stands above")) }
}

/// A program with a slash in it lies in the project. It is named in full, because the current folder of the new
/// process is another one.
fn place(dir: &Path, program: &str) -> Result<PathBuf, String> {
    if !program.contains('/') {
        return Ok(program.into());
    }
    std::path::absolute(dir.join(program)).map_err(|error| format!("{program}: {error}"))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::lang::Lang;
    use super::*;
    use crate::plugins::World;

    /// A project whose steps are these; none of them needs a guest's compiler.
    fn project(dir: &Path, steps: &[(&[&str], Option<&str>)]) -> Project {
        let step = |(run, unless): &(&[&str], Option<&str>)| Step {
            run: run.iter().map(|word| (*word).to_owned()).collect(),
            unless: unless.map(PathBuf::from),
        };
        Project {
            dir: dir.to_owned(),
            name: "a".into(),
            lang: Lang::Rust,
            world: World::Scorer,
            built: "build/a.wasm".into(),
            output: "dist/a.wasm".into(),
            steps: steps.iter().map(step).collect(),
        }
    }

    fn run_all(project: &Project) -> (Result<(), String>, Vec<String>) {
        let told = RefCell::new(Vec::new());
        let toolchain = Toolchain::default();
        let announce = |line: &str| told.borrow_mut().push(line.to_owned());
        let result = project.steps.iter().try_for_each(|step| run(project, step, &toolchain, &announce));
        (result, told.into_inner())
    }

    #[test]
    fn steps_run_in_the_folder_and_are_announced() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path(), &[(&["touch", "one"], None), (&["cp", "one", "two"], None)]);
        assert_eq!(run_all(&project), (Ok(()), vec!["touch one".into(), "cp one two".into()]));
        assert!(dir.path().join("two").exists());
    }

    #[test]
    fn a_step_that_fails_and_a_program_that_is_missing_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let failing = run_all(&project(dir.path(), &[(&["false"], None), (&["touch", "late"], None)])).0.unwrap_err();
        assert!(failing.starts_with("`false` failed (exit status: 1)"), "{failing}");
        assert!(!dir.path().join("late").exists());
        let missing = run_all(&project(dir.path(), &[(&["no-such-tool", "-x"], None)])).0.unwrap_err();
        assert_eq!(missing, "`no-such-tool` is not installed, and the build runs `no-such-tool -x`");
        let own = run_all(&project(dir.path(), &[(&["./own.sh"], None)])).0.unwrap_err();
        assert!(own.contains("`./own.sh` is not installed"), "{own}");
    }

    #[test]
    fn a_file_of_the_limit_is_read_and_one_byte_more_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wasm");
        fs::write(&path, [0; 10]).unwrap();
        assert_eq!(read(&path, 10), Ok(vec![0; 10]));
        assert!(read(&path, 9).is_err_and(|error| error.contains("has 10 bytes, and a plugin has at most 9")));
        assert!(read(&dir.path().join("b"), 9).is_err_and(|error| error.contains("cannot read")));
    }
}
