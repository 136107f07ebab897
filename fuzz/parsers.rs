//! All parsers under libFuzzer: the environment's `DENIZEN_FUZZ_TARGET` names the one that is run.
//!
//! Besides a panic and a second encoding of one value, an input is a finding that takes 100 ms of CPU, or
//! for which more than 64 MiB are allocated at one time.
#![no_main]

use cap::Cap;
use denizen_fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;
use rustix::time::{ClockId, clock_gettime};
use std::{alloc::System, sync::LazyLock, time::Duration};

const CPU_MAX: Duration = Duration::from_millis(100);
const ALLOCATED_MAX: usize = 64 << 20;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("DENIZEN_FUZZ_TARGET").expect("DENIZEN_FUZZ_TARGET names a target");
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target {name}"));
    // What is made once (keys, the catalogue) counts for no input.
    target.samples.load().iter().for_each(|sample| target.run(sample));
    target
});

fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).expect("time since a thread's beginning is positive")
}

fuzz_target!(|bytes: &[u8]| {
    let target = *TARGET;
    let before = cpu();
    ALLOCATOR.set_limit(ALLOCATOR.allocated() + ALLOCATED_MAX).expect("a limit above what is there");
    target.run(bytes);
    ALLOCATOR.set_limit(usize::MAX).expect("a limit above what is there");
    let spent = cpu() - before;
    assert!(spent < CPU_MAX, "{}: {spent:?} of CPU for {} bytes", target.name, bytes.len());
});
