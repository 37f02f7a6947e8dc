//! What can go wrong with a plugin, in words for whoever reads the answer: one type for calls, one for admission.

use super::{PluginId, World};

/// Why a call has no result. Never a failed request by itself: the caller decides what to do without the plugin.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PluginError {
    /// No plugin of this world has been activated.
    #[error("no {0} plugin is active")]
    NoneActive(World),
    /// The plugin was there, and this is what came of it.
    #[error("{plugin} {fault}")]
    Failed {
        /// Which version it was.
        plugin: PluginId,
        /// What happened.
        fault: Fault,
    },
}

/// What happened to one call of one plugin. Its text continues a sentence that begins with the plugin's name.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Too many calls at once, or too many slow ones. Not the plugin's failure; another try may succeed.
    #[error("had no turn, because too many calls are under way")]
    Busy,
    /// It failed several times in a row and is left alone for a while.
    #[error("is resting after repeated failures, for another {for_ms} ms")]
    Resting {
        /// Milliseconds until it is tried again, at least 1.
        for_ms: u64,
    },
    /// It failed on this very input before, and would again.
    #[error("was not asked, because it failed on this input twice")]
    Poisoned,
    /// The answer was not there in time, waiting included.
    #[error("did not answer within {wall_ms} ms")]
    OutOfTime {
        /// The limit.
        wall_ms: u64,
    },
    /// It computed for too long.
    #[error("used up its {cpu_ms} ms of CPU time")]
    OutOfCpu {
        /// The limit.
        cpu_ms: u64,
    },
    /// It failed after asking for more memory than it may have.
    #[error("asked for more than its {memory_bytes_max} bytes of memory")]
    OutOfMemory {
        /// The limit.
        memory_bytes_max: usize,
    },
    /// It failed after asking for more elements of its tables than it may have.
    #[error("asked for more than its {elements_max} elements of tables")]
    OutOfTable {
        /// The limit.
        elements_max: usize,
    },
    /// Its calls were inside each other deeper than its stack.
    #[error("used up its {stack_bytes_max} bytes of stack{place}")]
    OutOfStack {
        /// The limit.
        stack_bytes_max: usize,
        /// ` in ` and the function, if the guest has kept its names; empty otherwise.
        place: String,
    },
    /// It stopped in a way that the sandbox had to catch: a panic, a bad pointer, a division by zero.
    #[error("trapped: {0}")]
    Trapped(String),
    /// What was to be handed over is larger than a call takes. Not the plugin's failure.
    #[error("was not called, because the input has {bytes} bytes of at most {bytes_max}")]
    TooLargeInput {
        /// How much it was.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The answer as a whole is larger than the host takes.
    #[error("gave an answer of more than {bytes_max} bytes")]
    TooLargeOutput {
        /// The limit.
        bytes_max: usize,
    },
    /// The answer breaks the contract.
    #[error("gave an answer that makes no sense: {0}")]
    Nonsense(String),
    /// The plugin itself said that it cannot judge this input. Not a failure.
    #[error("refused the input: {0}")]
    Refused(String),
}

impl PluginError {
    /// The kind in one word, for metrics and for programs that read answers.
    pub fn kind(&self) -> &'static str {
        match self {
            PluginError::NoneActive(_) => "none_active",
            PluginError::Failed { fault, .. } => fault.kind(),
        }
    }
}

impl Fault {
    /// The kinds in one word each, for metrics and for programs that read answers.
    pub const KINDS: [&'static str; 13] = [
        "busy",
        "resting",
        "poisoned",
        "out_of_time",
        "out_of_cpu",
        "out_of_memory",
        "out_of_table",
        "out_of_stack",
        "trapped",
        "too_large_input",
        "too_large_output",
        "nonsense",
        "refused",
    ];

