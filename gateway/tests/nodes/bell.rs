//! Nodes that wake each other through a real Postgres.

use std::sync::Arc;
use std::time::Duration;

use actors::Limits;
use actors::alerts::Alerts;
use actors::bus::LocalBus;
use actors::system::{Ports, Senders, System};
use actors::tenants::Tenants;
use async_trait::async_trait;
use engine::alert::{Alert, AlertState, How};
use engine::call::Event;
use engine::ids::EventKey;
use engine::playbook::Playbook;
use engine::ports::{Bell, Clock, Forwarder, Post, SystemClock, Update};
use engine::testing::memory::{MemoryProvider, MemoryPusher, MemoryTelephony};
use engine::testing::{contracts, fixtures};
use engine::tools::Lost;
use gateway::stores::postgres::{PostgresBell, PostgresElection, PostgresStore};
use serde_json::json;
use sqlx::Executor;
use sqlx::postgres::PgListener;
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

use crate::database::{self, Databases, server};
use crate::{World, alert, client};

/// Longer than any test: whoever waits for the clock to look waits in vain.
const NEVER: Duration = Duration::from_secs(24 * 3_600);
/// So that what is never heard fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn bell(url: &str) -> PostgresBell {
    PostgresBell::new(&database::settings(url)).expect("a URL of ours")
}

#[tokio::test]
async fn bells_on_postgres_keep_their_contract() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    contracts::bell(async || {
        let url = databases.fresh().await;
        (bell(&url), bell(&url))
    })
    .await;
    databases.dropped().await;
}

#[tokio::test]
async fn who_listens_knows_when_nothing_more_is_heard_and_may_listen_again() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let (listens, rings) = (bell(&url), bell(&url));
    let mut ear = listens.listen().await.unwrap();
    let ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
                 WHERE datname = current_database() AND application_name = 'cordboard bell'";
    let mut connection = database::connect(&url).await;
    connection.execute(ended).await.unwrap();
    assert!(ear.heard().await.is_err());
    drop(ear);
    let mut ear = listens.listen().await.unwrap();
    // Anybody may say anything on the channel.
    connection.execute("SELECT pg_notify('cordboard_owed', 'of no alert')").await.unwrap();
    assert_eq!(ear.heard().await.unwrap(), []);
    rings.ring(&[]).await.unwrap();
    assert_eq!(ear.heard().await.unwrap(), []);
    databases.dropped().await;
}

const PLAYBOOK: &str = r#"
tenant = "acme"
name = "Acme Drains"
language = "en"
[contacts]
owner = { phone = "+15145550110" }
[rosters.emergency]
steps = [{ contacts = ["owner"], by = ["sms", "call"] }]
[priorities.P1]
reason = "emergency"
phrases = ["flood"]
roster = "emergency"
text_within_s = 0
acknowledge_within_s = 3600
[priorities.P2]
reason = "municipal"
phrases = ["city of"]
text = ["owner"]
text_within_s = 120
[priorities.P3]
reason = "roots"
phrases = ["roots"]
text = ["owner"]
text_within_s = 3600
[priorities.P4]
reason = "standard"
text = ["owner"]
text_within_s = 1800
[reception]
assistant = "assistant-acme"
[templates.alert]
en = "{{ business }} {{ priority }}: {{ message }}"
fr = "{{ business }} {{ priority }}: {{ message }}"
"#;

/// A node in this process that looks by itself never.
struct Node {
    system: System,
    sent: mpsc::UnboundedReceiver<String>,
    heard: broadcast::Receiver<Update>,
}

