//! A NATS server of one's own: killed, stopped, and started again at the same address. `TEST_NATS_SERVER` says which
//! program; without it these tests prove nothing, and say so.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::halting::halt;

/// The program, or `None` and a word about it.
pub fn program() -> Option<PathBuf> {
    let program = std::env::var_os("TEST_NATS_SERVER").map(PathBuf::from);
    if program.is_none() {
        eprintln!("SKIPPED: TEST_NATS_SERVER is not set, nothing was told to NATS");
    }
    program
}

pub struct NatsServer {
    program: PathBuf,
    port: u16,
    folder: TempDir,
    running: Option<Child>,
}

impl NatsServer {
    /// `config` is of its own language, besides the address.
    pub async fn start(program: PathBuf, config: &str) -> NatsServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("nats.conf"), config).expect("written");
        let mut server = NatsServer { program, port: free_port(), folder, running: None };
        server.start_again().await;
        server
    }

    /// An address at which nothing runs yet.
    pub fn absent(program: PathBuf) -> NatsServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("nats.conf"), "").expect("written");
        NatsServer { program, port: free_port(), folder, running: None }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns when it takes connections.
    pub async fn start_again(&mut self) {
        let mut command = Command::new(&self.program);
        command.args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-c"]).arg(self.folder.path().join("nats.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running = Some(command.spawn().expect("TEST_NATS_SERVER names a program"));
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let ended = self.running.as_mut().and_then(|child| child.try_wait().expect("ours"));
            assert_eq!(ended, None, "the NATS server did not start");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill(&mut self) {
        let mut child = self.running.take().expect("it runs");
        child.kill().expect("ours");
        child.wait().expect("ours");
    }

    /// It keeps its connections and does nothing: what arrives waits in the kernel.
    pub fn freeze(&self) {
        halt(self.process());
    }

    pub fn thaw(&self) {
        kill(Pid::from_raw(i32::try_from(self.process()).expect("a pid")), Signal::SIGCONT).expect("ours");
    }

    fn process(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Below those the kernel gives to outgoing connections: nobody takes it while the server is down.
fn free_port() -> u16 {
    loop {
        let port = rand::random_range(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
