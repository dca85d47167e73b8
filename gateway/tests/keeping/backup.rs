//! A store copied while it is used, and a server that goes on with the copy.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bodies::{self, CALLER};
use crate::server::{Server, run_in, said, tell};

/// A backup of a server that rings without end, with one text that hangs, one that waits and an alert that is open;
/// and the calls that were acknowledged before it was asked for.
async fn backed_up_under_load(root: &TempDir) -> (std::path::PathBuf, BTreeSet<String>) {
    let dir = root.path().join("first");
    let server = Server::start(&dir, &[("CORDBOARD_SMS__SANDBOX__SCRIPT", "hang"), ("CORDBOARD_SMS__SENDERS", "1")]);
    let asked = json!({"priority": "P1", "message": "water in the basement"});
    server.hears(&bodies::tool_call("call-urgent", "tool_1", "sendSMSAlert", asked)).await;
    let later = json!({"priority": "P4", "message": "call back"});
    server.hears(&bodies::tool_call("call-later", "tool_1", "sendSMSAlert", later)).await;
    server.eventually("/api/sms?state=sending", |list| !list["items"].as_array().unwrap().is_empty()).await;

    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let ringing = (0..4).map(|line| {
        let ((client, base), stop, acknowledged) = (server.client(), stop.clone(), acknowledged.clone());
        tokio::spawn(async move {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let call = format!("call-{line}-{n}");
                if tell(&client, &base, &bodies::status(&call, "ringing")).await {
                    acknowledged.lock().unwrap().insert(call);
                }
            }
        })
    });
    let ringing: Vec<_> = ringing.collect();
    while acknowledged.lock().unwrap().len() < 100 {
        tokio::task::yield_now().await;
    }
    let before = acknowledged.lock().unwrap().clone();
    let file = root.path().join("copy.cordboard");
    let wanted = file.clone();
    let (to, server) = tokio::task::spawn_blocking(move || {
        let made = server.run(&["backup", wanted.to_str().unwrap()]);
        (made, server)
    })
    .await
    .unwrap();
    assert_eq!(to.status.code(), Some(0), "{}", said(&to));
    stop.store(true, Ordering::Relaxed);
    for line in ringing {
        line.await.unwrap();
    }
    assert!(acknowledged.lock().unwrap().len() > before.len(), "calls went on while it was copied");
    drop(server);
    (file, before)
}

