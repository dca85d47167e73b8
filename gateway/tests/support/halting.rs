//! Halts processes. A signal is only queued when `kill` returns, and one thread is woken for it: the others run on until
//! that one has had its turn, on a busy machine for long enough to answer somebody.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const WITHIN: Duration = Duration::from_secs(60);

/// `SIGSTOP`; every thread of it stands still when this returns. `SIGCONT` lets it go on.
pub fn halt(process: u32) {
    kill(Pid::from_raw(i32::try_from(process).expect("a pid")), Signal::SIGSTOP).expect("the process is ours");
    let asked_at = Instant::now();
    while !stands_still(process) {
        assert!(asked_at.elapsed() < WITHIN, "{process} does not halt");
        std::thread::yield_now();
    }
}

fn stands_still(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    threads.flatten().all(|thread| {
        // `pid (name) state …`; a thread that has ended meanwhile does nothing either.
        let status = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'Z', 'X']))
    })
}
