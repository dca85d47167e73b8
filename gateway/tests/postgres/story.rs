//! The real server while its Postgres stops, falls silent or cuts every connection: callers are answered with what their
//! tools did, emergencies reach the carrier, and afterwards the tables hold everything once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{AlertStore, AlertsWanted, CallStore, SmsOutbox};
use engine::sms::SmsState;
use gateway::stores::postgres::PostgresStore;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinSet;

use super::carrier::Carrier;
use super::database::{self, Databases};
use super::outage_proxy::{Mode, OutageProxy};
use super::server::{Server, alert, binary, client, send, spoken, status};

/// Callers at once.
const CALLERS: u64 = 4;

/// What was answered, and how.
#[derive(Default)]
struct Answered {
    /// Events per call.
    events: HashMap<String, u64>,
    /// Stories the agent was told are on their way, and to how many people.
    alerts: HashMap<String, u64>,
}

struct World {
    databases: Databases,
    url: String,
    proxy: OutageProxy,
    carrier: Carrier,
    data: tempfile::TempDir,
    answered: Arc<Mutex<Answered>>,
    calls: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Option<World> {
        let databases = Databases::on(database::server()?);
        let url = databases.fresh().await;
        let proxy = OutageProxy::before(&url).await;
        let carrier = Carrier::start(Duration::from_millis(3)).await;
        let data = tempfile::tempdir().expect("a temporary directory");
        let (answered, calls) = (Arc::default(), Arc::default());
        Some(World { databases, url, proxy, carrier, data, answered, calls })
    }

    fn start(&self) -> Server {
        let mut settings = self.carrier.settings();
        settings.push(("CORDBOARD_STORE__URL", self.proxy.url.as_str()));
        settings.push(("CORDBOARD_STORE__SPOOL__PROBE_MS", "50"));
        Server::start(Command::new(binary()), self.data.path(), &settings)
    }

    fn callers(&self, server: &Server) -> Callers {
        let over = Arc::new(AtomicBool::new(false));
        let mut talking = JoinSet::new();
        for _ in 0..CALLERS {
            talking.spawn(talk(server.url.clone(), self.calls.clone(), self.answered.clone(), over.clone()));
        }
        Callers { over, talking }
    }

    fn events(&self) -> u64 {
        self.answered.lock().events.values().sum()
    }

    /// Until so many more were answered.
    async fn answers(&self, more: u64) {
        let enough = self.events() + more;
        until("callers are answered", async || self.events() >= enough).await;
    }

    /// Until the carrier has heard of everything that was promised so far.
    async fn emergencies_left(&self) {
        let promised: Vec<String> = self.answered.lock().alerts.keys().cloned().collect();
        let has_left = |story: &String| self.carrier.asked().iter().any(|asked| asked.body.contains(story));
        until("emergencies leave", async || promised.iter().all(has_left)).await;
    }

