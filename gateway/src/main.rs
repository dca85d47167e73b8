//! The binary `cordboard`.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before any client is built: there is one TLS backend in this binary, and a client without it panics.
    let _ = rustls::crypto::ring::default_provider().install_default();
    gateway::cli::run()
}
