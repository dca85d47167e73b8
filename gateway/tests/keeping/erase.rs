//! Somebody asks to be forgotten, and is, while the server goes on.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bodies::{self, CALLER};
use crate::bytes::files_with;
use crate::server::{Server, said};

const NAME: &str = "Noelle Tremblay-Gagnon";
const ADDRESS: &str = "12 Mill Street";

fn words() -> String {
    format!("{NAME}, {ADDRESS}, at 418 555-0117: the basement is flooded")
}

/// A call with all that a caller can leave behind.
async fn calls(server: &Server, call: &str) {
    server.hears(&bodies::status(call, "ringing")).await;
    server.hears(&bodies::transcript(call, &words())).await;
    let asked = json!({"priority": "P1", "message": words(), "clientName": NAME, "address": ADDRESS});
    server.hears(&bodies::tool_call(call, "tool_1", "sendSMSAlert", asked)).await;
    server.hears(&bodies::status(call, "ended")).await;
    let mut report = bodies::report(call);
    report["message"]["artifact"]["transcript"] = json!(words());
    report["message"]["analysis"]["summary"] = json!(words());
    server.hears(&report).await;
}

fn ended(list: &Value) -> bool {
    let items = list["items"].as_array().unwrap();
    !items.is_empty() && items.iter().all(|sms| sms["state"] == "delivered")
}

#[tokio::test]
async fn a_person_is_erased_through_the_running_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    calls(&server, "call-1").await;
    let (status, own) = server.post("/api/sms", &json!({"to": CALLER, "body": words(), "priority": "P4"})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{own}");

    let refused = server.run(&["erase", CALLER, "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("1 alert is still open"), "{}", said(&refused));
    let alerts = server.get("/api/alerts").await;
    let alert = format!("/api/alerts/{}/resolve", alerts["items"][0]["id"].as_str().unwrap());
    assert_eq!(server.post(&alert, &json!({"by": "owner"})).await.0, StatusCode::OK);
    server.eventually("/api/sms", ended).await;

    server.hears(&bodies::status("call-2", "ringing")).await;
    let refused = server.run(&["erase", CALLER, "--yes"]);
    assert!(said(&refused).contains("1 call is not over"), "{}", said(&refused));
    server.hears(&bodies::status("call-2", "ended")).await;

    let counted = server.run(&["erase", CALLER]);
    assert_eq!(counted.status.code(), Some(0), "{}", said(&counted));
    let told = said(&counted);
    let rows: Vec<String> = told.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in ["calls of theirs 2", "texts to them 1", "texts about them 2", "alerts about them 1"] {
        assert!(rows.iter().any(|told| told == row), "{row} in {told}");
    }
    assert!(told.contains("nothing was erased"), "{told}");
    assert_eq!(server.get("/api/calls/call-1").await["from"], CALLER);

    let erased = server.run(&["erase", CALLER, "--yes", "-o", "json"]);
    let answer: Value = serde_json::from_slice(&erased.stdout).unwrap_or_else(|_| panic!("{}", said(&erased)));
    assert_eq!((&answer["counts"]["calls"], &answer["counts"]["texts"]), (&json!(2), &json!(1)));
    let gone = || [CALLER, "85550117", "418 555-0117", NAME, ADDRESS].map(|wanted| files_with(dir.path(), wanted));
    assert_eq!(gone(), [(); 5].map(|()| Vec::<String>::new()));

    // What is heard of the call afterwards brings nothing back.
    let mut late = bodies::transcript("call-1", &words());
    late["message"]["timestamp"] = json!(1_772_636_500_000_u64);
    server.hears(&late).await;
    let call = server.get("/api/calls/call-1").await;
    assert_eq!(
        (&call["from"], &call["phase"], &call["tools_used"][0]),
        (&Value::Null, &json!("ended"), &json!("sendSMSAlert"))
    );
    assert_eq!(gone(), [(); 5].map(|()| Vec::<String>::new()));
    let events = server.get("/api/calls/call-1/events").await.to_string();
    assert!(!events.contains(NAME) && events.contains("tool_called") && events.contains("forgotten"), "{events}");

    let deeds = |audit: &Value| -> Vec<String> {
        let items = audit["items"].as_array().unwrap();
        items.iter().map(|deed| deed["action"].as_str().unwrap().to_owned()).collect()
    };
    let resolved = "POST /api/alerts/{id}/resolve".to_owned();
    let audit = server.eventually("/api/audit", |audit| deeds(audit).contains(&resolved)).await;
    assert_eq!(deeds(&audit)[..2], ["erased", "erase"]);
    assert!(audit["items"][0]["subject"].as_str().unwrap().starts_with("number:hmac:"), "{audit}");
    assert_eq!((&audit["items"][0]["detail"]["calls"], &audit["items"][0]["by"]), (&json!(2), &json!("admin")));
    server.terminate();
}

#[tokio::test]
async fn nobody_else_erases_and_what_is_asked_must_make_sense() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    for path in ["/api/erase", "/api/backup"] {
        assert_eq!(server.as_a_stranger(path).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    for body in
        [json!({}), json!({"number": "5145550142"}), json!({"number": CALLER, "call": "c1"}), json!({"call": ""})]
    {
        assert_eq!(server.post("/api/erase", &body).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    assert_eq!(server.post("/api/erase", &json!({"nubmer": CALLER})).await.0, StatusCode::BAD_REQUEST);
    let (status, found) = server.post("/api/erase", &json!({"number": CALLER})).await;
    assert_eq!((status, &found["dry_run"], &found["counts"]["calls"]), (StatusCode::OK, &json!(true), &json!(0)));
    assert_eq!(server.get("/api/audit").await, json!({"items": [], "next": null}), "counting is no deed");
    server.terminate();
}
