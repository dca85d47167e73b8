//! How many series there are after everything has happened that can, and that nobody outside can make more of them.

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::exposition::Exposition;
use crate::harness::{Answered, App, SECRET, bodies};

/// As many as one node may have.
const MOST: usize = 1_500;
/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// Requests under way, so that many calls are one commit.
const AT_ONCE: usize = 64;
/// In every name a stranger or a business chose.
const MARK: &str = "zz9";

/// A server that knows 30 businesses, each with a tool and a name of its own.
struct Busy {
    app: App,
    _dirs: [TempDir; 2],
}

impl Busy {
    async fn start() -> Busy {
        // What is counted does not depend on the disk, and a thousand commits one after the other do.
        let data = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for n in 0..30 {
            std::fs::write(dir.path().join(format!("{MARK}-{n}.toml")), playbook(n)).unwrap();
        }
        let path = dir.path().to_str().unwrap().to_owned();
        let app = App::start_with(|settings| {
            settings.playbooks.dir = path;
            settings.data_dir = data.path().to_owned();
            // A machine that is busy with other things may take its time.
            settings.limits.answer_within_ms = 60_000;
        })
        .await;
        Busy { app, _dirs: [dir, data] }
    }

    async fn scraped(&self) -> Exposition {
        Exposition::read(&self.app.anybody(Method::GET, "/metrics").await.is(200).text)
    }

    /// Everything once: every URL, type, tool, ending and fate of a text. Names carry `round`.
    async fn lives_a_day(&self, round: &str) {
        let app = &self.app;
        self.platform_says_everything(round).await;
        self.agents_ask_for_everything(round).await;
        self.calls_end_in_every_way(round).await;
        self.texts_meet_every_fate().await;
        self.somebody_takes_the_alert(round).await;
        self.browsers_measure(round).await;
        self.strangers_try_every_url(round).await;
        app.eventually("/api/sms?state=delivered", |list| !list["items"].as_array().unwrap().is_empty()).await;
    }

    async fn platform_says_everything(&self, round: &str) {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/vapi");
        for file in std::fs::read_dir(fixtures).unwrap() {
            let body = std::fs::read(file.unwrap().path()).unwrap();
            self.app.webhook_as(SECRET, body.clone()).await;
            self.app.webhook_as("a-strangers", body).await.refuses(401);
        }
        for n in 1..30 {
            let mut body = bodies::status(&format!("call-{round}-{n}"), "ringing");
            body["message"]["type"] = json!(format!("{MARK}-{round}-{n}\"}} 1\n"));
            body["message"]["call"]["assistantId"] = json!(format!("assistant-{MARK}-{n}"));
            self.app.webhook_as(&format!("secret-{MARK}-{n}"), body.to_string()).await.is(200);
        }
        self.app.webhook_as(SECRET, "no json").await.refuses(400);
        self.app.webhook_as(SECRET, "{}").await.refuses(400);
        self.app.webhook_as(SECRET, vec![b' '; 8_400_000]).await.refuses(413);
    }

    async fn agents_ask_for_everything(&self, round: &str) {
        let call = format!("asking-{round}");
        self.app.rings(&call).await.acknowledges();
        let tools = [
            "classifyPriority",
            "validateServiceRequest",
            "calculateQuote",
            "evaluateScheduling",
            "checkServiceArea",
            "getCompanyInfo",
            "lookupCaller",
            "sendSMSAlert",
            "requestCallback",
            "ownTool-zz9",
            "made up \"zz9\"",
        ];
        for tool in tools {
            for arguments in [json!({"priority": "P1", "message": "Water", "description": "Water"}), json!(null)] {
                let id = format!("{tool}-{round}-{}", arguments.is_null());
                let body = bodies::tool_call(&call, &id, tool, arguments);
                self.app.webhook(&body).await.is(200);
                self.app.webhook(&body).await.is(200);
            }
        }
    }

    async fn calls_end_in_every_way(&self, round: &str) {
        let ends = async |(n, reason): (usize, String)| {
            let call = format!("ending-{round}-{n}");
            self.app.rings(&call).await.acknowledges();
            let mut report = bodies::report(&call);
            report["message"]["endedReason"] = json!(reason);
            self.app.webhook(&report).await.acknowledges();
        };
        stream::iter(reasons().into_iter().enumerate()).for_each_concurrent(AT_ONCE, ends).await;
    }

    async fn texts_meet_every_fate(&self) {
        for last in ["0001", "0004", "0020", "0021", "0023", "0025", "0030", "0031", "0042"] {
            // What becomes of a P3 is counted by a test of its own.
            for priority in ["P1", "P2", "P4"] {
                let text = json!({"to": format!("+1500555{last}"), "body": "Water", "priority": priority});
                Answered::to(self.app.as_admin(Method::POST, "/api/sms").json(&text)).await.is(202);
            }
        }
    }

    async fn somebody_takes_the_alert(&self, round: &str) {
        let call = format!("asking-{round}");
        let alerts = self.app.get("/api/alerts?limit=500").await.json();
        let alert = alerts["items"].as_array().unwrap().iter().find(|alert| alert["call"] == *call).unwrap();
        let url = format!("/api/alerts/{}/acknowledge", alert["id"].as_str().unwrap());
        Answered::to(self.app.as_admin(Method::POST, &url)).await.is(200);
    }

