//! Callers who talk to a server one call after another, and write down what they were told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::checker::{Said, Told};
use super::server::{Answer, STALLED, alert, client, report, send, spoken, status};

/// The tenant of the shipped playbook.
pub const TENANT: &str = "boreal";

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Served,
    Refused,
    Unanswered,
}

#[derive(Clone, Default)]
pub struct Load {
    /// What was acknowledged.
    pub log: Arc<Mutex<Vec<Told>>>,
    more: Arc<Notify>,
    numbers: Arc<AtomicU64>,
}

impl Load {
    /// So many callers at once, each until it gets no answer. Who is refused tries with another call: a server may be
    /// busy.
    pub fn callers(&self, url: &str, callers: usize) -> JoinSet<()> {
        self.talk(url, callers, |ended| ended == Ended::Unanswered)
    }

    /// The same, each until it is refused or gets no answer.
    pub fn callers_until_refused(&self, url: &str, callers: usize) -> JoinSet<()> {
        self.talk(url, callers, |ended| ended != Ended::Served)
    }

    /// The same, until they are stopped.
    pub fn callers_who_insist(&self, url: &str, callers: usize) -> JoinSet<()> {
        self.talk(url, callers, |_| false)
    }

    fn talk(&self, url: &str, callers: usize, is_over: fn(Ended) -> bool) -> JoinSet<()> {
        let mut talking = JoinSet::new();
        for _ in 0..callers {
            let (load, url) = (self.clone(), url.to_owned());
            talking.spawn(async move { while !is_over(load.call(&url).await) {} });
        }
        talking
    }

    /// One call from its first ring, every second one to its report.
    async fn call(&self, url: &str) -> Ended {
        let client = client();
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let call = format!("call-{number}");
        let asks = alert(&call, &format!("tool-{number}"), &format!("story {number} of a flooded cellar"));
        let mut conversation = vec![
            status(&call, "ringing", 1),
            status(&call, "in-progress", 2),
            spoken(&call, &format!("there is water everywhere, says caller {number}"), 3),
            asks.clone(),
            // The platform repeats itself.
            asks,
        ];
        if number.is_multiple_of(2) {
            conversation.push(report(&call, 9));
        }
        for message in conversation {
            let Some(answer) = self.tell(&client, url, &message).await else { return Ended::Unanswered };
            if answer.status != 200 || answer.body.contains("\"error\"") {
                return Ended::Refused;
            }
        }
        Ended::Served
    }

    /// Sends one message and writes down what it was answered, if that acknowledges it.
    pub async fn tell(&self, client: &reqwest::Client, url: &str, message: &Value) -> Option<Answer> {
        let request = format!("r{}", self.numbers.fetch_add(1, Ordering::Relaxed));
        let answer = send(client, url, &request, message).await?;
        self.log.lock().extend(Told::of(&request, TENANT, message, answer.status, &answer.body));
        self.more.notify_waiters();
        Some(answer)
    }

    /// Asks once more what was acknowledged in another life of the server.
    pub async fn ask_again(&self, url: &str) {
        let asked = self.log.lock().iter().rev().find_map(|told| match &told.said {
            Said::Tool(id) => Some((told.call.clone(), id.clone())),
            _ => None,
        });
        let Some((call, tool)) = asked else { return };
        let number = tool.trim_start_matches("tool-");
        let asks = alert(&call, &tool, &format!("story {number} of a flooded cellar"));
        self.tell(&client(), url, &asks).await;
    }

    pub fn acknowledged(&self) -> usize {
        self.log.lock().len()
    }

    /// Returns when so many were acknowledged in all.
    pub async fn reaches(&self, acknowledged: usize) {
        loop {
            let more = self.more.notified();
            if self.acknowledged() >= acknowledged {
                return;
            }
            let stalled = timeout(STALLED, more).await.is_err();
            assert!(!stalled, "{} acknowledged, and no more for {STALLED:?}", self.acknowledged());
        }
    }
}
