//! The languages that a plugin can be begun in, and the tools that each needs.

use std::process::{Command, Stdio};

use crate::plugins::World;

/// A language with a template.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Lang {
    Rust,
    C,
    JavaScript,
    Python,
    Go,
}

/// A program that a build runs, and how to get it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    pub(crate) install: &'static str,
}

const RUSTUP: &str =
    "install Rust with rustup, or on Debian with `apt-get install rustc-web cargo-web rust-web-src lld`";
const CARGO: Tool = Tool { program: "cargo", install: RUSTUP };
const CLANG: Tool =
    Tool { program: "clang", install: "on Debian `apt-get install clang lld`, on macOS `brew install llvm lld`" };
const WASM_LD: Tool = Tool {
    program: "wasm-ld",
    install: "clang links with it: on Debian `apt-get install lld`, on macOS `brew install lld`",
};
const NODE: Tool =
    Tool { program: "node", install: "install Node.js 20 or later, for example `apt-get install nodejs`" };
const NPM: Tool = Tool { program: "npm", install: "it comes with Node.js; on Debian `apt-get install npm`" };
const PYTHON: Tool = Tool {
    program: "python3",
    install: "install Python 3.10 or later; on Debian `apt-get install python3 python3-venv`",
};
const TINYGO: Tool = Tool { program: "tinygo", install: "install TinyGo 0.34 or later, and Go" };
const GO: Tool = Tool { program: "go", install: "install Go 1.23 or later" };

impl Lang {
    pub(crate) const ALL: [Lang; 5] = [Lang::Rust, Lang::C, Lang::JavaScript, Lang::Python, Lang::Go];

    /// The word of the command line and of plugin.toml.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Lang::Rust => "rust",
            Lang::C => "c",
            Lang::JavaScript => "js",
            Lang::Python => "python",
            Lang::Go => "go",
        }
    }

    /// The reverse of `as_str`.
    pub(crate) fn parse(word: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.as_str() == word)
    }

    /// Its name for people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Lang::Rust => "Rust",
            Lang::C => "C",
            Lang::JavaScript => "JavaScript",
            Lang::Python => "Python",
            Lang::Go => "Go",
        }
    }

    /// The worlds that it has a template for.
    pub(crate) fn worlds(self) -> &'static [World] {
        match self {
            Lang::Rust | Lang::JavaScript | Lang::Python => &World::ALL,
            Lang::C | Lang::Go => &[World::Scorer],
        }
    }

    /// What its template was never built with, when that is so.
    pub(crate) fn untested(self) -> Option<&'static str> {
        (self == Lang::Go).then_some(
            "The Go template is untested: no TinyGo could be had where the others are built and tried. Take it as a \
             beginning, and tell us what it lacked.",
        )
    }

    /// The programs that must be there before a build begins.
    pub(crate) fn tools(self) -> &'static [Tool] {
        match self {
            Lang::Rust => &[CARGO],
            Lang::C => &[CLANG, WASM_LD],
            Lang::JavaScript => &[NODE, NPM],
            Lang::Python => &[PYTHON],
            Lang::Go => &[GO, TINYGO],
        }
    }
}

impl Tool {
    /// Whether the program can be started. What it says and how it ends is all the same.
    pub(crate) fn is_there(&self) -> bool {
        let mut command = Command::new(self.program);
        let started =
            command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        started.is_ok()
    }
}

/// A sentence for each program of these that is missing, with the way to get it.
pub(crate) fn missing(tools: &[Tool]) -> Option<String> {
    let gone = tools.iter().filter(|tool| !tool.is_there());
    let lines: Vec<_> = gone.map(|tool| format!("`{}` is not installed: {}", tool.program, tool.install)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_word_and_is_found_by_it() {
        for lang in Lang::ALL {
            assert_eq!(Lang::parse(lang.as_str()), Some(lang));
        }
        assert_eq!(Lang::parse("Rust"), None);
    }

    #[test]
    fn each_missing_tool_is_told_with_the_way_to_get_it() {
        let there = Tool { program: "true", install: "it is everywhere" };
        let gone = |program| Tool { program, install: "ask around" };
        assert_eq!(missing(&[there]), None);
        let told = missing(&[there, gone("no-such-compiler"), gone("no-such-linker")]);
        let expected = "`no-such-compiler` is not installed: ask around\n`no-such-linker` is not installed: ask around";
        assert_eq!(told.as_deref(), Some(expected));
    }
}
