//! What a piece of work cost this process, where the system says so (Linux).

use std::fs;

/// Processor seconds of all threads of this process so far, in hundredths.
pub(super) fn process_s() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The fields behind the name, which may hold anything: the state is the third (proc_pid_stat).
    let (_, fields) = text.rsplit_once(')')?;
    let ticks = |field: usize| {
        fields
            .split_whitespace()
            .nth(field - 3)?
            .parse::<f64>()
            .ok()
    };
    Some((ticks(14)? + ticks(15)?) / 100.0)
}

/// Megabytes the process held at its largest.
pub(super) fn peak_mb() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1_024.0 / 1e6)
}