impl Node {
    async fn start(url: &str, name: &str) -> Node {
        let store = Arc::new(PostgresStore::open(&database::settings(url)).await.expect("a store opens"));
        let feed = LocalBus::new(1_000);
        let heard = feed.subscribe();
        let (tell, sent) = mpsc::unbounded_channel();
        let provider = MemoryProvider::answering(move |sms| {
            let _ = tell.send(sms.contact.to_string());
            Some(engine::sms::SendOutcome::Accepted { provider_id: MemoryProvider::id_of(sms) })
        });
        let election = PostgresElection::new(&database::settings(url), name.to_owned()).expect("a URL of ours");
        let ports = Ports {
            calls: store.clone(),
            outbox: store.clone(),
            ledger: store.clone(),
            opt_outs: store.clone(),
            alerts: store,
            provider: Arc::new(provider),
            reports: None,
            bus: Arc::new(feed.clone()),
            feed,
            outside: None,
            cache: None,
            control: None,
            forwarder: Arc::new(Nobody),
            telephony: Arc::new(MemoryTelephony::default()),
            pusher: Arc::new(MemoryPusher::default()),
            clock: Arc::new(SystemClock),
            election: Some(Arc::new(election)),
            bell: Some(Arc::new(bell(url))),
            watch: None,
        };
        let tenants = Tenants::new([Playbook::parse(PLAYBOOK, "acme.toml").expect("a playbook")]);
        let senders = Senders { names: vec!["+15005550006".to_owned()], per_second: None, ..Senders::default() };
        let limits = Limits { pool_tick: NEVER, alerts_sweep: NEVER, ..Limits::default() };
        Node { system: System::start(ports, tenants, senders, limits).await.expect("it starts"), sent, heard }
    }

    async fn is_asked_for_an_alert(&self) {
        let kind = fixtures::tool_call("t1", "sendSMSAlert", json!({ "priority": "P1", "message": "a flood" }));
        let (key, at) = (EventKey::new("ev:1"), SystemClock.now());
        let event = Event { key, at, parties: fixtures::parties(), kind };
        self.system.calls.apply(&fixtures::key("c1"), "test", vec![event]).await.expect("it is committed");
    }

    /// What this node itself tells of the alert: it looks after it.
    async fn tells_of_an_alert(&mut self, state: AlertState) -> Arc<Alert> {
        loop {
            match self.heard.recv().await.expect("it runs") {
                Update::Alert { alert } if alert.state == state => return alert,
                _ => {}
            }
        }
    }

    fn alerts(&self) -> &Alerts {
        &self.system.alerts
    }
}

struct Nobody;

#[async_trait]
impl Forwarder for Nobody {
    async fn post(&self, _: Post<'_>) -> Result<String, Lost> {
        std::future::pending().await
    }
}

/// Until the session that listens is there: a look by the clock would hide that it is not.
async fn somebody_listens(url: &str) {
    let listens = "DO $$ BEGIN WHILE (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'cordboard bell' AND state = 'idle' AND query ILIKE 'LISTEN%') = 0 LOOP \
                   PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$";
    database::connect(url).await.execute(listens).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_commits_the_one_that_leads_sends_and_looks_after_without_looking() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.fresh().await;
    let mut leads = Node::start(&url, "a").await;
    let other = Node::start(&url, "b").await;
    assert!(leads.system.lead.held() && !other.system.lead.held());
    timeout(PATIENCE, somebody_listens(&url)).await.expect("who leads listens");
    other.is_asked_for_an_alert().await;
    let sent = timeout(PATIENCE, leads.sent.recv()).await.expect("it is sent though nobody looks");
    assert_eq!(sent.as_deref(), Some("owner"));
    let alert = timeout(PATIENCE, leads.tells_of_an_alert(AlertState::Open)).await.expect("it is looked after");
    other.alerts().acknowledge(alert.id, "jo", How::Api).await.unwrap().expect("it is known there");
    timeout(PATIENCE, leads.tells_of_an_alert(AlertState::Acknowledged)).await.expect("who looks after it hears so");
    for node in [leads, other] {
        node.system.stop(tokio::time::Instant::now()).await;
    }
    databases.dropped().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_rings_where_it_does_not_lead_and_listens_where_it_does() {
    let Some(server) = server() else { return };
    let world = World::new(server).await;
    let leads = world.node();
    let other = world.node();
    timeout(PATIENCE, somebody_listens(&world.url)).await.expect("who leads listens");
    let mut listener = PgListener::connect(&world.url).await.unwrap();
    listener.listen("cordboard_owed").await.unwrap();
    let answer = world.load.tell(&client(), &other.server.url, &alert("call-1", "tool-1", "a flooded cellar")).await;
    assert_eq!(answer.expect("an answer").status, 200);
    let rung = timeout(PATIENCE, listener.recv()).await.expect("it is rung").unwrap();
    assert!(rung.payload().is_empty() || rung.payload().split(' ').all(|id| id.len() == 32), "{rung:?}");
    for node in [other, leads] {
        assert_eq!(node.server.stop(), Some(0), "SIGTERM ends a node cleanly");
    }
    drop(listener);
    world.databases.dropped().await;
}
