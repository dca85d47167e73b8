//! Playbooks that are added, broken, mended and removed under a running app, and what the others notice: nothing.

use std::fs;
use std::path::{Path, PathBuf};

use gateway::settings::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Answered, App, HARBOUR_SECRET, bodies};

const BOREAL: &str = include_str!("playbooks/boreal.toml");
const HARBOUR: &str = include_str!("playbooks/harbour.toml");

/// A directory of playbooks, at first that of `boreal` alone, and a data directory that outlives its app.
struct Office {
    playbooks: TempDir,
    data: TempDir,
}

impl Office {
    fn new() -> Office {
        let office = Office { playbooks: TempDir::new().unwrap(), data: TempDir::new().unwrap() };
        office.writes("boreal.toml", BOREAL);
        office
    }

    async fn opens(&self) -> App {
        self.opens_with(|settings| settings.playbooks.poll_s = 0).await
    }

    async fn opens_with(&self, change: impl FnOnce(&mut Settings)) -> App {
        let (dir, data_dir) = (self.playbooks.path().display().to_string(), self.data.path().to_owned());
        App::start_with(|settings| {
            (settings.playbooks.dir, settings.data_dir) = (dir, data_dir);
            change(settings);
        })
        .await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.playbooks.path().join(name)
    }

    fn writes(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn removes(&self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }
}

/// The clinic's playbook with another phrase that is urgent to it.
fn harbour_knowing(phrase: &str) -> String {
    HARBOUR.replace("phrases = [\"bleeding\"]", &format!("phrases = [\"{phrase}\"]"))
}

/// Nobody of that name is among its contacts.
fn harbour_broken() -> String {
    HARBOUR.replace("text = [\"nurse\"]", "text = [\"nobody\"]")
}

impl App {
    async fn reloads(&self) -> Value {
        let answered = Answered::to(self.as_admin(Method::POST, "/api/playbooks/reload")).await.is(200);
        answered.json()["items"].clone()
    }

    /// The priority of what somebody says to the clinic.
    async fn clinic_hears(&self, call: &str, id: &str, words: &str) -> String {
        let body = bodies::from_harbour(bodies::tool_call(call, id, "classifyPriority", json!({"description": words})));
        priority(&self.webhook_as(HARBOUR_SECRET, body.to_string()).await.is(200))
    }

    /// The priority of what somebody says to the drain company.
    async fn drains_hear(&self, call: &str, id: &str, words: &str) -> String {
        let body = bodies::tool_call(call, id, "classifyPriority", json!({"description": words}));
        priority(&self.webhook(&body).await.is(200))
    }

    async fn clinic_rings(&self, call: &str) -> Answered {
        self.webhook_as(HARBOUR_SECRET, bodies::from_harbour(bodies::status(call, "ringing")).to_string()).await
    }