    async fn browsers_measure(&self, round: &str) {
        for component in ["LCP", "FCP", "INP", "FID", "TTFB", "CLS", MARK, round] {
            for kind in ["vital", "slow-render", "slow-api"] {
                let beacon = json!({"type": kind, "component": component, "duration": 12.5, "timestamp": 1});
                Answered::to(self.app.as_admin(Method::POST, "/api/performance").json(&beacon)).await.is(204);
            }
        }
    }

    async fn strangers_try_every_url(&self, round: &str) {
        let brew = Method::from_bytes(b"ZZ9").unwrap();
        let tries = async |url: String| {
            let path = url.replace(['{', '}'], "") + "?" + MARK + round;
            for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, brew.clone()] {
                self.app.request(method.clone(), &path).send().await.unwrap();
                self.app.as_admin(method, &path).send().await.unwrap();
            }
        };
        let urls = urls().into_iter().filter(|url| !url.starts_with("/api/live"));
        stream::iter(urls).for_each_concurrent(AT_ONCE, tries).await;
        self.app.anybody(Method::GET, &format!("/{MARK}/{round}")).await.refuses(404);
    }
}

/// Every URL of the server's own table.
fn urls() -> BTreeSet<String> {
    let table = include_str!("../../src/http/mod.rs");
    let urls: BTreeSet<String> = quoted(table).filter(|text| text.starts_with('/')).map(str::to_owned).collect();
    assert!(urls.len() > 30 && urls.contains("/api/calls/{id}"), "{urls:?}");
    urls
}

/// Parts of reasons the server tells endings apart by: enough to reach every group.
fn reasons() -> Vec<String> {
    let table = include_str!("../../src/platforms/vapi/ended_reasons.rs");
    let known = quoted(table).filter(|text| !text.contains([' ', '{', '/']) && text.contains('-'));
    let all = known.flat_map(|part| [part.to_owned(), format!("pipeline-error-{part}{MARK}")]);
    all.chain([MARK.to_owned(), String::new()]).collect()
}

fn quoted(source: &str) -> impl Iterator<Item = &str> {
    source.lines().flat_map(|line| line.split('"').skip(1).step_by(2))
}

fn playbook(n: usize) -> String {
    let priorities: String = (1..=4)
        .map(|p| {
            let heard = if p < 4 { format!("phrases = [\"water {p}\"]\n") } else { String::new() };
            format!("[priorities.P{p}]\nreason = \"reason {n}\"\n{heard}text = [\"owner\"]\ntext_within_s = 60\n")
        })
        .collect();
    format!(
        "tenant = \"{MARK}-{n}\"\nname = \"Business {MARK} {n}\"\nlanguage = \"en\"\n\
         [routing]\nassistants = [\"assistant-{MARK}-{n}\"]\n{secrets}\
         [contacts.owner]\nphone = \"+14185550101\"\n{priorities}\
         [reception]\nassistant = \"assistant-{MARK}-{n}\"\n\
         [templates.alert]\nen = \"{{{{ priority }}}}: {{{{ message }}}}\"\n\
         [[tools]]\nname = \"ownTool-{MARK}\"\ndescription = \"Asks\"\nurl = \"http://127.0.0.1:9/\"\n\
         secret = \"a-secret-of-this-tool\"\nallow_private = true\n",
        secrets = if n == 0 { String::new() } else { format!("secrets = [\"secret-{MARK}-{n}\"]\n") },
    )
}

/// What is exposed after two such days, the second with other names. Lived once for all tests.
pub async fn after_two_days() -> &'static Exposition {
    static LIVED: OnceCell<Exposition> = OnceCell::const_new();
    let live = async {
        let busy = Busy::start().await;
        busy.lives_a_day("first").await;
        busy.lives_a_day("second").await;
        busy.scraped().await
    };
    LIVED.get_or_init(|| live).await
}

#[tokio::test]
async fn days_of_everything_make_a_bounded_number_of_series() {
    let scraped = after_two_days().await;
    let mut families: Vec<_> = scraped.families().into_iter().collect();
    families.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let total = scraped.series.len();
    println!("{total} series: {families:?}");
    assert!(total <= MOST, "{total} series: {families:#?}");
    assert!(total > MOST / 2, "not much of a day: {families:#?}");
}

#[tokio::test]
async fn neither_a_stranger_nor_a_business_names_a_series() {
    let chosen = |value: &String| [MARK, "first", "second", "555"].iter().any(|name| value.contains(name));
    for series in &after_two_days().await.series {
        assert!(!series.labels.values().any(chosen), "{series:?}");
    }
}

#[tokio::test]
async fn every_series_has_a_help_text_and_a_type() {
    let scraped = after_two_days().await;
    for family in scraped.families().keys() {
        assert!(scraped.helped.contains(*family), "{family} has no help text");
        assert!(scraped.types.contains_key(*family), "{family} has no type");
    }
}
