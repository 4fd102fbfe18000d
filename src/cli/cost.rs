//! What a piece of work cost this process, where the system says so (Linux).

use std::fs;

/// Processor seconds of the calling thread so far.
pub(super) fn thread_s() -> Option<f64> {
    // First field: nanoseconds on a processor (proc_pid_schedstat).
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let spent: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(spent / 1e9)
}

/// Megabytes the process held at its largest.
pub(super) fn peak_mb() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024.0 / 1e6)
}