    /// The kind in one word.
    pub fn kind(&self) -> &'static str {
        Fault::KINDS[self.index()]
    }

    /// The place of the kind in `KINDS`.
    pub(super) fn index(&self) -> usize {
        match self {
            Fault::Busy => 0,
            Fault::Resting { .. } => 1,
            Fault::Poisoned => 2,
            Fault::OutOfTime { .. } => 3,
            Fault::OutOfCpu { .. } => 4,
            Fault::OutOfMemory { .. } => 5,
            Fault::OutOfTable { .. } => 6,
            Fault::OutOfStack { .. } => 7,
            Fault::Trapped(_) => 8,
            Fault::TooLargeInput { .. } => 9,
            Fault::TooLargeOutput { .. } => 10,
            Fault::Nonsense(_) => 11,
            Fault::Refused(_) => 12,
        }
    }

    /// Whether another version may answer in its place: this one is broken, or not asked because it was. When there is
    /// no room for a call, or no sense in it, another call is no help.
    pub(super) fn lets_others_try(&self) -> bool {
        match self {
            Fault::Resting { .. }
            | Fault::Poisoned
            | Fault::OutOfTime { .. }
            | Fault::OutOfCpu { .. }
            | Fault::OutOfMemory { .. }
            | Fault::OutOfTable { .. }
            | Fault::OutOfStack { .. }
            | Fault::Trapped(_)
            | Fault::TooLargeOutput { .. }
            | Fault::Nonsense(_) => true,
            Fault::Busy | Fault::TooLargeInput { .. } | Fault::Refused(_) => false,
        }
    }

    /// Whether the same input would come to the same: all but what a busy machine has a part in.
    pub(super) fn is_the_inputs(&self) -> bool {
        match self {
            Fault::OutOfCpu { .. }
            | Fault::OutOfMemory { .. }
            | Fault::OutOfTable { .. }
            | Fault::OutOfStack { .. }
            | Fault::Trapped(_)
            | Fault::TooLargeOutput { .. }
            | Fault::Nonsense(_) => true,
            Fault::Busy
            | Fault::Resting { .. }
            | Fault::Poisoned
            | Fault::OutOfTime { .. }
            | Fault::TooLargeInput { .. }
            | Fault::Refused(_) => false,
        }
    }

    /// What a call with so much input says about the health of the plugin. That a huge message was too much for it
    /// says nothing: otherwise whoever sends five of them takes the plugin away from everybody.
    pub(super) fn health(&self, input_bytes: usize) -> Health {
        match self {
            Fault::OutOfTime { .. }
            | Fault::OutOfCpu { .. }
            | Fault::OutOfMemory { .. }
            | Fault::OutOfTable { .. }
            | Fault::OutOfStack { .. }
                if input_bytes > TELLING_INPUT_BYTES_MAX =>
            {
                Health::Unknown
            }
            Fault::OutOfTime { .. }
            | Fault::OutOfCpu { .. }
            | Fault::OutOfMemory { .. }
            | Fault::OutOfTable { .. }
            | Fault::OutOfStack { .. }
            | Fault::Trapped(_)
            | Fault::TooLargeOutput { .. }
            | Fault::Nonsense(_) => Health::Failing,
            Fault::Refused(_) => Health::Well,
            Fault::Busy | Fault::Resting { .. } | Fault::Poisoned | Fault::TooLargeInput { .. } => Health::Unknown,
        }
    }
}

/// A plugin that is well answers for inputs up to this, within its time and memory. 128 KiB, which is more than an
/// ordinary email has, and so little that no choice of characters makes careful rules slow.
pub(super) const TELLING_INPUT_BYTES_MAX: usize = 128 * 1024;

/// What one call says about the health of its plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Well,
    Failing,
    /// It was not really asked.
    Unknown,
}

/// Why a file is not taken as a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// In one word, for programs: `too_large`, `not_wasm`, `truncated`, `text_format`, `invalid`, `no_metadata`,
    /// `not_a_component`, `has_imports`, `no_world`, `wrong_version`, `two_worlds`, `wrong_contract`, `needs_too_much`,
    /// `does_not_start`, `describe_failed`, `bad_description`, `busy`, `stopped`, `host_failed`; and those of
    /// [`verify`](super::signature::verify).
    pub code: &'static str,
    /// In a sentence, for the author or operator.
    pub message: String,
    /// The particulars, one finding a line. At most 50.
    pub details: Vec<String>,
}

