//! The binary, without the settings of whoever runs the tests, and servers that do not outlive their test.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

pub fn cordboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    for (variable, _) in std::env::vars().filter(|(variable, _)| variable.starts_with("CORDBOARD_")) {
        command.env_remove(variable);
    }
    command
}

/// A server that is ready. Killed when dropped.
pub struct Running {
    child: Child,
    webhook_url: String,
    /// Held, so that the server can always write to it.
    _stdout: BufReader<ChildStdout>,
}

impl Running {
    /// Waits for the banner, which is printed when the server is ready.
    pub fn start(mut command: Command) -> Running {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let webhook_url = webhook_url(&mut stdout);
        Running { child, webhook_url, _stdout: stdout }
    }

    pub fn webhook_url(&self) -> String {
        self.webhook_url.clone()
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> ExitStatus {
        kill(self.id(), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap()
    }

    /// SIGHUP.
    #[allow(dead_code, reason = "not every test that runs a server reloads it")]
    pub fn hang_up(&self) {
        kill(self.id(), Signal::SIGHUP).unwrap();
    }

    fn id(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }
}

fn webhook_url(stdout: &mut impl BufRead) -> String {
    let lines = stdout.lines().map(|line| line.unwrap());
    let mut found = lines
        .filter_map(|line| line.split_whitespace().find(|word| word.ends_with("/webhooks/vapi")).map(str::to_owned));
    found.next().expect("the server prints its banner")
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
