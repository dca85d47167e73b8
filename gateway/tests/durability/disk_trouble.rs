//! A disk that is full, that does not sync, that takes its time; a process that is stopped in the middle of its work.
//! What cannot be recorded is not acknowledged: a fact is to be sent again, a live caller hears that nothing was done.
//! When it is over the same server goes on.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::checker::{Book, History, Invariant};
use super::faults::{Faults, SmallDisk};
use super::halting::halt;
use super::load::Load;
use super::server::{Answer, STALLED, Server, alert, binary, client, spoken, status};

const CALLERS: usize = 6;
/// A sync of the slow disk.
const TAKES: Duration = Duration::from_millis(300);

/// A server, and callers who note what they were told.
struct Story {
    server: Server,
    data: PathBuf,
    load: Load,
    calls: u64,
    _data: Option<TempDir>,
}

impl Story {
    fn begins(server: Server, data: PathBuf) -> Story {
        Story { server, data, load: Load::default(), calls: 0, _data: None }
    }

    async fn tells(&self, message: Value) -> Answer {
        self.load.tell(&client(), &self.server.url, &message).await.expect("an answer")
    }

    fn next_call(&mut self) -> String {
        self.calls += 1;
        format!("lone-call-{}", self.calls)
    }

    async fn readiness(&self) -> (u16, Value) {
        let answer = client().get(format!("{}/readyz", self.server.url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Sooner or later: a slow machine may have been busy for too long.
    async fn is_served(&mut self) {
        let served = async {
            loop {
                let call = self.next_call();
                let fact = self.tells(status(&call, "in-progress", 1)).await;
                let asked = self.tells(alert(&call, &format!("tool-of-{call}"), &format!("a story of {call}"))).await;
                let (code, readiness) = self.readiness().await;
                let is_well = (code, &readiness["dependencies"]["store"]["state"]) == (200, &"ok".into());
                if fact.status == 200 && asked.body.contains(r#"\"sent\":true"#) && is_well {
                    return;
                }
            }
        };
        timeout(STALLED, served).await.expect("the server goes on");
    }

    /// Nobody is told that it is done, and everybody what to do. On a full disk something small may still find room.
    async fn is_turned_away(&mut self) {
        for _ in 0..20 {
            let call = self.next_call();
            let fact = self.tells(status(&call, "in-progress", 1)).await;
            let asked = self.tells(alert(&call, &format!("tool-of-{call}"), &format!("a story of {call}"))).await;
            assert_eq!(asked.status, 200, "an error would be silence in the caller's ear");
            let answer: Value = serde_json::from_str(&asked.body).expect("JSON");
            if fact.status == 200 || answer["results"][0]["result"].is_string() {
                continue;
            }
            assert_eq!((fact.status, fact.retry_after.as_deref()), (503, Some("1")), "{}", fact.body);
            let said = answer["results"][0]["error"].as_str().expect("a sentence");
            assert!(said.contains("rien n'a été fait"), "{said}");
            let (code, readiness) = self.readiness().await;
            if code == 200 {
                continue;
            }
            let store = &readiness["dependencies"]["store"];
            assert_eq!((code, &store["state"]), (503, &"unavailable".into()));
            assert!(store["troubles"][0].as_str().is_some_and(|why| why.contains("the disk")), "{readiness}");
            return;
        }
        panic!("everything was recorded");
    }

    /// Stops the server where it stands and looks at what it leaves. (What lies on a disk of its own cannot be opened in
    /// place: SQLite wants to know the way there.)
    async fn ends(self) {
        halt(self.server.id());
        let left = tempfile::tempdir().expect("a temporary directory");
        for name in ["cordboard.db", "cordboard.db-wal"] {
            std::fs::copy(self.data.join(name), left.path().join(name)).expect("there is room");
        }
        drop(self.server);
        let book = Book::read(&format!("sqlite:{}", left.path().join("cordboard.db").display())).await;
        let told = self.load.log.lock().clone();
        use Invariant::*;
        History { told, book, ..History::default() }.verdict().assert_holds(&[I1, I2, I3, I4, I6, I7]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_and_recording_goes_on_when_there_is_space() {
    let Some((disk, command)) = SmallDisk::holding(&binary(), 8 << 20) else { return };
    let server = Server::start(command, &disk.inside(), &[]);
    let disk = disk.of(&server);
    let mut story = Story::begins(server, disk.path(""));
    story.is_served().await;
    for _ in 0..2 {
        // Somebody talks while it fills.
        let mut callers = story.load.callers_until_refused(&story.server.url, CALLERS);
        disk.fill();
        while callers.join_next().await.is_some() {}
        story.is_turned_away().await;
        disk.free();
        story.is_served().await;
    }
    story.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_sync_acknowledges_nothing() {
    for fault in ["fsync,fdatasync:error=EIO", "pwrite64:error=ENOSPC", "pwrite64:error=EIO"] {
        let mut story = plain_story();
        story.is_served().await;
        let mut callers = story.load.callers_until_refused(&story.server.url, CALLERS);
        let Some(faults) = Faults::begin(&story.server, fault) else { return };
        while callers.join_next().await.is_some() {}
        story.is_turned_away().await;
        faults.end();
        story.is_served().await;
        story.ends().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_its_time_is_waited_for() {
    let mut story = plain_story();
    story.is_served().await;
    let Some(faults) = Faults::begin(&story.server, &format!("fsync,fdatasync:delay_enter={}", TAKES.as_micros()))
    else {
        return;
    };
    for words in ["hello", "is somebody there?"] {
        let asked = Instant::now();
        let answer = story.tells(spoken("lone-call-1", words, 7)).await;
        // Or given up, on a slow machine.
        assert!(answer.status == 503 || asked.elapsed() >= TAKES, "it was answered before it was synced");
    }
    faults.end();
    story.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_stopped_in_mid_load_goes_on_where_it_was() {
    let story = plain_story();
    let mut callers = story.load.callers(&story.server.url, CALLERS);
    for _ in 0..3 {
        story.load.reaches(story.load.acknowledged() + 20).await;
        halt(story.server.id());
        let stopped_at = story.load.acknowledged();
        // Whoever asks meanwhile waits.
        sleep(Duration::from_millis(300)).await;
        assert!(story.load.acknowledged() <= stopped_at + CALLERS, "a stopped server answers nobody");
        story.server.signal(Signal::SIGCONT);
    }
    story.load.reaches(story.load.acknowledged() + 20).await;
    callers.shutdown().await;
    story.ends().await;
}

#[test]
fn a_full_disk_keeps_a_server_from_starting_and_it_says_so() {
    let Some((disk, mut command)) = SmallDisk::holding(&binary(), 160 << 10) else { return };
    let output = command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(disk.inside()).output();
    let output = output.expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("disk is full") || said.contains("No space left"), "{said}");
}

/// A server on a disk nobody has filled.
fn plain_story() -> Story {
    let data = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(Command::new(binary()), data.path(), &[]);
    let story = Story::begins(server, data.path().to_owned());
    Story { _data: Some(data), ..story }
}
