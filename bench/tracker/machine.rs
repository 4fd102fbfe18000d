//! CPU time and memory of a process, from `/proc`. Decides nothing.

use std::error::Error;
use std::fs;

/// Linux counts CPU time in hundredths of a second whatever the kernel's own clock (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// A process that can be looked at.
#[derive(Debug)]
pub(crate) struct Process(String);

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        Self(pid.to_string())
    }

    pub(crate) fn own() -> Self {
        Self("self".into())
    }

    /// User and system time so far, in seconds, all its threads.
    pub(crate) fn cpu(&self) -> Result<f64, Box<dyn Error>> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The second field is the program's name in brackets and may hold anything (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc's stat has no name")?;
        let mut times = fields.split_whitespace().skip(11);
        let mut next = || -> Result<f64, Box<dyn Error>> {
            Ok(times.next().ok_or("/proc's stat is short")?.parse()?)
        };
        Ok((next()? + next()?) / TICKS_PER_SECOND)
    }

    /// Bytes of memory in use.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.ok_or("/proc's status has no VmRSS")?;
        let kib: u64 = kib.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}
