//! The power fails at any moment: every write and every sync of real servers is recorded together with what they
//! answered, and at random points of the record a disk is made as it may be after a power cut there. The store opens on
//! it, and nothing that was acknowledged is missing. CUTS in the environment says at how many points; CUTS_SEED repeats
//! them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::ports::CallStore;
use engine::testing::frames::{call, frame};
use gateway::stores::sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, SqliteConnection};

use super::carrier::Carrier;
use super::checker::{Asked, Book, History, Told};
use super::figures::{row, times};
use super::load::Load;
use super::power::{Disk, Record, Step, Tracing, strace};
use super::server::{Server, binary, sabotaged_binary};

const CUTS: u64 = 50;
/// Within so many cuts it must be seen that nothing was synced.
const NOTICED_WITHIN: u64 = 20;
const CALLERS: usize = 6;

/// What servers did to their data directory, and what they told whom meanwhile.
struct Run {
    data: PathBuf,
    /// The database in it.
    file: &'static str,
    record: Record,
    told: Vec<Told>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_power_cut_loses_what_was_acknowledged() {
    let cuts = times("CUTS", CUTS);
    // Enough for the write-ahead log to begin again from its start, when there is time.
    let webhooks_each = if cuts > CUTS { 400 } else { 60 };
    let Some(run) = run(binary(), "cordboard.db", webhooks_each, &[]).await else { return };
    run.survives("power cut, SQLite", cuts).await;
}

/// The spool holds everything there is where home was never reached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_power_cut_loses_what_was_acknowledged_while_postgres_was_away() {
    let cuts = times("CUTS", CUTS);
    let nobody = [("CORDBOARD_STORE__URL", "postgres://nobody@127.0.0.1:9/nowhere")];
    let Some(run) = run(binary(), "spool.db", if cuts > CUTS { 400 } else { 40 }, &nobody).await else { return };
    run.survives("power cut, spool while Postgres is away", cuts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_test_notices_when_nothing_is_synced() {
    let Some(program) = sabotaged_binary() else {
        eprintln!("SABOTAGED_CORDBOARD is not set (scripts/test sets it): sabotage not tried");
        return;
    };
    let sabotage = [("CORDBOARD_SABOTAGE", "sync_off")];
    let Some(run) = run(program, "cordboard.db", 20, &sabotage).await else { return };
    let noticed = run.is_cut(NOTICED_WITHIN, 5).await.expect_err("nothing was synced and nothing was missed");
    println!("noticed: {noticed}");
}

/// Three servers on one directory: the first is killed, the second stops cleanly, the third is killed.
async fn run(program: PathBuf, file: &'static str, webhooks_each: usize, settings: &[(&str, &str)]) -> Option<Run> {
    if std::process::Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed (scripts/test installs it): no power cuts");
        return None;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory_path = directory.path().canonicalize().expect("it is there");
    let (data, trace, pid) = (directory_path.join("data"), directory_path.join("trace"), directory_path.join("pid"));
    let carrier = Carrier::start(Duration::from_millis(3)).await;
    let settings = [carrier.settings().as_slice(), settings].concat();
    let load = Load::default();
    let mut tracing = Tracing::of(&data);
    for life in 0..3 {
        let mut server = Server::start(strace(&program, &trace, &pid), &data, &settings);
        let inner = std::fs::read_to_string(&pid).expect("the shell wrote it").trim().parse().expect("a pid");
        server.runs_inside(inner);
        load.ask_again(&server.url).await;
        let mut callers = load.callers(&server.url, CALLERS);
        load.reaches(load.acknowledged() + webhooks_each).await;
        if life == 1 {
            server.stop_inner(inner)
        } else {
            server.kill_inner(inner)
        }
        while callers.join_next().await.is_some() {}
        tracing.read(&trace);
    }
    let told = load.log.lock().clone();
    Some(Run { data, file, record: tracing.record(), told })
}

impl Run {
    async fn survives(&self, what: &str, cuts: u64) {
        let seed = times("CUTS_SEED", rand::rng().random());
        if let Err(why) = self.is_cut(cuts, seed).await {
            panic!("CUTS_SEED={seed}: {why}");
        }
        let (steps, syncs) = (self.record.steps.len(), self.record.syncs());
        let (written, told) = (self.record.written() >> 20, self.told.len());
        let tried =
            format!("{cuts} cuts in {steps} steps, {written} MiB written, {syncs} syncs, {told} webhooks acknowledged");
        row(what, &tried, "0 lost, 0 torn");
    }

    /// So many power cuts. Returns what the first one broke.
    async fn is_cut(&self, cuts: u64, seed: u64) -> Result<(), String> {
        let mut dice = StdRng::seed_from_u64(seed);
        self.everything_told_is_in_the_record();
        let (mut disk, mut done) = (Disk::default(), 0);
        for at in self.points(cuts, &mut dice) {
            self.record.steps[done..at].iter().for_each(|step| disk.take(step));
            done = at;
            let after = tempfile::tempdir_in(memory()).expect("a temporary directory");
            disk.cut(&mut dice, &self.data, after.path());
            let broken = self.is_whole(at, after.path()).await;
            broken.map_err(|why| format!("cut at step {at} of {}: {why}", self.record.steps.len()))?;
        }
        Ok(())
    }

    /// In order. Every second one is right after an answer, when most is to be lost.
    fn points(&self, cuts: u64, dice: &mut StdRng) -> Vec<usize> {
        let answers = self.record.answers();
        let mut points: Vec<usize> = (0..cuts)
            .map(|n| match answers.choose(dice) {
                Some(answer) if n % 2 == 0 => answer + 1,
                _ => dice.random_range(0..=self.record.steps.len()),
            })
            .collect();
        points.sort_unstable();
        points
    }

    /// The client's log and the record are of the same run.
    fn everything_told_is_in_the_record(&self) {
        let answered = self.answered_until(self.record.steps.len());
        let unknown = self.told.iter().find(|told| !answered.contains(told.request.as_str()));
        assert!(unknown.is_none(), "answered, and not in the record: {unknown:?}");
        assert!(self.told.len() > 20, "the load was acknowledged");
        let asked = self.record.steps.iter().filter_map(asked).count();
        assert!(asked > 0, "texts left");
    }

    fn answered_until(&self, at: usize) -> HashSet<&str> {
        let answers = self.record.steps[..at].iter().filter_map(|step| match step {
            Step::Answers(id) => Some(id.as_str()),
            _ => None,
        });
        answers.collect()
    }

    async fn is_whole(&self, at: usize, data: &Path) -> Result<(), String> {
        let file = data.join(self.file);
        let store = SqliteStore::open(&file, 1).await.map_err(|why| format!("the store does not open: {why}"))?;
        integrity(&file).await?;
        let answered = self.answered_until(at);
        let told = self.told.iter().filter(|told| answered.contains(told.request.as_str())).cloned().collect();
        let asked = self.record.steps[..at].iter().filter_map(asked).collect();
        let book = Book::read(&format!("sqlite:{}", file.display())).await;
        let verdict = History { told, asked, book, ..History::default() }.verdict();
        if !verdict.violations.is_empty() {
            return Err(verdict.to_string());
        }
        let appended = store.append(&[frame(&call("acme", "after-the-cut"), 1)]).await;
        store.close().await;
        if appended == [Ok(())] { Ok(()) } else { Err(format!("nothing can be recorded any more: {appended:?}")) }
    }
}

/// A text that left, as its request reads.
fn asked(step: &Step) -> Option<Asked> {
    let Step::Asks(bytes) = step else { return None };
    let request = String::from_utf8_lossy(bytes);
    let (head, body) = request.split_once("\r\n\r\n")?;
    let fields = actix_web::web::Query::<Vec<(String, String)>>::from_query(body).ok()?;
    let field = |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    head.contains("/Messages.json").then_some(Asked { to: field("To")?, body: field("Body")? })
}

async fn integrity(file: &Path) -> Result<(), String> {
    let mut connection =
        SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.expect("it just opened");
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_all(&mut connection)
        .await
        .map_err(|why| format!("integrity_check: {why}"))?;
    let _ = connection.close().await;
    if found == ["ok"] { Ok(()) } else { Err(format!("integrity_check: {found:?}")) }
}

/// What is made again for every cut is not worth a disk.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
