//! Redis servers for tests: the one of `scripts/test`, and those of a test's own, to be killed, stopped and flushed.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gateway::cache::redis::{RedisCache, RedisSettings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::halting::halt;

/// Longest anything awaited may take, on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The server of `scripts/test`, or `None` and a word about it.
pub fn test_server() -> Option<String> {
    let url = std::env::var("TEST_REDIS_URL").ok();
    if url.is_none() {
        eprintln!("SKIPPED: TEST_REDIS_URL is not set, nothing was asked of Redis");
    }
    url
}

/// Of this test alone, on a server that many use.
pub fn fresh_prefix() -> String {
    format!("test-{}-{}", std::process::id(), crate::number())
}

pub fn settings(url: &str, prefix: &str) -> RedisSettings {
    RedisSettings {
        url: url.to_owned(),
        ca: None,
        prefix: prefix.to_owned(),
        command_within: Duration::from_secs(5),
        connect_within: Duration::from_secs(5),
    }
}

pub async fn connected(url: &str, prefix: &str) -> RedisCache {
    let redis = RedisCache::new(&settings(url, prefix)).expect("the URL is one");
    until("connected to Redis", async || redis.is_connected()).await;
    redis
}

/// Looks until it is so.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never {what}"));
}

/// What a foreign client is answered.
pub fn cli(url: &str, args: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-u", url]).args(args).output().expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A server of a test's own. Killed when dropped.
pub struct OwnRedis {
    pub url: String,
    port: u16,
    extra: Vec<String>,
    child: Option<Child>,
    folder: TempDir,
}

impl OwnRedis {
    /// `None` where none is to be asked.
    pub async fn start(extra: &[&str]) -> Option<OwnRedis> {
        test_server()?;
        loop {
            // Below the ports that outgoing connections take.
            let port = rand::random_range(20_000..32_000);
            let folder = tempfile::tempdir().expect("a temporary folder");
            let extra = extra.iter().map(|arg| (*arg).to_owned()).collect();
            let url = format!("redis://127.0.0.1:{port}");
            let mut redis = OwnRedis { url, port, extra, child: None, folder };
            if redis.run().await {
                return Some(redis);
            }
        }
    }

    /// Again, on the same port, with nothing in it. False when the port is taken.
    pub async fn run(&mut self) -> bool {
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.arg("--dir").arg(self.folder.path()).args(&self.extra);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("redis-server runs");
        let child = self.child.insert(child);
        loop {
            if child.try_wait().expect("the process is ours").is_some() {
                return false;
            }
            // Asked without its password it answers all the same.
            let answer = Command::new("redis-cli").args(["-p", &self.port.to_string(), "ping"]).output();
            let answer = answer.expect("redis-cli runs").stdout;
            if answer.starts_with(b"PONG") || answer.starts_with(b"NOAUTH") {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// It takes what is sent and answers nothing.
    pub fn hang(&self) {
        halt(self.process());
    }

    pub fn go_on(&self) {
        kill(Pid::from_raw(i32::try_from(self.process()).expect("a pid")), Signal::SIGCONT)
            .expect("the process is ours");
    }

    pub fn cli(&self, args: &[&str]) -> String {
        cli(&self.url, args)
    }

    fn process(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }
}

impl Drop for OwnRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
