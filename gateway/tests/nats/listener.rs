//! Somebody who listens: nats-py in a process of its own where `ORACLE_NATS_PY` says there is one, else the client we
//! publish with.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::StreamExt;
use gateway::bus::Address;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;

/// Longest anything awaited may take, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Clone, Debug, Deserialize)]
pub struct Heard {
    pub subject: String,
    pub id: Option<String>,
    pub json: Value,
}

pub struct Listener {
    heard: Arc<Mutex<Vec<Heard>>>,
    foreign: Option<Child>,
}

impl Listener {
    /// Listens when this returns.
    pub async fn to(url: &str, subject: &str) -> Listener {
        match std::env::var_os("ORACLE_NATS_PY") {
            Some(python) => Listener::foreign(Command::new(python), url, subject),
            None => Listener::own(url, subject).await,
        }
    }

    fn foreign(mut python: Command, url: &str, subject: &str) -> Listener {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/nats/listen.py");
        let command = python.args([script, url, subject]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().expect("ORACLE_NATS_PY is python with nats-py");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (heard, (ready, is_ready)) = (Arc::new(Mutex::new(Vec::new())), mpsc::channel());
        let kept = heard.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    Ok(message) => kept.lock().push(message),
                    Err(_) => ready.send(()).unwrap_or_default(),
                }
            }
        });
        is_ready.recv_timeout(PATIENCE).expect("nats-py connects");
        Listener { heard, foreign: Some(child) }
    }

    pub async fn own(url: &str, subject: &str) -> Listener {
        // As other clients do.
        let options = async_nats::ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_secs(2));
        let listener = Listener::with(options, url, subject).await;
        listener.1.flush().await.expect("subscribed");
        listener.0
    }

    /// Listens as soon as there is a server.
    pub async fn waiting(url: &str, subject: &str) -> Listener {
        let options = async_nats::ConnectOptions::new().reconnect_delay_callback(|_| Duration::from_millis(100));
        Listener::with(options.retry_on_initial_connect(), url, subject).await.0
    }

    async fn with(options: ConnectOptions, url: &str, subject: &str) -> (Listener, Client) {
        let address = Address::parse(url).expect("an address");
        let client = address.login(options).connect(address.servers()).await.expect("a client");
        let mut messages = client.subscribe(subject.to_owned()).await.expect("subscribed");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
                let json = serde_json::from_slice(&message.payload).expect("JSON");
                let id = id.map(|id| id.as_str().to_owned());
                kept.lock().push(Heard { subject: message.subject.to_string(), id, json });
            }
        });
        (Listener { heard, foreign: None }, client)
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().clone()
    }

    /// Waits until what was heard is enough, and returns it.
    pub async fn until(&self, enough: impl Fn(&[Heard]) -> bool) -> Vec<Heard> {
        let waiting = async {
            while !enough(&self.heard.lock()) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        let heard = self.heard();
        assert!(waited.is_ok(), "never heard enough: {} messages, the last {:#?}", heard.len(), heard.last());
        heard
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(child) = &mut self.foreign {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The `seq`s of each call, by its id, in the order in which they were heard for the first time.
pub fn first_heard(heard: &[Heard]) -> BTreeMap<String, Vec<u64>> {
    let mut seqs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for message in heard.iter().filter(|heard| heard.json["type"] == "call.updated") {
        let call = message.json["call"]["id"].as_str().expect("an id").to_owned();
        let seq = message.json["seq"].as_u64().expect("a number");
        let of_call = seqs.entry(call).or_default();
        if !of_call.contains(&seq) {
            of_call.push(seq);
        }
    }
    seqs
}