/// More details than this are not told.
const DETAILS_MAX: usize = 50;
/// A message or a detail ends there. Names in a file can be a hundred times as long.
const LINE_BYTES_MAX: usize = 1_024;

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: line(&message.into(), LINE_BYTES_MAX), details: Vec::new() }
    }

    pub(super) fn with(mut self, details: impl IntoIterator<Item = String>) -> Refusal {
        let mut details = details.into_iter().map(|detail| line(&detail, LINE_BYTES_MAX));
        self.details.extend(details.by_ref().take(DETAILS_MAX));
        let untold = details.count();
        if untold > 0 {
            self.details.pop();
            self.details.push(format!("and {} more", untold + 1));
        }
        self
    }
}

impl Refusal {
    /// The sentence with its particulars, a line each.
    pub fn told(&self) -> String {
        self.details.iter().fold(self.message.clone(), |text, detail| format!("{text}\n  {detail}"))
    }
}

/// Text that came from a file or a guest, as one line of bounded length.
pub(super) fn line(text: &str, bytes_max: usize) -> String {
    let cut = &text[..text.floor_char_boundary(bytes_max)];
    cut.replace(char::is_control, " ")
}

/// Why the plugin host did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sandbox does not work with these limits on this machine.
    #[error("the plugin sandbox could not be set up: {0}")]
    Sandbox(String),
    /// A thread of the plugin host could not be started.
    #[error("a thread of the plugin host could not be started")]
    Thread(#[source] std::io::Error),
    /// The folder for compiled plugins cannot be used.
    #[error("the folder for compiled plugins cannot be used: {path}")]
    Cache {
        /// The folder.
        path: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_plugin_and_its_version_in_a_short_sentence() {
        let plugin = PluginId { name: "strict".into(), version: "1.4.0".into() };
        let said = |fault| PluginError::Failed { plugin: plugin.clone(), fault }.to_string();
        assert_eq!(said(Fault::OutOfCpu { cpu_ms: 100 }), "strict@1.4.0 used up its 100 ms of CPU time");
        assert_eq!(said(Fault::Trapped("out of bounds".into())), "strict@1.4.0 trapped: out of bounds");
        assert_eq!(PluginError::NoneActive(World::Scorer).to_string(), "no scorer plugin is active");
    }

    #[test]
    fn a_plugin_that_a_huge_input_was_too_much_for_is_not_failing() {
        let of =
            |fault: &Fault| [TELLING_INPUT_BYTES_MAX, TELLING_INPUT_BYTES_MAX + 1].map(|bytes| fault.health(bytes));
        assert_eq!(of(&Fault::OutOfCpu { cpu_ms: 1 }), [Health::Failing, Health::Unknown]);
        assert_eq!(of(&Fault::OutOfMemory { memory_bytes_max: 1 }), [Health::Failing, Health::Unknown]);
        assert_eq!(of(&Fault::Trapped(String::new())), [Health::Failing; 2]);
        assert_eq!(of(&Fault::Nonsense(String::new())), [Health::Failing; 2]);
        assert_eq!(of(&Fault::Refused(String::new())), [Health::Well; 2]);
        assert_eq!(of(&Fault::Busy), [Health::Unknown; 2]);
    }

    #[test]
    fn each_kind_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> = Fault::KINDS.iter().collect();
        assert_eq!(words.len(), Fault::KINDS.len());
        assert_eq!((Fault::Busy.kind(), Fault::Refused(String::new()).kind()), ("busy", "refused"));
        assert_eq!(Fault::KINDS[Fault::Refused(String::new()).index()], "refused");
    }

    #[test]
    fn a_line_is_one_line_and_ends_on_a_character() {
        assert_eq!(line("a\nb\u{1b}[31m", 100), "a b [31m");
        assert_eq!(line("äää", 4), "ää");
        assert_eq!(line("äää", 5), "ää");
        assert_eq!(line("äää", 6), "äää");
    }

    #[test]
    fn a_long_list_of_details_is_cut_and_says_so() {
        let details = |count: usize| Refusal::new("x", "y").with((0..count).map(|n| n.to_string())).details;
        assert_eq!(details(50).last().map(String::as_str), Some("49"));
        assert_eq!(details(51).len(), 50);
        assert_eq!(details(51).last().map(String::as_str), Some("and 2 more"));
    }
}
