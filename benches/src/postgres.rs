//! A Postgres of our own, started as the tests start theirs, but with every commit synced. It can be struck down and
//! started again, and ends with its handle, and with this process.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::cpu;

/// Obeys line by line, and answers with the server's process once it is done. Ends when its input does, however we end.
const SCRIPT: &str = r#"
unset TEST_POSTGRES_URL
install() { return 1; }
postgres_options="-c shared_buffers=512MB -c max_wal_size=4GB"
source scripts/postgres
[ -n "${TEST_POSTGRES_URL:-}" ] || exit 1
echo "$TEST_POSTGRES_URL $(head -1 "$postgres_folder/data/postmaster.pid")"
port=${TEST_POSTGRES_URL##*:}
while read -r order; do
    case $order in
        strike_down) as_postgres "$(postgres_programs)/pg_ctl" --pgdata="$postgres_folder/data" --mode=immediate --silent stop ;;
        start) run_postgres "${port%%/*}" ;;
    esac || exit 1
    head -1 "$postgres_folder/data/postmaster.pid" 2>/dev/null || echo 0
done
"#;

pub struct Postgres {
    script: Child,
    /// `None` at the end.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
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
        let orders = script.stdin.take();
        let mut answers = BufReader::new(script.stdout.take().context("its output is piped")?);
        let mut said = String::new();
        answers.read_line(&mut said)?;
        let (url, process) = said.trim().split_once(' ').context("a Postgres starts; Debian has it as postgresql")?;
        Ok(Postgres { url: url.to_owned(), process: process.parse()?, script, orders, answers })
    }

    /// At once and without a farewell, as when its machine dies. Gone when this returns.
    pub fn strike_down(&mut self) -> anyhow::Result<()> {
        self.obeys("strike_down")
    }

    /// On the same port, with what it had on disk.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.obeys("start")
    }

    fn obeys(&mut self, order: &str) -> anyhow::Result<()> {
        writeln!(self.orders.as_mut().context("it is not over")?, "{order}")?;
        let mut said = String::new();
        self.answers.read_line(&mut said)?;
        self.process = said.trim().parse().with_context(|| format!("postgres does not {order}"))?;
        Ok(())
    }

    /// What all of its processes have worked.
    pub fn worked(&self) -> Duration {
        cpu::family(self.process)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.script.wait();
    }
}
