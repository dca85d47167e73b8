//! The real binary, on a free port and a data directory of its own. It ends with its handle.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context;

pub const SECRET: &str = "a-secret-of-the-benches";

pub struct Server {
    child: Child,
    pub url: String,
}

/// Beside this program, where cargo puts it.
pub fn binary() -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let binary = here.parent().context("a program is in a directory")?.join("cordboard");
    anyhow::ensure!(
        binary.exists(),
        "{} is not there; build it first: just bench-sms and just bench-store do",
        binary.display()
    );
    Ok(binary)
}

impl Server {
    pub fn start(binary: &Path, data: &Path, settings: &[(&str, String)]) -> anyhow::Result<Server> {
        let mut command = Command::new(binary);
        command.arg("serve").args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.env("CORDBOARD_PLATFORMS__VAPI__SECRET", SECRET).env("CORDBOARD_LOG", "off");
        command.envs(settings.iter().map(|(name, value)| (*name, value)));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("the server starts")?;
        let output = child.stdout.take().context("its output is piped")?;
        let mut server = Server { child, url: String::new() };
        server.url = url_in(BufReader::new(output))?;
        Ok(server)
    }

    /// SIGTERM, and gone when this returns. An error where it did not end cleanly.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status()?;
        let ended = self.child.wait()?;
        anyhow::ensure!(asked.success() && ended.success(), "the server ended badly: {ended}");
        Ok(())
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The banner names the URL; the rest of the output is read and dropped, so that the pipe never fills.
fn url_in(output: impl BufRead + Send + 'static) -> anyhow::Result<String> {
    let (found, url) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if let Some(start) = line.find("http://127.0.0.1:")
                && let Some(end) = line.find("/webhooks/vapi")
            {
                let _ = found.send(line[start..end].to_owned());
            }
        }
    });
    url.recv_timeout(Duration::from_secs(60)).context("the banner names the webhook URL")
}
