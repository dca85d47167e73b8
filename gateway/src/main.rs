//! The binary `cordboard`: reads the command line, runs it on a runtime of its own, and turns the end into an exit code.

use std::process::ExitCode;
use std::time::Duration;

use gateway::cli;
use tokio::runtime::{self, Runtime};

/// Webhooks are many short-lived buffers on several threads, which the system's allocator does not like.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("nobody installed one before the first line");
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let runtime = runtime().expect("the system can start threads");
    let ended = runtime.block_on(cli::run(cli));
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

fn runtime() -> std::io::Result<Runtime> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()
}
