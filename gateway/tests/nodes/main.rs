//! Several nodes on one Postgres: the real binary, more than once. One of them leads; calls may be spoken of at any.

#[path = "../durability/carrier.rs"]
mod carrier;
#[path = "../support/database.rs"]
mod database;
// These stories use another part of it.
#[allow(dead_code)]
#[path = "../durability/server.rs"]
mod server;

mod election;

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use carrier::Carrier;
use database::Databases;
use engine::ids::{CallId, CallKey, TenantId};
use engine::ports::{CallStore, SmsOutbox};
use engine::sms::{Sms, SmsState};
use gateway::stores::postgres::PostgresStore;
use parking_lot::Mutex;
use serde_json::Value;
use server::{Server, alert, binary, client, send, spoken, status};
use tempfile::TempDir;
use tokio::sync::RwLock;
use tokio::task::JoinSet;

/// Callers at once.
const CALLERS: usize = 6;

struct Node {
    server: Server,
    data: TempDir,
}

/// One database, one carrier, callers who talk to whatever nodes there are, and what they were answered.
struct World {
    databases: Databases,
    url: String,
    carrier: Carrier,
    /// Where callers send: the load balancer's list. It is held while a request is on its way.
    targets: Arc<RwLock<Vec<String>>>,
    heard: Arc<Heard>,
    callers: JoinSet<()>,
}

#[derive(Default)]
struct Heard {
    calls: AtomicU64,
    /// Events answered with 200, per call.
    events: Mutex<HashMap<String, u64>>,
    /// Stories of the alerts that were answered with `sent`.
    stories: Mutex<Vec<String>>,
    /// Whatever else was answered, or not at all.
    failures: Mutex<Vec<String>>,
}

impl Heard {
    fn events(&self) -> u64 {
        self.events.lock().values().sum()
    }
}

impl World {
    async fn new(server: String) -> World {
        let databases = Databases::on(server);
        World {
            url: databases.fresh().await,
            databases,
            carrier: Carrier::start(Duration::from_millis(3)).await,
            targets: Arc::default(),
            heard: Arc::default(),
            callers: JoinSet::new(),
        }
    }

    fn node(&self) -> Node {
        let data = tempfile::tempdir().expect("a temporary directory");
        let settings = [self.carrier.settings().as_slice(), &[("CORDBOARD_STORE__URL", &*self.url)]].concat();
        Node { server: Server::start(Command::new(binary()), data.path(), &settings), data }
    }

    /// From now on by these alone; what was on its way to others has been answered.
    async fn is_served_by<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) {
        *self.targets.write().await = nodes.into_iter().map(|node| node.server.url.clone()).collect();
    }

    fn callers_talk(&mut self) {
        for _ in 0..CALLERS {
            self.callers.spawn(talk(self.targets.clone(), self.heard.clone()));
        }
    }

    /// Until callers were answered so often more.
    async fn hears(&self, more: u64) {
        let enough = self.heard.events() + more;
        while self.heard.events() < enough {
            tokio::task::yield_now().await;
        }
    }

    /// Callers hang up; waits until `node` has nothing more to send, and reads what is recorded.
    async fn ends(mut self, node: Node) -> Ended {
        self.is_served_by([]).await;
        while self.callers.join_next().await.is_some() {}
        settled(&node).await;
        assert_eq!(node.server.stop(), Some(0), "SIGTERM ends a node cleanly");
        let store = database::open(&self.url).await;
        let texts = store.latest(None, 100_000).await.expect("messages");
        Ended { world: self, store, texts }
    }
}

/// What is left when all is done.
struct Ended {
    world: World,
    store: PostgresStore,
    texts: Vec<Sms>,
}

impl Ended {
    async fn every_call_has_one_history_with_all_that_was_acknowledged(&self) {
        let tenant = TenantId::parse("boreal").expect("the shipped tenant");
        let events = self.world.heard.events.lock().clone();
        assert!(events.len() > 5, "callers talked");
        for (call, acknowledged) in events {
            let key = CallKey { tenant: tenant.clone(), call: CallId::parse(&call).expect("an id of ours") };
            let frames = self.store.timeline(&key, 0, 100).await.expect("a timeline");
            let seqs: Vec<u64> = frames.iter().map(|frame| frame.seq).collect();
            assert_eq!(seqs, (1..=frames.len() as u64).collect::<Vec<_>>(), "{call} has a gap");
            assert!(seqs.len() as u64 >= acknowledged, "{call}: {acknowledged} acknowledged, {} there", seqs.len());
        }
    }

