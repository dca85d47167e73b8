//! What a load balancer and an operator see meanwhile: `/readyz`, asked five times a second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{interval, sleep};

const EVERY: Duration = Duration::from_millis(200);

/// What was seen at one moment.
#[derive(Clone, Debug)]
pub struct Look {
    pub at: Instant,
    /// 0 when no answer came.
    pub code: u16,
    pub is_ok: bool,
    /// What it says of the store, without its figures; empty when it says nothing.
    pub why: String,
    /// Frames said to be in the spool.
    pub frames: u64,
}

pub struct Watch {
    looks: Arc<Mutex<Vec<Look>>>,
    looking: JoinHandle<()>,
}

impl Watch {
    pub fn start(client: reqwest::Client, url: &str) -> Watch {
        let (looks, url) = (Arc::new(Mutex::new(Vec::new())), format!("{url}/readyz"));
        let seen = looks.clone();
        let looking = tokio::spawn(async move {
            let mut due = interval(EVERY);
            loop {
                due.tick().await;
                let look = look(&client, &url).await;
                seen.lock().push(look);
            }
        });
        Watch { looks, looking }
    }

    /// Returns when the store is said to be well, and whether it was in time.
    pub async fn until_home(&self, within: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < within {
            if self.looks.lock().last().is_some_and(|look| look.at > begun && look.is_ok) {
                return true;
            }
            sleep(EVERY / 4).await;
        }
        false
    }

    pub fn end(self) -> Vec<Look> {
        self.looking.abort();
        std::mem::take(&mut self.looks.lock())
    }
}

async fn look(client: &reqwest::Client, url: &str) -> Look {
    let at = Instant::now();
    let answer = async {
        let response = client.get(url).timeout(Duration::from_secs(5)).send().await?;
        let code = response.status().as_u16();
        response.json::<Value>().await.map(|ready| (code, ready))
    };
    let (code, ready) = answer.await.unwrap_or_default();
    let store = &ready["dependencies"]["store"];
    let trouble = store["troubles"][0].as_str().unwrap_or_default();
    Look { at, code, is_ok: store["state"] == "ok", why: without_figures(trouble), frames: frames_in(trouble) }
}

/// `away for 12 s: it does not answer in time; 340 frames wait` is one trouble, however often it is told.
fn without_figures(trouble: &str) -> String {
    let words = trouble.split(' ').map(|word| if word.parse::<u64>().is_ok() { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn frames_in(trouble: &str) -> u64 {
    let before = trouble.split(" frames").next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