    async fn readiness(&self) -> Value {
        let ready = self.anybody(Method::GET, "/readyz").await.is(200).json();
        assert_eq!(ready["status"], "ready");
        ready["dependencies"]["playbooks"].clone()
    }
}

fn priority(answered: &Answered) -> String {
    let (key, text) = answered.tool_result();
    assert_eq!(key, "result", "{text}");
    let result: Value = serde_json::from_str(&text).unwrap();
    result["priority"].as_str().unwrap().to_owned()
}

/// `boreal good`, in the order of the files.
fn standing(items: &Value) -> Vec<String> {
    let line = |item: &Value| format!("{} {}", item["tenant"].as_str().unwrap_or("-"), item["state"].as_str().unwrap());
    items.as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_tenant_is_added_broken_mended_and_removed_while_another_is_on_the_telephone() {
    let office = Office::new();
    let app = office.opens().await;
    app.rings("call-through").await.acknowledges();
    app.answers("call-through").await.acknowledges();
    assert_eq!(app.drains_hear("call-through", "t1", "the basement is flooded").await, "P1");
    app.clinic_rings("call-early").await.refuses(401);

    office.writes("harbour.toml", HARBOUR);
    assert_eq!(standing(&app.reloads().await), ["boreal good", "harbour good"]);
    app.clinic_rings("call-clinic").await.acknowledges();
    assert_eq!(app.clinic_hears("call-clinic", "c1", "he is bleeding").await, "P1");
    assert_eq!(app.clinic_hears("call-clinic", "c2", "she has fainted").await, "P4");
    assert_eq!(app.drains_hear("call-through", "t2", "he is bleeding").await, "P4");

    office.writes("harbour.toml", &harbour_broken());
    let items = app.reloads().await;
    assert_eq!(standing(&items), ["boreal good", "harbour stale"]);
    assert_eq!(items[1]["error"]["key"], "priorities.P1.text", "{items:#}");
    assert_eq!(app.clinic_hears("call-clinic", "c3", "he is bleeding").await, "P1");
    let told = app.readiness().await;
    let line = HARBOUR.lines().position(|line| line == "text = [\"nurse\"]").unwrap() + 1;
    assert_eq!((&told["state"], &told["kind"]), (&json!("degraded"), &json!("2 in force")));
    assert_eq!(told["troubles"], json!([format!("harbour.toml:{line}")]));
    assert_eq!(items[1]["error"]["line"], line);

    office.writes("harbour.toml", &harbour_knowing("fainted"));
    assert_eq!(standing(&app.reloads().await), ["boreal good", "harbour good"]);
    assert_eq!(app.clinic_hears("call-clinic", "c4", "she has fainted").await, "P1", "a call goes on by the new rules");
    assert_eq!(app.readiness().await["state"], "ok");

    office.removes("harbour.toml");
    assert_eq!(standing(&app.reloads().await), ["boreal good"]);
    app.clinic_rings("call-late").await.refuses(401);

    // All the while nothing of the other tenant's was touched: it was loaded once, and its call went on.
    assert_eq!(app.drains_hear("call-through", "t3", "the basement is flooded").await, "P1");
    app.reports("call-through").await.acknowledges();
    let call = app.get("/api/calls/call-through").await.is(200).json();
    assert_eq!((&call["phase"], &call["tenant"]), (&json!("ended"), &json!("boreal")));
}

#[tokio::test]
async fn what_did_not_change_was_loaded_once() {
    let office = Office::new();
    let app = office.opens().await;
    let before = app.get("/api/playbooks").await.is(200).json()["items"][0]["loaded_at"].clone();
    office.writes("harbour.toml", HARBOUR);
    let items = app.reloads().await;
    assert_eq!(items[0]["loaded_at"], before);
    let (name, default) = (&items[1]["name"], [&items[0]["default"], &items[1]["default"]]);
    assert_eq!((name, default), (&json!("Harbour Clinic"), [&json!(true), &json!(false)]));
    assert_eq!(items[1]["error"], Value::Null);
    assert!(items[1]["file"].as_str().unwrap().ends_with("/harbour.toml"));
}

#[tokio::test]
async fn a_directory_is_looked_at_by_itself() {
    let office = Office::new();
    let app = office.opens_with(|settings| settings.playbooks.poll_s = 1).await;
    // As careful hands do it: written beside, and renamed. Nobody asks for a reload.
    office.writes("harbour.toml.tmp", HARBOUR);
    fs::rename(office.file("harbour.toml.tmp"), office.file("harbour.toml")).unwrap();
    let seen = async { while app.readiness().await["kind"] != "2 in force" {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), seen).await.expect("the new playbook is found");
    app.clinic_rings("call-found").await.acknowledges();
}

#[tokio::test]
async fn a_restart_with_a_broken_file_serves_by_the_last_good_one() {
    let office = Office::new();
    office.writes("harbour.toml", &harbour_knowing("fainted"));
    let mut app = office.opens().await;
    app.clinic_rings("call-before").await.acknowledges();
    app.stops().await;

    office.writes("harbour.toml", "tenant = ");
    let app = office.opens().await;
    assert_eq!(standing(&app.get("/api/playbooks").await.json()["items"]), ["boreal good", "harbour stale"]);
    assert_eq!(app.readiness().await["troubles"], json!(["harbour.toml:1"]));
    assert_eq!(app.clinic_hears("call-after", "c1", "she has fainted").await, "P1");
}

#[tokio::test]
async fn a_file_that_never_was_good_keeps_out_only_its_own_tenant() {
    let office = Office::new();
    office.writes("harbour.toml", &harbour_broken());
    let app = office.opens().await;
    assert_eq!(standing(&app.get("/api/playbooks").await.json()["items"]), ["boreal good", "harbour out"]);
    app.clinic_rings("call-refused").await.refuses(401);
    app.rings("call-taken").await.acknowledges();
    office.writes("harbour.toml", HARBOUR);
    app.reloads().await;
    app.clinic_rings("call-welcome").await.acknowledges();
}

#[tokio::test]
async fn what_a_removed_tenant_leaves_behind_goes_to_nobody() {
    let office = Office::new();
    // Opened by the deployment's secret, like the default tenant.
    office.writes("harbour.toml", &HARBOUR.replace("secrets = [\"secret-of-harbour\"]", ""));
    let mut app = office.opens().await;
    let ringing = |call: &str| bodies::from_harbour(bodies::status(call, "ringing"));
    app.webhook(&ringing("call-theirs")).await.acknowledges();
    office.removes("harbour.toml");
    app.reloads().await;
    app.webhook(&ringing("call-late")).await.refuses(401);
    app.get("/api/calls/call-late").await.refuses(404);
    assert_eq!(app.get("/api/calls/call-theirs").await.json()["tenant"], "harbour");

    app.stops().await;
    let app = office.opens().await;
    app.webhook(&ringing("call-later")).await.refuses(401);
}

#[tokio::test]
async fn a_claim_on_anothers_assistant_is_refused_and_both_are_named() {
    let office = Office::new();
    let app = office.opens().await;
    let greedy = HARBOUR.replace("asst-harbour-clinic", bodies::BOREAL_ASSISTANT);
    office.writes("a-harbour.toml", &greedy);
    let items = app.reloads().await;
    assert_eq!(standing(&items), ["harbour out", "boreal good"]);
    let problem = items[0]["error"]["problem"].as_str().unwrap();
    assert!(problem.contains("`harbour`") && problem.contains("`boreal`"), "{problem}");
    app.rings("call-kept").await.acknowledges();
}

#[tokio::test]
async fn a_tenant_that_is_added_does_not_take_the_defaults_calls() {
    let office = Office::new();
    office.removes("boreal.toml");
    let only = BOREAL.replace("tenant = \"boreal\"", "tenant = \"austral\"");
    office.writes("austral.toml", &only.replace(bodies::BOREAL_ASSISTANT, "asst-austral"));
    let app = office.opens().await;
    // Its assistant is known to nobody: it is the only tenant's.
    app.rings("call-default").await.acknowledges();
    assert_eq!(app.get("/api/calls/call-default").await.json()["tenant"], "austral");
    office.writes("harbour.toml", &HARBOUR.replace("secrets = [\"secret-of-harbour\"]", ""));
    app.reloads().await;
    app.rings("call-default-too").await.acknowledges();
    assert_eq!(app.get("/api/calls/call-default-too").await.json()["tenant"], "austral");
}

#[tokio::test]
async fn two_tenants_that_could_be_the_default_are_none() {
    let office = Office::new();
    office.removes("boreal.toml");
    let other = BOREAL.replace("tenant = \"boreal\"", "tenant = \"austral\"");
    office.writes("austral.toml", &other.replace(bodies::BOREAL_ASSISTANT, "asst-austral"));
    office.writes("harbour.toml", &HARBOUR.replace("secrets = [\"secret-of-harbour\"]", ""));
    let app = office.opens().await;
    app.rings("call-nobodys").await.refuses(401);
    let named = bodies::from_harbour(bodies::status("call-named", "ringing"));
    app.webhook(&named).await.acknowledges();
}

#[tokio::test]
async fn a_directory_that_goes_away_takes_nobody_with_it() {
    let office = Office::new();
    let app = office.opens().await;
    let (here, away) = (office.playbooks.path(), office.data.path().join("away"));
    fs::rename(here, &away).unwrap();
    let answered = Answered::to(app.as_admin(Method::POST, "/api/playbooks/reload")).await.is(200).json();
    assert_eq!(standing(&answered["items"]), ["boreal good"]);
    assert!(answered["unread"].as_str().unwrap().contains("cannot read playbooks"), "{answered}");
    app.rings("call-meanwhile").await.acknowledges();
    assert_eq!(app.readiness().await["state"], "degraded");
    fs::rename(&away, here).unwrap();
    app.reloads().await;
    assert_eq!(app.readiness().await["state"], "ok");
}

#[tokio::test]
async fn the_last_good_copies_are_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let office = Office::new();
    let _app = office.opens().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let kept = office.data.path().join("playbooks");
    assert_eq!((mode(&kept), mode(&kept.join("boreal.toml"))), (0o700, 0o600));
}
