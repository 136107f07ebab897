//! What the kernel counts of a process, by `/proc`.
#![allow(dead_code, reason = "each program that measures uses a part of it")]

use std::{fs, time::Duration};

/// What a process took so far.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// Of all its threads, in its own code and the kernel's.
    pub cpu: Duration,
    /// Memory that it has now.
    pub bytes: u64,
    /// The most that it had, since it began or since [`forget_peak`].
    pub peak_bytes: u64,
}

/// What a process took; none once it has ended.
pub fn counted(pid: u32) -> Option<Counted> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
    let (stat, status) = (read("stat")?, read("status")?);
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let memory = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib << 10)
    };
    Some(Counted {
        // utime and stime, in ticks of 10 ms.
        cpu: Duration::from_millis((ticks(11)? + ticks(12)?) * 10),
        bytes: memory("VmRSS:")?,
        peak_bytes: memory("VmHWM:")?,
    })
}

/// The most that it has is counted anew.
pub fn forget_peak(pid: u32) {
    // Not every kernel lets this be written: then the peak is that of its whole life.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
