//! Several nodes on one Postgres: the real binary, more than once. One of them leads; calls may be spoken of at any.

#[path = "../durability/carrier.rs"]
mod carrier;
// These stories use another part of what they share with those about one server.
#[allow(unused_imports)]
#[path = "../support/checker/mod.rs"]
mod checker;
#[path = "../support/database.rs"]
mod database;
#[allow(dead_code)]
#[path = "../durability/load.rs"]
mod load;
#[path = "../support/proxy.rs"]
mod proxy;
#[allow(dead_code)]
#[path = "../durability/server.rs"]
mod server;

mod apart;
mod bell;
mod election;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use carrier::Carrier;
use checker::{Book, History, Invariant};
use database::Databases;
use load::Load;
use parking_lot::Mutex;
use server::{Server, alert, binary, client, settled, spoken, status, until_all_is_home};
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
    load: Load,
    /// Whatever was answered with something else than 200, or not at all.
    failures: Arc<Mutex<Vec<String>>>,
    callers: JoinSet<()>,
}

impl World {
    async fn new(server: String) -> World {
        let databases = Databases::on(server);
        World {
            url: databases.fresh().await,
            databases,
            carrier: Carrier::start(Duration::from_millis(3)).await,
            targets: Arc::default(),
            load: Load::default(),
            failures: Arc::default(),
            callers: JoinSet::new(),
        }
    }

    fn node(&self) -> Node {
        self.node_on(tempfile::tempdir().expect("a temporary directory"))
    }

    fn node_on(&self, data: TempDir) -> Node {
        self.node_with(data, &[("CORDBOARD_STORE__URL", &self.url)])
    }

    fn node_with(&self, data: TempDir, settings: &[(&str, &str)]) -> Node {
        let settings = [self.carrier.settings().as_slice(), settings].concat();
        Node { server: Server::start(Command::new(binary()), data.path(), &settings), data }
    }

    /// From now on by these alone; what was on its way to others has been answered.
    async fn is_served_by<'a>(&self, nodes: impl IntoIterator<Item = &'a Node>) {
        *self.targets.write().await = nodes.into_iter().map(|node| node.server.url.clone()).collect();
    }

    fn callers_talk(&mut self) {
        for caller in 0..CALLERS {
            self.callers.spawn(talk(caller, self.targets.clone(), self.load.clone(), self.failures.clone()));
        }
    }

    /// Until callers were answered so often more.
    async fn hears(&self, more: usize) {
        self.load.reaches(self.load.acknowledged() + more).await;
    }

    async fn ends_well(self, node: Node) {
        let history = self.ends(node).await;
        assert!(history.book.texts.len() > 20, "the callers raised alarms");
    }

    /// Callers hang up; once `node` has nothing more to send, the checker looks at what is recorded.
    async fn ends(mut self, node: Node) -> History {
        self.is_served_by([]).await;
        while self.callers.join_next().await.is_some() {}
        until_all_is_home(&node.server.url).await;
        settled(&node.server.url, node.data.path()).await;
        until_all_is_home(&node.server.url).await;
        assert_eq!(node.server.stop(), Some(0), "SIGTERM ends a node cleanly");
        let told = self.load.log.lock().clone();
        let book = Book::read(&self.url).await;
        let history = History { told, asked: self.carrier.asked(), book, ..History::default() };
        use Invariant::*;
        history.verdict().assert_holds(&[I1, I2, I3, I4, I5, I6, I7, I9]);
        self.databases.dropped().await;
        history
    }
}

/// One call after another, each event at the next node, until there are no nodes.
async fn talk(caller: usize, targets: Arc<RwLock<Vec<String>>>, load: Load, failures: Arc<Mutex<Vec<String>>>) {
    let client = client();
    for number in 0.. {
        let (call, tool) = (format!("call-{caller}-{number}"), format!("tool-{caller}-{number}"));
        let asks = alert(&call, &tool, &format!("story {caller}-{number} of a flooded cellar"));
        let conversation = [
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, &format!("there is water everywhere, says caller {caller}-{number}"), 3),
            asks.clone(),
            // The platform repeats itself, at another node.
            asks,
        ];
        for (nth, message) in conversation.iter().enumerate() {
            let targets = targets.read().await;
            let Some(url) = targets.get(nth % targets.len().max(1)) else { return };
            match load.tell(&client, url, message).await {
                Some(answer) if answer.status == 200 => {}
                other => failures.lock().push(format!("{url}: {other:?}")),
            }
        }
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
        until_all_is_home(&old.server.url).await;
        assert_eq!(old.server.stop(), Some(0), "SIGTERM ends a node cleanly");
        old = new;
    }
    world.hears(40).await;
    assert_eq!(*world.failures.lock(), Vec::<String>::new(), "every webhook was answered with 200");
    world.ends_well(old).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_node_that_leads_is_killed_another_one_keeps_its_promises() {
    let Some(server) = database::server() else { return };
    let mut world = World::new(server).await;
    let (mut leading, mut left) = (world.node(), Vec::new());
    world.is_served_by([&leading]).await;
    world.callers_talk();
    for _ in 0..3 {
        let next = world.node();
        world.is_served_by([&leading, &next]).await;
        world.hears(50).await;
        leading.server.kill();
        left.push(leading.data);
        world.is_served_by([&next]).await;
        leading = next;
    }
    world.hears(40).await;
    // Postgres may have been late for one of them, and what it acknowledged then is on its own disk.
    for data in left {
        let again = world.node_on(data);
        until_all_is_home(&again.server.url).await;
        assert_eq!(again.server.stop(), Some(0), "SIGTERM ends a node cleanly");
    }
    world.ends_well(leading).await;
}
