//! What the plugin host needs from the operating system about a thread: its CPU clock and its place in the queue.

use std::time::Duration;

/// CPU time that the calling thread has used since it began.
#[allow(unsafe_code)]
pub(super) fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid `timespec` that outlives the call, and the call writes nothing else.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    debug_assert_eq!(status, 0, "every system that we build for has this clock");
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Lets all ordinary threads go before the calling one. `nice` is 1 to 19; 19 runs when nobody else wants to.
///
/// It is a favour to the neighbours and nothing depends on it, so a refusal is ignored.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
pub(super) fn yield_to_others(nice: i32) {
    // SAFETY: takes plain numbers. On Linux, unlike elsewhere, 0 means the calling thread and not its process.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) };
}

/// Elsewhere the call would slow the whole process down.
#[cfg(not(target_os = "linux"))]
pub(super) fn yield_to_others(_nice: i32) {}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::thread;

    use super::*;

    #[test]
    fn the_cpu_clock_counts_work_and_not_sleep() {
        let before = cpu_time();
        thread::sleep(Duration::from_millis(40));
        let slept = cpu_time().saturating_sub(before);
        assert!(slept < Duration::from_millis(20), "{slept:?}");

        let before = cpu_time();
        let mut sum = 0_u64;
        while cpu_time().saturating_sub(before) < Duration::from_millis(2) {
            sum = black_box(sum.wrapping_add(1));
        }
        assert!(sum > 0);
    }
}