    /// `may_be_unknown`: somebody died with texts in hand.
    fn every_promise_was_kept_once(&self, may_be_unknown: bool) {
        let asked = self.world.carrier.asked();
        let stories = self.world.heard.stories.lock();
        assert!(stories.len() > 5, "callers raised alarms");
        for story in stories.iter() {
            let rows: Vec<_> = self.texts.iter().filter(|sms| sms.body.contains(story)).collect();
            assert!(!rows.is_empty(), "{story} was promised");
            for sms in rows {
                let to = |asked: &&carrier::Asked| asked.to == sms.to.as_str() && asked.body.contains(story);
                let times = asked.iter().filter(to).count();
                let most = if sms.possible_duplicate { 2 } else { 1 };
                assert!(times <= most, "{story} was sent {times} times");
                let lost = sms.state == SmsState::Unknown || sms.possible_duplicate;
                assert!(times == 1 || (may_be_unknown && lost), "{story}: {:?}, sent {times} times", sms.state);
            }
        }
    }

    async fn dropped(self) {
        self.store.close().await;
        self.world.databases.dropped().await;
    }
}

/// One caller after another, each event to the next node, until there are no nodes.
async fn talk(targets: Arc<RwLock<Vec<String>>>, heard: Arc<Heard>) {
    let client = client();
    loop {
        let number = heard.calls.fetch_add(1, Ordering::Relaxed);
        let (call, story) = (format!("call-{number}"), format!("story {number} of a flooded cellar"));
        let conversation = [
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, "there is water everywhere", 3),
            alert(&call, &format!("tool-{number}"), &story),
            spoken(&call, "please hurry", 4),
        ];
        for (nth, message) in conversation.into_iter().enumerate() {
            let targets = targets.read().await;
            let Some(url) = targets.get(nth % targets.len().max(1)) else { return };
            match send(&client, url, message).await {
                Some((200, answer)) => {
                    *heard.events.lock().entry(call.clone()).or_default() += 1;
                    if promised(&answer) {
                        heard.stories.lock().push(story.clone());
                    }
                }
                other => heard.failures.lock().push(format!("{url}: {other:?}")),
            }
        }
    }
}

fn promised(answer: &Value) -> bool {
    let result = answer["results"][0]["result"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    result.is_some_and(|result| result["sent"] == true)
}

/// Waits until no message is queued or being sent any more.
async fn settled(node: &Node) {
    let token = std::fs::read_to_string(node.data.path().join("admin-token")).expect("written at the first start");
    let client = client();
    loop {
        let request = client.get(format!("{}/api/sms?limit=500", node.server.url)).bearer_auth(token.trim());
        let page: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        let open = |sms: &Value| matches!(sms["state"].as_str(), Some("queued" | "sending"));
        if !page["items"].as_array().expect("a list").iter().any(open) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// As deploy/README.md tells it: the new one first, then its turn, then the old one stops.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_from_node_to_node_answers_everything_and_loses_nothing() {
    let Some(server) = database::server() else { return };
    let mut world = World::new(server).await;
    let mut old = world.node();
    world.is_served_by([&old]).await;
    world.callers_talk();
    for _ in 0..3 {
        world.hears(40).await;
        let new = world.node();
        world.is_served_by([&old, &new]).await;
        world.hears(20).await;
        world.is_served_by([&new]).await;
        assert_eq!(old.server.stop(), Some(0), "SIGTERM ends a node cleanly");
        old = new;
    }
    world.hears(40).await;
    let ended = world.ends(old).await;
    assert_eq!(*ended.world.heard.failures.lock(), Vec::<String>::new(), "every webhook was answered with 200");
    ended.every_call_has_one_history_with_all_that_was_acknowledged().await;
    ended.every_promise_was_kept_once(false);
    ended.dropped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_node_that_leads_is_killed_another_one_keeps_its_promises() {
    let Some(server) = database::server() else { return };
    let mut world = World::new(server).await;
    let mut leading = world.node();
    world.is_served_by([&leading]).await;
    world.callers_talk();
    for _ in 0..3 {
        let next = world.node();
        world.is_served_by([&leading, &next]).await;
        world.hears(50).await;
        leading.server.kill();
        world.is_served_by([&next]).await;
        leading = next;
    }
    world.hears(40).await;
    let ended = world.ends(leading).await;
    ended.every_call_has_one_history_with_all_that_was_acknowledged().await;
    ended.every_promise_was_kept_once(true);
    ended.dropped().await;
}
