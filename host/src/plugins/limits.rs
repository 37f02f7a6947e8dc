//! What a plugin may use: memory, time, and room for its answer. Every bound of the plugin host has its name here.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bounds of one plugin call and of the whole plugin host.
///
/// The defaults fit mail: a 10 KB message is judged in well under a millisecond, and a call that needs a hundred times
/// as long is still answered. The host keeps at most `slots` instances of at most `memory_bytes_max` each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of one call, all memories of the plugin together. 64 MiB.
    pub memory_bytes_max: usize,
    /// Elements of all tables of one call together. 20,000.
    pub table_elements_max: usize,
    /// Stack of the guest's own calls. 512 KiB; deeper recursion is a trap.
    pub stack_bytes_max: usize,
    /// CPU time of one call, measured on the clock of the thread that runs it, so that a busy machine kills nobody.
    /// A call is stopped at the next tick after its budget is gone. 100 ms.
    pub cpu_ms_max: u64,
    /// What each whole MiB of input adds to `cpu_ms_max` and to `wall_ms_max`. 100 ms.
    pub cpu_ms_per_input_mib: u64,
    /// Time from asking to having the answer; waiting counts. 2,000 ms.
    pub wall_ms_max: u64,
    /// All that is handed to a call: texts and bytes, and elements of lists at their size in the guest. 32 MiB.
    pub input_bytes_max: usize,
    /// What the host allocates for one answer: strings and elements of lists at their size in the host. 16 MiB,
    /// which holds 10,000 ordinary events.
    pub output_bytes_max: usize,
    /// Any one string of an answer. 64 KiB.
    pub string_bytes_max: usize,
    /// A string that is a sentence for a person: `message`, `suggestion`, `description`, `summary`. 4 KiB.
    pub sentence_bytes_max: usize,
    /// Attributes of one record. 64.
    pub attributes_max: usize,
    /// Findings of one verdict. 1,000, as the contract says.
    pub findings_max: usize,
    /// Events of one outcome, and ignored items of one outcome. 10,000, as the contract says.
    pub events_max: usize,
    /// Clues and alternative recipients of one event. 64.
    pub clues_max: usize,
    /// Rules that a scorer declares. 2,000, as the contract says.
    pub rules_max: usize,
    /// Formats that a normalizer declares. 500, as the contract says.
    pub formats_max: usize,
    /// Instances that live at the same time. 64; each reserves 4 GiB of address space, which is not memory.
    pub slots: u32,
    /// Calls that wait for a slot. One more is `Busy`. 256.
    pub waiting_max: usize,
    /// Calls that outlived their first slice and share the slow lane. One more is `Busy`. 16, fewer than `slots`, so
    /// that slow calls can never hold every slot.
    pub slow_calls_max: usize,
    /// A plugin file as given, and the component made from it. 32 MiB.
    pub component_bytes_max: usize,
    /// Components inside each other in one file. 100, of which real ones use three.
    pub component_depth_max: usize,
    /// Functions of a plugin. 50,000; a whole Python has 20,000.
    pub functions_max: usize,
    /// Code of one function. 1 MiB, ten times what the loop of an interpreter takes. The compiler keeps all of one
    /// function in memory, about a hundred times as much.
    pub function_bytes_max: usize,
    /// Blocks inside each other in one function. 4,096. The compiler's time grows with the square of them.
    pub block_depth_max: usize,
    /// The sum over all functions of their bytes multiplied by how deep their blocks go: what the compiler may have to
    /// do. 1 GiB.
    pub nested_code_bytes_max: usize,
    /// Plugin files that wait for the compiler. One more is refused as busy. 8.
    pub admissions_max: usize,
    /// How far the compiler stands back behind whoever else wants the processor, from 0 to 19. 19, so that calls never
    /// feel it.
    pub compiler_nice: i32,
    /// CPU time of `describe` and `rules` or `formats` together. 500 ms.
    pub describe_cpu_ms_max: u64,
    /// Wall time of the same, on a thread of the lowest priority. 20,000 ms.
    pub describe_wall_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            memory_bytes_max: 64 * MIB,
            table_elements_max: 20_000,
            stack_bytes_max: 512 * KIB,
            cpu_ms_max: 100,
            cpu_ms_per_input_mib: 100,
            wall_ms_max: 2_000,
            input_bytes_max: 32 * MIB,
            output_bytes_max: 16 * MIB,
            string_bytes_max: 64 * KIB,
            sentence_bytes_max: 4 * KIB,
            attributes_max: 64,
            findings_max: 1_000,
            events_max: 10_000,
            clues_max: 64,
            rules_max: 2_000,
            formats_max: 500,
            slots: 64,
            waiting_max: 256,
            slow_calls_max: 16,
            component_bytes_max: 32 * MIB,
            component_depth_max: 100,
            functions_max: 50_000,
            function_bytes_max: MIB,
            block_depth_max: 4_096,
            nested_code_bytes_max: 1024 * MIB,
            admissions_max: 8,
            compiler_nice: 19,
            describe_cpu_ms_max: 500,
            describe_wall_ms_max: 20_000,
        }
    }
}

/// How long one call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
}

impl Limits {
    /// The time for one call with so much input: a large message may take longer than a small one.
    pub(super) fn budget(&self, input_bytes: usize) -> Budget {
        let extra_ms = (input_bytes / MIB) as u64 * self.cpu_ms_per_input_mib;
        Budget {
            cpu: Duration::from_millis(self.cpu_ms_max + extra_ms),
            wall: Duration::from_millis(self.wall_ms_max + extra_ms),
        }
    }

    /// The time for a plugin to say what it is.
    pub(super) fn describe_budget(&self) -> Budget {
        Budget {
            cpu: Duration::from_millis(self.describe_cpu_ms_max),
            wall: Duration::from_millis(self.describe_wall_ms_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_input_earns_more_time_and_a_small_one_none() {
        let limits = Limits::default();
        let at = |bytes| limits.budget(bytes);
        assert_eq!(at(0), Budget { cpu: Duration::from_millis(100), wall: Duration::from_secs(2) });
        assert_eq!(at(MIB - 1), at(0));
        assert_eq!(at(MIB), Budget { cpu: Duration::from_millis(200), wall: Duration::from_millis(2_100) });
        assert_eq!(at(32 * MIB), Budget { cpu: Duration::from_millis(3_300), wall: Duration::from_millis(5_200) });
    }

    #[test]
    fn slow_calls_never_hold_every_slot() {
        let limits = Limits::default();
        assert!(limits.slow_calls_max < limits.slots as usize);
    }
}
