//! SIGTERM and SIGINT: the first asks to stop, the second does not ask.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::simulator::load::Stop;

/// Caught from the moment this exists, so that none is lost while the server starts.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// As a shell reports a program ended by SIGINT.
const INTERRUPTED: i32 = 130;

impl Signals {
    pub fn catch() -> io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// The first signal ends a run of the simulator, the second the process.
    pub fn then_stop(mut self, run: Stop) {
        tokio::spawn(async move {
            self.next().await;
            run.now();
            self.then_exit();
        });
    }

    /// From now on a signal ends the process at once.
    pub fn then_exit(mut self) {
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED);
        });
    }
}
