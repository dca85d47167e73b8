//! A Postgres of our own, started as the tests start theirs, but with every commit synced. It ends with its handle, and
//! with this process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::cpu;

/// Ends when its input does, however we end.
const SCRIPT: &str = r#"
unset TEST_POSTGRES_URL
install() { return 1; }
postgres_options="-c shared_buffers=512MB -c max_wal_size=4GB"
source scripts/postgres
[ -n "${TEST_POSTGRES_URL:-}" ] || exit 1
echo "$TEST_POSTGRES_URL $(head -1 "$postgres_folder/data/postmaster.pid")"
read -r _ || true
"#;

pub struct Postgres {
    script: Child,
    /// Of an empty database.
    pub url: String,
    process: u32,
}

impl Postgres {
    pub fn start() -> anyhow::Result<Postgres> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the benches are in the repository")?;
        let mut command = Command::new("bash");
        command.args(["-c", SCRIPT]).current_dir(root).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().context("bash starts")?;
        let mut said = String::new();
        BufReader::new(script.stdout.take().context("its output is piped")?).read_line(&mut said)?;
        let (url, process) = said.trim().split_once(' ').context("a Postgres starts; Debian has it as postgresql")?;
        Ok(Postgres { url: url.to_owned(), process: process.parse()?, script })
    }

    /// What all of its processes have worked.
    pub fn worked(&self) -> Duration {
        cpu::family(self.process)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}