    /// Once the tables hold everything.
    async fn check(self) {
        let home = database::open(&self.url).await;
        let answered = self.answered.lock();
        assert!(answered.alerts.len() > 10, "the callers had emergencies");
        check_events(&home, &answered).await;
        check_alerts(&home, &answered).await;
        check_texts(&home, &answered, &self.carrier).await;
        drop(answered);
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

/// One call after another. Whatever is answered is answered well.
async fn talk(url: String, calls: Arc<AtomicU64>, answered: Arc<Mutex<Answered>>, over: Arc<AtomicBool>) {
    let client = client();
    while !over.load(Ordering::Relaxed) {
        let number = calls.fetch_add(1, Ordering::Relaxed);
        let (call, story) = (format!("call-{number}"), format!("story {number} of a flooded cellar"));
        let conversation = [
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, "there is water everywhere", 3),
            alert(&call, &format!("tool-{number}"), &story),
        ];
        for message in conversation {
            let asks = message["type"] == "tool-calls";
            let Some((code, answer)) = send(&client, &url, message).await else { return };
            assert_eq!(code, 200, "{answer}");
            let mut answered = answered.lock();
            *answered.events.entry(call.clone()).or_default() += 1;
            if asks {
                let result = answer["results"][0]["result"].as_str().expect("a result").to_owned();
                let result: Value = serde_json::from_str(&result).unwrap_or_else(|_| panic!("an apology: {result}"));
                assert_eq!(result["sent"], true, "{result}");
                answered.alerts.insert(story.clone(), result["messagesSent"].as_u64().expect("a number"));
            }
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

/// Until nothing waits to be sent any more.
async fn settled(url: &str, data: &Path) {
    let token = std::fs::read_to_string(data.join("admin-token")).expect("written at the first start");
    for state in ["queued", "sending"] {
        let none = async || {
            let request = client().get(format!("{url}/api/sms?limit=1&state={state}")).bearer_auth(token.trim());
            let page: Value = request.send().await.expect("an answer").json().await.expect("JSON");
            page["items"].as_array().expect("a list").is_empty()
        };
        until("texts leave", none).await;
    }
}

fn key(call: &str) -> CallKey {
    let tenant = TenantId::parse("boreal").expect("the shipped tenant");
    CallKey { tenant, call: CallId::parse(call).expect("an id of ours") }
}

async fn check_events(home: &PostgresStore, answered: &Answered) {
    for (call, events) in &answered.events {
        let frames = home.timeline(&key(call), 0, 100).await.expect("a timeline");
        let seqs: Vec<u64> = frames.iter().map(|frame| frame.seq).collect();
        assert_eq!(seqs, (1..=frames.len() as u64).collect::<Vec<_>>(), "{call} has a gap");
        assert!(frames.len() as u64 >= *events, "{call}: {events} answered, {} there", frames.len());
        let state = home.load(&key(call)).await.expect("it can be read").expect("it is there").state;
        assert_eq!(state.seq, frames.len() as u64, "{call} is the fold of its frames");
    }
}

async fn check_alerts(home: &PostgresStore, answered: &Answered) {
    let wanted = AlertsWanted { limit: 100_000, ..AlertsWanted::default() };
    let alerts = home.alerts(&wanted).await.expect("they can be read");
    let calls: HashSet<_> =
        alerts.iter().filter_map(|alert| alert.call.as_ref()).map(|call| call.to_string()).collect();
    for story in answered.alerts.keys() {
        let call = format!("call-{}", story.split(' ').nth(1).expect("a number"));
        assert!(calls.contains(&call), "{call} has no alert");
    }
    for alert in &alerts {
        let receipt = home.receipt(alert.id).await.expect("it can be read");
        let seqs: Vec<u64> = receipt.iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, (1..=alert.entries).collect::<Vec<_>>(), "the receipt of {:?} has a gap", alert.call);
    }
}

async fn check_texts(home: &PostgresStore, answered: &Answered, carrier: &Carrier) {
    let (texts, log) = (home.latest(None, 100_000).await.expect("they can be read"), carrier.asked());
    for (story, promised) in &answered.alerts {
        let rows: Vec<_> = texts.iter().filter(|sms| sms.body.contains(story)).collect();
        let people: HashSet<_> = rows.iter().map(|sms| sms.to.as_str()).collect();
        assert_eq!((rows.len() as u64, people.len() as u64), (*promised, *promised), "rows and people of {story:?}");
        for sms in rows {
            let asked = log.iter().filter(|asked| asked.to == sms.to.as_str() && asked.body.contains(story)).count();
            let most = if sms.possible_duplicate { 2 } else { 1 };
            match sms.state {
                SmsState::Accepted | SmsState::Sent | SmsState::Delivered => {
                    assert!((1..=most).contains(&asked), "{story:?} accepted, and asked for {asked} times");
                    let attempts = home.attempts(sms.id).await.expect("they can be read");
                    assert!(attempts.iter().any(|attempt| attempt.provider_id == sms.provider_id), "{story:?}");
                }
                // Killed while it was being sent.
                SmsState::Unknown => assert!(asked <= most, "{story:?} unknown, and asked for {asked} times"),
                SmsState::Queued | SmsState::Sending if sms.possible_duplicate => assert!(asked <= most),
                other => panic!("{story:?} ended {other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_notice_nothing_of_a_postgres_that_is_gone_for_a_while() {
    for mode in [Mode::Stopped, Mode::Silent, Mode::Resetting] {
        let Some(world) = World::new().await else { return };
        let server = world.start();
        let callers = world.callers(&server);
        world.answers(30).await;
        world.proxy.be(mode);
        world.answers(80).await;
        let store = until_store_is("degraded", &server.url).await;
        assert!(store["troubles"][0].as_str().expect("why").contains("wait in the spool"), "{mode:?} {store}");
        world.emergencies_left().await;
        world.proxy.be(Mode::Passing);
        until_store_is("ok", &server.url).await;
        world.answers(30).await;
        callers.hang_up().await;
        settled(&server.url, world.data.path()).await;
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
    world.proxy.be(Mode::Stopped);
    world.answers(60).await;
    server.kill();
    callers.hang_up().await;
    let server = world.start();
    let store = until_store_is("degraded", &server.url).await;
    assert!(!store["troubles"][0].as_str().expect("why").contains(" 0 frames"), "the spool was found: {store}");
    let callers = world.callers(&server);
    world.answers(30).await;
    world.proxy.be(Mode::Passing);
    until_store_is("ok", &server.url).await;
    world.answers(30).await;
    callers.hang_up().await;
    settled(&server.url, world.data.path()).await;
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
    world.proxy.be(Mode::Stopped);
    let server = world.start();
    until_store_is("degraded", &server.url).await;
    world.proxy.be(Mode::Passing);
    until_store_is("ok", &server.url).await;
    assert_eq!(server.stop(), Some(0));
    world.databases.dropped().await;
}