fn states(list: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    list["items"].as_array().unwrap().iter().map(|sms| (text(&sms["state"]), text(&sms["error"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_goes_on_with_a_backup_and_sends_nothing_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (file, acknowledged) = backed_up_under_load(&root).await;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = root.path().join("again");
    let restored = run_in(&again, &["restore", file.to_str().unwrap(), "-o", "json"]);
    let held: Value = serde_json::from_slice(&restored.stdout).unwrap_or_else(|_| panic!("{}", said(&restored)));
    assert!(held["queued"].as_u64().unwrap() >= 1 && held["in_flight"].as_u64().unwrap() >= 1, "{held}");
    assert_eq!(held["alerts"], 2, "{held}");
    assert!(held["calls"].as_u64().unwrap() >= 100, "{held}");

    let server = Server::start(&again, &[]);
    for call in &acknowledged {
        assert_eq!(server.get(&format!("/api/calls/{call}")).await["phase"], "lost", "{call}");
    }
    assert_eq!(server.get("/api/calls/active").await, json!([]));
    assert_eq!(server.get("/api/alerts?state=open,escalated").await["items"], json!([]));
    assert_eq!(server.get("/api/alerts?state=unanswered").await["items"].as_array().unwrap().len(), 2);
    let held = server.get("/api/sms").await;
    for (state, error) in states(&held) {
        assert!(["cancelled", "unknown"].contains(&&*state) && error.starts_with("held by restore"), "{held:#}");
    }
    // What is asked for now goes out: the pool has been through its queue, and has left the others.
    let (_, fresh) = server.post("/api/sms", &json!({"to": CALLER, "body": "all is well", "priority": "P4"})).await;
    let path = format!("/api/sms/{}", fresh["id"].as_str().unwrap());
    server.eventually(&path, |sms| sms["state"] == "delivered").await;
    let after = server.get("/api/sms").await;
    assert_eq!(states(&after)[1..], states(&held)[..]);

    // An operator may want one of them sent after all.
    let cancelled = held["items"].as_array().unwrap().iter().find(|sms| sms["state"] == "cancelled").unwrap();
    let path = format!("/api/sms/{}", cancelled["id"].as_str().unwrap());
    assert_eq!(server.post(&format!("{path}/retry"), &json!({})).await.0, 200);
    server.eventually(&path, |sms| sms["state"] == "delivered").await;
    server.terminate();
}

#[tokio::test]
async fn a_store_that_holds_something_is_not_replaced_and_a_file_that_is_not_good_is_not_restored() {
    let root = tempfile::tempdir().unwrap();
    let (dir, other) = (root.path().join("data"), root.path().join("other"));
    let server = Server::start(&dir, &[]);
    server.hears(&bodies::status("call-1", "ended")).await;
    let file = root.path().join("copy.cordboard");
    let file = file.to_str().unwrap();
    let running = run_in(&dir, &["restore", file]);
    assert_eq!(running.status.code(), Some(4), "there is no such file yet: {}", said(&running));
    assert_eq!(server.run(&["backup", file]).status.code(), Some(0));
    let running = run_in(&dir, &["restore", file]);
    assert_eq!(running.status.code(), Some(3));
    assert!(said(&running).contains("in use by another server"), "{}", said(&running));
    server.terminate();

    // Made while no server runs, of a directory that holds the keys and the playbooks too.
    let offline = root.path().join("offline.cordboard");
    let made = run_in(&dir, &["backup", offline.to_str().unwrap()]);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    assert_eq!(run_in(&other, &["restore", offline.to_str().unwrap()]).status.code(), Some(0));
    let kept = |dir: &std::path::Path, name: &str| std::fs::read(dir.join(name)).ok();
    for name in ["audit-key", "playbooks/boreal.toml"] {
        assert!(kept(&dir, name).is_some() && kept(&dir, name) == kept(&other, name), "{name}");
    }
    assert_eq!(kept(&other, "admin-token"), None, "nobody gets in with a backup");

    let refused = run_in(&dir, &["restore", file]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("--force"), "{}", said(&refused));
    let forced = run_in(&dir, &["restore", file, "--force"]);
    assert_eq!(forced.status.code(), Some(0), "{}", said(&forced));
    assert!(dir.join("cordboard.db.before-restore").exists());

    let mut bytes = std::fs::read(file).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 4096].fill(0x5a);
    let damaged = root.path().join("damaged");
    let foreign = root.path().join("foreign");
    let cut = root.path().join("cut");
    std::fs::write(&damaged, &bytes).unwrap();
    std::fs::write(&foreign, "a letter").unwrap();
    std::fs::write(&cut, &std::fs::read(file).unwrap()[..half]).unwrap();
    for bad in [damaged, foreign, cut, dir.join("cordboard.db")] {
        let refused = run_in(&root.path().join("empty"), &["restore", bad.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(1), "{}: {}", bad.display(), said(&refused));
        assert!(said(&refused).contains("is not restored"), "{}", said(&refused));
    }
    assert!(!root.path().join("empty/cordboard.db").exists());
}

#[tokio::test]
async fn a_backup_of_a_newer_version_is_not_restored() {
    use sqlx::Connection;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    Server::start(&dir, &[]).terminate();
    let file = root.path().join("copy");
    assert_eq!(run_in(&dir, &["backup", file.to_str().unwrap()]).status.code(), Some(0));
    let mut connection = sqlx::SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    let newer = "UPDATE _sqlx_migrations SET version = 9999 WHERE version = 2";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let refused = run_in(&root.path().join("other"), &["restore", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("newer version of cordboard (its table version 9999"), "{}", said(&refused));
}
