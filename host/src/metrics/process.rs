//! What the system says about this process, under the names that every Prometheus client gives it.

use std::fs;

use super::text::{Kind, Text};

/// Writes what can be learned. Where the system tells nothing, there is no sample.
pub(super) fn write(text: &mut Text, started_at_secs: f64) {
    text.family(Kind::Gauge, "process_start_time_seconds", "When the process began, in seconds since 1970.");
    text.value(&[], started_at_secs);
    if let Some(seconds) = cpu_seconds() {
        text.family(Kind::Counter, "process_cpu_seconds", "CPU time that the process used.");
        text.value(&[], seconds);
    }
    if let Some(bytes) = status("VmRSS:").map(|kib| kib * 1_024) {
        text.family(Kind::Gauge, "process_resident_memory_bytes", "Memory that the process has in use.");
        text.count(&[], bytes);
    }
    if let Some(threads) = status("Threads:") {
        text.family(Kind::Gauge, "process_threads", "Threads of the process.");
        text.count(&[], threads);
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        text.family(Kind::Gauge, "process_open_fds", "File descriptors that are open.");
        text.count(&[], open.count() as u64);
    }
}

/// A number of `/proc/self/status`.
fn status(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// All threads together, those that ended included.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the process stands in brackets and may hold anything. After it, the 12th and 13th field are ticks of
    // a hundredth of a second, which is what the kernel tells every program.
    let after = stat.rsplit_once(')')?.1;
    let mut fields = after.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(f64::from(user) / 100.0 + f64::from(system) / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_what_this_process_uses() {
        assert!(cpu_seconds().is_some_and(|seconds| seconds >= 0.0));
        assert!(status("VmRSS:").is_some_and(|kib| kib > 1_000));
        assert!(status("Threads:").is_some_and(|threads| threads >= 1));
        assert_eq!(status("Nothing:"), None);
    }
}
