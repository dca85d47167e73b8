//! A business that only watches, beside the webhook it has.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpRequest, HttpResponse, HttpServer};
use serde_json::{Value, json};

use crate::harness::{App, SECRET, bodies};
use crate::own_server::{Act, OwnServer};

/// The webhook somebody wrote by hand. It answers every tool call that nothing is urgent.
struct OldWebhook {
    url: String,
    /// The secret and the body of each request.
    asked: Data<Mutex<Vec<(String, Value)>>>,
    server: actix_web::dev::ServerHandle,
}

impl OldWebhook {
    fn start() -> OldWebhook {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let asked: Data<Mutex<Vec<(String, Value)>>> = Data::from(Arc::new(Mutex::default()));
        let shared = asked.clone();
        let app = move || actix_web::App::new().app_data(shared.clone()).route("/hook", web::post().to(hook));
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        OldWebhook { url, asked, server: handle }
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

async fn hook(request: HttpRequest, body: Bytes, asked: Data<Mutex<Vec<(String, Value)>>>) -> HttpResponse {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let secret = request.headers().get("x-vapi-secret").unwrap().to_str().unwrap().to_owned();
    asked.lock().unwrap().push((secret, body.clone()));
    let id = &body["message"]["toolCallList"][0]["id"];
    if id.is_null() {
        return HttpResponse::Ok().json(json!({ "received": true }));
    }
    HttpResponse::Ok().json(json!({ "results": [{ "toolCallId": id, "result": "{\"priority\":\"P4\"}" }] }))
}

/// What a caller may be told when nobody can have done anything.
const NOTHING_DONE: &str = "nothing was done";

/// The app with `boreal` watching only. The directory holds its playbook while the app lives.
async fn watching(before: &str, after: &str) -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let playbook = format!("{before}\n{}\n{after}\n", include_str!("playbooks/boreal.toml"));
    std::fs::write(dir.path().join("boreal.toml"), playbook).unwrap();
    let app = App::start_with(|settings| settings.playbooks.dir = dir.path().to_str().unwrap().to_owned()).await;
    (app, dir)
}

fn beside(url: &str) -> String {
    format!("[shadow]\nforward_to = \"{url}\"")
}

/// Nothing while the call is not known yet.
fn noted<'a>(timeline: &'a Value, what: &str) -> Option<&'a Value> {
    timeline["items"].as_array().into_iter().flatten().find(|item| item["what"] == what)
}

#[tokio::test]
async fn the_old_webhook_answers_and_the_difference_is_shown() {
    let old = OldWebhook::start();
    let (app, _dir) = watching("", &beside(&old.url)).await;
    app.rings("call-1").await.is(200);

    let flood = json!({"description": "the basement is flooded"});
    let answered = app.asks_for("call-1", "classifyPriority", flood).await.is(200);
    assert_eq!(answered.tool_result(), ("result".to_owned(), r#"{"priority":"P4"}"#.to_owned()));
    assert_eq!(old.asked().len(), 2);
    assert!(old.asked().iter().all(|(secret, _)| secret == SECRET), "it proves the platform as before");

    let timeline =
        app.eventually("/api/calls/call-1/events", |timeline| noted(timeline, "shadow_differs").is_some()).await;
    let detail = noted(&timeline, "shadow_differs").unwrap()["detail"].as_str().unwrap().to_owned();
    let differences: Vec<Value> = serde_json::from_str(&detail).unwrap();
    let priority = differences.iter().find(|it| it["what"] == "classifyPriority: priority").expect(&detail);
    assert_eq!((&priority["ours"], &priority["theirs"]), (&json!("\"P1\""), &json!("\"P4\"")));
    assert_eq!(app.get("/api/calls/call-1").await.json()["priority"], "P1");
    old.server.stop(false).await;
}

#[tokio::test]
async fn whom_it_would_have_told_is_written_down_and_nobody_is_told() {
    let old = OldWebhook::start();
    let (app, _dir) = watching("", &beside(&old.url)).await;
    app.asks_for("call-1", "sendSMSAlert", json!({"priority": "P1", "message": "water"})).await.is(200);
    let written = |texts: &Value| texts["items"].as_array().is_some_and(|items| !items.is_empty());
    let texts = app.eventually("/api/sms?call=call-1", written).await;
    let texts = texts["items"].as_array().unwrap();
    for text in texts {
        assert_eq!((&text["state"], &text["attempts"]), (&json!("suppressed"), &json!(0)));
        assert!(text["error"].as_str().unwrap().contains("shadow"));
    }
    old.server.stop(false).await;
}

#[tokio::test]
async fn a_caller_hears_a_sentence_when_the_old_webhook_is_gone() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (app, _dir) = watching("", &beside(&format!("http://{gone}/hook"))).await;
    app.rings("call-1").await.refuses(503);
    let (key, said) =
        app.asks_for("call-1", "classifyPriority", json!({"description": "flood"})).await.is(200).tool_result();
    assert!(key == "error" && said.contains(NOTHING_DONE), "{said}");
    app.eventually("/api/calls/call-1/events", |timeline| noted(timeline, "shadow_unanswered").is_some()).await;
    let reception = app.webhook(&bodies::assistant_request("call-1")).await.is(200);
    assert_ne!(reception.text, "{}", "who answers is known from the playbook");
}

#[tokio::test]
async fn copies_are_recorded_and_nobody_is_made_to_believe_them() {
    let (app, _dir) = watching("shadow = true", "").await;
    let alert = json!({"priority": "P1", "message": "water"});
    let (key, said) = app.asks_for("call-1", "sendSMSAlert", alert).await.is(200).tool_result();
    assert!(key == "error" && !said.contains("messagesSent"), "{said}");
    let texts = app.get("/api/sms?call=call-1").await.json();
    assert_eq!(texts["items"][0]["state"], "suppressed");
}

#[tokio::test]
async fn a_fact_that_did_not_arrive_is_asked_for_again_until_it_does() {
    let old = OwnServer::start().await;
    let (app, _dir) = watching("", &beside(&old.url())).await;
    for act in [Act::Reset, Act::Answer(200, "", "{}".to_owned())] {
        old.will(act);
    }
    app.reports("call-1").await.refuses(503);
    let here = app.get("/api/calls/call-1").await.json();
    assert_eq!(here["phase"], "ended", "here it arrived: {here:#}");
    app.reports("call-1").await.acknowledges();
    assert_eq!(old.log().len(), 2);
}

#[tokio::test]
async fn what_the_old_webhook_may_have_done_is_not_denied() {
    let old = OwnServer::start().await;
    let (app, _dir) = watching("", &format!("{}\ntimeout_s = 1", beside(&old.url()))).await;
    for (call, act) in [("call-1", Act::Reset), ("call-2", Act::Hang)] {
        old.will(act);
        let (key, said) = app.asks_for(call, "bookVisit", json!({})).await.is(200).tool_result();
        assert_eq!(key, "error", "{said}");
        assert!(said.contains("could not confirm") && !said.contains(NOTHING_DONE), "{said}");
    }
}
