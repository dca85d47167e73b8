//! The real binary under load while somebody is killed: afterwards everything that was committed has been heard, each
//! call's frames in order, and no webhook has waited for the bus.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway::stores::Store;
use gateway::stores::sqlite::SqliteStore;
use serde_json::Value;
use tokio::task::JoinSet;

use super::database::{self, Databases};
use super::listener::{Heard, Listener, first_heard};
use super::nats_server::{NatsServer, program};
use super::server::{Server, alert, binary, client, send, spoken, status};

/// Callers at once.
const CALLERS: u64 = 4;

/// People who call and talk until they are told to stop.
struct Load {
    callers: JoinSet<()>,
    answered: Arc<AtomicU64>,
    enough: Arc<AtomicBool>,
}

impl Load {
    /// Calls of this `wave` have names of their own.
    fn on(url: &str, wave: &str) -> Load {
        let mut load = Load { callers: JoinSet::new(), answered: Arc::default(), enough: Arc::default() };
        for caller in 0..CALLERS {
            let (url, wave) = (url.to_owned(), wave.to_owned());
            load.callers.spawn(talk(url, format!("{wave}.{caller}"), load.answered.clone(), load.enough.clone()));
        }
        load
    }

    /// Returns when so many more webhooks have been answered.
    async fn goes_on(&self, more: u64) {
        let until = self.answered.load(Ordering::SeqCst) + more;
        while self.answered.load(Ordering::SeqCst) < until {
            assert!(!self.callers.is_empty(), "somebody still talks");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn ends(mut self) {
        self.enough.store(true, Ordering::SeqCst);
        while let Some(ended) = self.callers.join_next().await {
            ended.expect("every webhook was answered as it should be");
        }
    }
}

/// One call after another, until told to stop or the server is gone.
async fn talk(url: String, caller: String, answered: Arc<AtomicU64>, enough: Arc<AtomicBool>) {
    let client = client();
    for number in 0.. {
        // Names that would be several tokens, or a pattern, if they were told as they are.
        let call = format!("{caller}.{number} > *");
        let conversation = [
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, "there is water everywhere", 3),
            alert(&call, &format!("tool-{number}"), &format!("flooded cellar {number}")),
            spoken(&call, "please hurry", 4),
        ];
        for message in conversation {
            if enough.load(Ordering::SeqCst) {
                return;
            }
            let Some(answer) = send(&client, &url, &call, &message).await else { return };
            assert_eq!(answer.status, 200, "{}", answer.body);
            answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// What is kept: the frames of each call, each text's and each alert's state.
async fn kept(store: &dyn Store) -> Kept {
    let (mut kept, mut position) = (Kept::default(), 0);
    loop {
        let frames = store.frames_after(position, 1_000).await.expect("frames");
        let Some((last, _)) = frames.last() else { break };
        position = last.position;
        for (frame, _) in frames {
            kept.frames.entry(frame.call.call.as_str().to_owned()).or_default().push(frame.seq);
        }
    }
    for sms in engine::ports::SmsOutbox::latest(store, None, 100_000).await.expect("texts") {
        kept.states.insert(format!("sms {}", sms.id), sms.state.as_str().to_owned());
    }
    let all = engine::ports::AlertsWanted { limit: 100_000, ..Default::default() };
    for alert in store.alerts(&all).await.expect("alerts") {
        kept.states.insert(format!("alert {}", alert.id), format!("{} {}", alert.state.as_str(), alert.version));
    }
    kept
}

#[derive(Debug, Default, PartialEq)]
struct Kept {
    frames: std::collections::BTreeMap<String, Vec<u64>>,
    states: std::collections::BTreeMap<String, String>,
}

impl Kept {
    /// All frames, and the last that was said of each text and alert.
    fn of(heard: &[Heard]) -> Kept {
        let mut kept = Kept { frames: first_heard(heard), ..Kept::default() };
        for heard in heard {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            let (sms, alert) = (&heard.json["sms"], &heard.json["alert"]);
            match heard.json["type"].as_str() {
                Some("sms.updated") => kept.states.insert(format!("sms {}", text(&sms["id"])), text(&sms["state"])),
                Some("alert.updated") => {
                    let state = format!("{} {}", text(&alert["state"]), alert["version"]);
                    kept.states.insert(format!("alert {}", text(&alert["id"])), state)
                }
                _ => None,
            };
        }
        kept
    }
}

/// Waits until all that is kept was heard; says what was not.
async fn all_is_heard(listener: &Listener, store: &dyn Store) {
    for _ in 0..1_800 {
        let kept = kept(store).await;
        if Kept::of(&listener.heard()) == kept {
            assert!(kept.frames.len() > 10 && kept.states.len() > 10, "there was a load: {kept:?}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (kept, heard) = (kept(store).await, Kept::of(&listener.heard()));
    for (call, seqs) in &kept.frames {
        assert_eq!(heard.frames.get(call), Some(seqs), "frames of {call}");
    }
    assert_eq!(heard.states, kept.states);
}

/// Every message of a call has the subject of its call, and the id of its frame.
fn named_as_documented(heard: &[Heard]) {
    for heard in heard.iter().filter(|heard| heard.json["type"] == "call.updated") {
        let call = gateway::bus::escape(heard.json["call"]["id"].as_str().expect("an id"));
        assert_eq!(heard.subject, format!("cordboard.calls.boreal.{call}"));
        assert_eq!(heard.id, Some(format!("calls.boreal.{call}.{}", heard.json["seq"])));
    }
}

fn settings(nats: &NatsServer) -> Vec<(&'static str, String)> {
    vec![("CORDBOARD_BUS__URL", nats.url()), ("CORDBOARD_LOG", "error".to_owned())]
}

fn start(data: &Path, settings: &[(&'static str, String)]) -> Server {
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start(Command::new(binary()), data, &settings)
}

async fn bus_of(server: &Server) -> Value {
    let ready = client().get(format!("{}/readyz", server.url)).send().await.expect("an answer");
    assert_eq!(ready.status(), 200, "a bus that is away does not make a server useless");
    ready.json::<Value>().await.expect("JSON")["dependencies"]["bus"].clone()
}

async fn until_the_bus_is(server: &Server, state: &str) -> Value {
    for _ in 0..600 {
        let bus = bus_of(server).await;
        if bus["state"] == state {
            return bus;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the bus never is {state}: {}", bus_of(server).await);
}

async fn opened(data: &Path) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&data.join("cordboard.db"), 2).await.expect("the store opens"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_heard_though_the_bus_is_killed_in_mid_load() {
    let Some(program) = program() else { return };
    let data = tempfile::tempdir().expect("a temporary directory");
    bus_killed(NatsServer::start(program, "").await, data.path(), &[], None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_heard_though_the_bus_is_killed_in_mid_load_on_postgres() {
    let (Some(program), Some(server)) = (program(), database::server()) else { return };
    let (data, databases) = (tempfile::tempdir().expect("a temporary directory"), Databases::on(server));
    let url = databases.fresh().await;
    let store: Arc<dyn Store> = Arc::new(database::open(&url).await);
    let in_postgres = [("CORDBOARD_STORE__URL", url)];
    bus_killed(NatsServer::start(program, "").await, data.path(), &in_postgres, Some(store)).await;
    databases.dropped().await;
}

async fn bus_killed(mut nats: NatsServer, data: &Path, also: &[(&'static str, String)], store: Option<Arc<dyn Store>>) {
    let listener = Listener::to(&nats.url(), "cordboard.>").await;
    let server = start(data, &[settings(&nats).as_slice(), also].concat());
    let store = if let Some(store) = store { store } else { opened(data).await };
    let load = Load::on(&server.url, "wave");
    for _ in 0..3 {
        load.goes_on(60).await;
        nats.kill();
        load.goes_on(60).await;
        let bus = until_the_bus_is(&server, "degraded").await;
        assert!(bus["troubles"][0].as_str().is_some_and(|why| why.starts_with("not connected (")), "{bus}");
        nats.start_again().await;
        load.goes_on(60).await;
    }
    load.ends().await;
    all_is_heard(&listener, &*store).await;
    named_as_documented(&listener.heard());
    assert_eq!(until_the_bus_is(&server, "ok").await["kind"], nats.url().replace("nats://", "nats "));
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_heard_though_the_server_is_killed_in_mid_load() {
    let Some(program) = program() else { return };
    let (nats, data) = (NatsServer::start(program, "").await, tempfile::tempdir().expect("a temporary directory"));
    let listener = Listener::to(&nats.url(), "cordboard.>").await;
    for round in 0..5 {
        let server = start(data.path(), &settings(&nats));
        let load = Load::on(&server.url, &format!("wave {round}"));
        load.goes_on(20 + 13 * round).await;
        server.kill();
        load.ends().await;
    }
    let server = start(data.path(), &settings(&nats));
    all_is_heard(&listener, &*opened(data.path()).await).await;
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_takes_nothing_keeps_no_webhook_waiting_and_hears_it_all_afterwards() {
    let Some(program) = program() else { return };
    let (nats, data) = (NatsServer::start(program, "").await, tempfile::tempdir().expect("a temporary directory"));
    let listener = Listener::to(&nats.url(), "cordboard.>").await;
    let patience = [("CORDBOARD_BUS__ANSWER_TIMEOUT_MS", "1000".to_owned())];
    let server = start(data.path(), &[settings(&nats).as_slice(), &patience].concat());
    let load = Load::on(&server.url, "wave");
    load.goes_on(20).await;
    nats.freeze();
    load.goes_on(200).await;
    until_the_bus_is(&server, "degraded").await;
    load.goes_on(200).await;
    nats.thaw();
    load.ends().await;
    all_is_heard(&listener, &*opened(data.path()).await).await;
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_and_works_without_its_bus_and_tells_it_all_when_it_comes() {
    let Some(program) = program() else { return };
    let (mut nats, data) = (NatsServer::absent(program), tempfile::tempdir().expect("a temporary directory"));
    let server = start(data.path(), &settings(&nats));
    let load = Load::on(&server.url, "wave");
    load.goes_on(100).await;
    until_the_bus_is(&server, "degraded").await;
    let listener = Listener::waiting(&nats.url(), "cordboard.>").await;
    nats.start_again().await;
    load.goes_on(50).await;
    load.ends().await;
    all_is_heard(&listener, &*opened(data.path()).await).await;
    until_the_bus_is(&server, "ok").await;
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_is_configured_later_hears_what_is_new() {
    let Some(program) = program() else { return };
    let (nats, data) = (NatsServer::start(program, "").await, tempfile::tempdir().expect("a temporary directory"));
    let listener = Listener::to(&nats.url(), "cordboard.>").await;
    let before = start(data.path(), &[]);
    let load = Load::on(&before.url, "before");
    load.goes_on(30).await;
    load.ends().await;
    assert_eq!(before.stop(), Some(0));
    let server = start(data.path(), &settings(&nats));
    let load = Load::on(&server.url, "after");
    load.goes_on(30).await;
    load.ends().await;
    let heard = listener.until(|heard| first_heard(heard).keys().any(|call| call.starts_with("after"))).await;
    assert!(!first_heard(&heard).keys().any(|call| call.starts_with("before")));
}
