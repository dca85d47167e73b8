//! The real server while its Postgres stops, falls silent or cuts every connection: callers are answered with what their
//! tools did, emergencies reach the carrier, and afterwards the tables hold everything once.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinSet;

use super::carrier::Carrier;
use super::checker::{Book, History, Invariant, Said};
use super::database::{self, Databases};
use super::load::Load;
use super::proxy::{Proxy, Trouble};
use super::server::{Server, alert, binary, client, settled, spoken, status};

/// Callers at once.
const CALLERS: usize = 4;

struct World {
    databases: Databases,
    url: String,
    proxy: Proxy,
    carrier: Carrier,
    data: tempfile::TempDir,
    load: Load,
    calls: Arc<AtomicUsize>,
}

impl World {
    async fn new() -> Option<World> {
        let databases = Databases::on(database::server()?);
        let url = databases.fresh().await;
        let proxy = Proxy::before(&url).await;
        let carrier = Carrier::start(Duration::from_millis(3)).await;
        let data = tempfile::tempdir().expect("a temporary directory");
        Some(World { databases, url, proxy, carrier, data, load: Load::default(), calls: Arc::default() })
    }

    fn start(&self) -> Server {
        let proxied = self.proxy.url_of(&self.url);
        let mut settings = self.carrier.settings();
        settings.push(("CORDBOARD_STORE__URL", &proxied));
        settings.push(("CORDBOARD_STORE__SPOOL__PROBE_MS", "50"));
        Server::start(Command::new(binary()), self.data.path(), &settings)
    }

    fn callers(&self, server: &Server) -> Callers {
        let over = Arc::new(AtomicBool::new(false));
        let mut talking = JoinSet::new();
        for _ in 0..CALLERS {
            talking.spawn(talk(server.url.clone(), self.calls.clone(), self.load.clone(), over.clone()));
        }
        Callers { over, talking }
    }

    /// Until so many more were answered.
    async fn answers(&self, more: usize) {
        self.load.reaches(self.load.acknowledged() + more).await;
    }

    /// Until the carrier has heard of everything that was promised so far.
    async fn emergencies_left(&self) {
        let promised: Vec<String> = self
            .load
            .log
            .lock()
            .iter()
            .filter(|told| told.promised() > 0)
            .filter_map(|told| match &told.said {
                Said::Tool(id) => Some(story(id.trim_start_matches("tool-"))),
                _ => None,
            })
            .collect();
        let has_left = |story: &String| self.carrier.asked().iter().any(|asked| asked.body.contains(story));
        until("emergencies leave", async || promised.iter().all(has_left)).await;
    }

    /// Once the tables hold everything.
    async fn check(self) {
        let told = self.load.log.lock().clone();
        assert!(told.iter().filter(|told| told.promised() > 0).count() > 10, "the callers had emergencies");
        let history =
            History { told, asked: self.carrier.asked(), book: Book::read(&self.url).await, ..History::default() };
        use Invariant::*;
        history.verdict().assert_holds(&[I1, I2, I3, I4, I5, I6, I7, I9]);
        self.databases.dropped().await;
    }
}

struct Callers {
    over: Arc<AtomicBool>,
    talking: JoinSet<()>,
}

impl Callers {
    /// Each ends its conversation.
    async fn hang_up(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.talking.join_next().await {
            ended.expect("a caller was answered wrongly");
        }
    }
}

fn story(number: &str) -> String {
    format!("story {number} of a flooded cellar")
}

/// One call after another. Whatever is answered is answered well.
async fn talk(url: String, calls: Arc<AtomicUsize>, load: Load, over: Arc<AtomicBool>) {
    let client = client();
    while !over.load(Ordering::Relaxed) {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        let call = format!("call-{number}");
        let conversation = [
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, &format!("there is water everywhere, says caller {number}"), 3),
            alert(&call, &format!("tool-{number}"), &story(&number.to_string())),
        ];
        for message in conversation {
            let Some(answer) = load.tell(&client, &url, &message).await else { return };
            assert_eq!(answer.status, 200, "{}", answer.body);
            let apologises = message["type"] == "tool-calls" && !answer.body.contains(r#"\"sent\":true"#);
            assert!(!apologises, "{}", answer.body);
        }
    }
}

async fn readiness(url: &str) -> (u16, Value) {
    let answer = client().get(format!("{url}/readyz")).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Looks again and again; a story that does not go on is over.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), looked).await.unwrap_or_else(|_| panic!("waited for: {what}"));
}

async fn until_store_is(state: &str, url: &str) -> Value {
    let store = Mutex::new(Value::Null);
    until(state, async || {
        let (code, ready) = readiness(url).await;
        assert_eq!(code, 200, "{ready}");
        *store.lock() = ready["dependencies"]["store"].clone();
        store.lock()["state"] == state
    })
    .await;
    store.into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_notice_nothing_of_a_postgres_that_is_gone_for_a_while() {
    for mode in [Trouble::Refuse, Trouble::BlackHole, Trouble::Reset] {
        let Some(world) = World::new().await else { return };
        let server = world.start();
        let callers = world.callers(&server);
        world.answers(30).await;
        world.proxy.set(mode).await;
        world.answers(80).await;
        let store = until_store_is("degraded", &server.url).await;
        assert!(store["troubles"][0].as_str().expect("why").contains("wait in the spool"), "{mode:?} {store}");
        world.emergencies_left().await;
        world.proxy.heal().await;
        until_store_is("ok", &server.url).await;
        world.answers(30).await;
        callers.hang_up().await;
        settled(&server.url, world.data.path()).await;
        until_store_is("ok", &server.url).await;
        assert_eq!(server.stop(), Some(0), "SIGTERM ends the server cleanly");
        world.check().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_without_its_postgres_starts_again_without_it() {
    let Some(world) = World::new().await else { return };
    let server = world.start();
    let callers = world.callers(&server);
    world.answers(30).await;
    world.proxy.set(Trouble::Refuse).await;
    world.answers(60).await;
    server.kill();
    callers.hang_up().await;
    let server = world.start();
    let store = until_store_is("degraded", &server.url).await;
    assert!(!store["troubles"][0].as_str().expect("why").contains(" 0 frames"), "the spool was found: {store}");
    let callers = world.callers(&server);
    world.answers(30).await;
    world.proxy.heal().await;
    until_store_is("ok", &server.url).await;
    world.answers(30).await;
    callers.hang_up().await;
    settled(&server.url, world.data.path()).await;
    until_store_is("ok", &server.url).await;
    assert_eq!(server.stop(), Some(0));
    world.check().await;
}

#[tokio::test]
async fn what_will_never_work_is_refused_at_the_start_and_what_may_come_is_not() {
    let Some(world) = World::new().await else { return };
    let output = |url: &str| {
        let mut command = Command::new(binary());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(world.data.path());
        command.env("CORDBOARD_STORE__URL", url).output().expect("the binary starts")
    };
    let unknown = world.url.rsplit_once('/').expect("a database").0.to_owned() + "/nobody_knows_it";
    let refused = output(&unknown);
    assert_eq!(refused.status.code(), Some(3));
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(why.contains("nobody_knows_it") && why.contains("does not exist"), "{why}");
    world.proxy.set(Trouble::Refuse).await;
    let server = world.start();
    until_store_is("degraded", &server.url).await;
    world.proxy.heal().await;
    until_store_is("ok", &server.url).await;
    assert_eq!(server.stop(), Some(0));
    world.databases.dropped().await;
}
