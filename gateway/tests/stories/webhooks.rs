//! `POST /webhooks/vapi`: what is turned away and how, and what is answered.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Answered, App, HARBOUR_SECRET, SECRET, bodies};

const PATH: &str = "/webhooks/vapi";
const LIMIT: usize = 8 * 1024 * 1024;

#[tokio::test]
async fn without_the_secret_nothing_is_taken_and_only_a_counter_moves() {
    let app = App::start().await;
    let body = bodies::status("call-unproven", "ringing").to_string();
    Answered::to(app.request(Method::POST, PATH).body(body.clone())).await.refuses(401);
    for wrong in ["", " ", "secret-of-the-deploymen", "secret-of-the-deployment2", "SECRET-OF-THE-DEPLOYMENT"] {
        app.webhook_as(wrong, body.clone()).await.refuses(401);
    }
    // A stranger learns nothing of what a body must look like.
    app.webhook_as("wrong", "not even JSON").await.refuses(401);
    app.get("/api/calls/call-unproven").await.refuses(404);
    let metrics = app.anybody(Method::GET, "/metrics").await.text;
    assert!(counts(&metrics, "webhook_requests_total", &["platform=\"vapi\"", "outcome=\"unauthenticated\""]));
}

#[tokio::test]
async fn a_body_that_is_no_webhook_is_a_bad_request() {
    let app = App::start().await;
    let deep = format!("{{\"message\":{}{}}}", "[".repeat(129), "]".repeat(129));
    let bad: [&[u8]; 11] = [
        b"",
        b"garbage",
        b"null",
        b"[]",
        b"\"message\"",
        b"{}",
        br#"{"message":null}"#,
        br#"{"message":"status-update"}"#,
        br#"{"message":{"type":"status-update","call""#,
        b"{\"message\":{\"type\":\"\xff\xfe\"}}",
        deep.as_bytes(),
    ];
    for body in bad {
        app.webhook_as(SECRET, body.to_vec()).await.refuses(400);
    }
    app.anybody(Method::GET, "/healthz").await.is(200);
}

#[tokio::test]
async fn a_body_may_be_eight_mebibytes_and_not_a_byte_more() {
    let app = App::start().await;
    app.webhook_as(SECRET, padded(LIMIT)).await.acknowledges();
    app.webhook_as(SECRET, padded(LIMIT + 1)).await.refuses(413);
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_at_the_limit() {
    let app = App::start_with(|settings| settings.http.webhook_body_bytes = 1_000).await;
    let head =
        format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nx-vapi-secret: {SECRET}\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let answer = says(&app, &[head, chunk.repeat(3)].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = App::start_with(|settings| settings.http.body_timeout_s = 0).await;
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\nx-vapi-secret: {SECRET}\r\ncontent-length: 100\r\n\r\n{{");
    let answer = says(&app, &head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn a_packed_body_is_refused_unopened() {
    let app = App::start().await;
    for encoding in ["gzip", "br", "zstd", "gzip, identity"] {
        let request = app.request(Method::POST, PATH).header("x-vapi-secret", SECRET);
        Answered::to(request.header("content-encoding", encoding).body("{}")).await.refuses(415);
    }
}

#[tokio::test]
async fn another_method_is_told_which_one_is_meant() {
    let app = App::start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answered = app.anybody(method, PATH).await.refuses(405);
        assert_eq!(answered.header("allow"), "POST");
    }
}

#[tokio::test]
async fn what_is_not_understood_is_acknowledged() {
    let app = App::start().await;
    let no_call = json!({"message": {"type": "status-update", "status": "ringing"}});
    let odd_call = json!({"message": {"type": "status-update", "status": "ringing", "call": {"id": 7}}});
    let long_call = bodies::status(&"x".repeat(129), "ringing");
    let unknown = json!({"message": {"type": "not.invented.yet", "call": {"id": "call-odd"}, "extra": null}});
    let untyped = json!({"message": {"call": null}, "more": [1, 2, 3]});
    for body in [no_call, odd_call, long_call, unknown, untyped] {
        app.webhook(&body).await.acknowledges();
    }
}

#[tokio::test]
async fn when_no_seat_is_left_a_fact_is_asked_for_again_and_a_caller_hears_an_apology() {
    let app = App::start_with(|settings| settings.limits.seats = 0).await;
    let refused = app.rings("call-refused").await.refuses(503);
    assert_eq!(refused.header("retry-after"), "1");
    let refused = app.reports("call-refused").await.refuses(503);
    assert_eq!(refused.header("retry-after"), "1");

    let apology =
        app.asks_for("call-refused", "sendSMSAlert", json!({"priority": "P1", "message": "help"})).await.is(200);
    assert!(!apology.tool_result().1.is_empty());
    assert_eq!(apology.json()["results"][0]["toolCallId"], "tool_1");
    assert_eq!(app.get("/api/sms").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_tool_call_that_names_no_call_is_answered_with_an_apology() {
    let app = App::start().await;
    let mut body = bodies::tool_call("x", "tool_7", "classifyPriority", json!({}));
    body["message"]["call"] = json!(null);
    let answered = app.webhook(&body).await.is(200);
    assert_eq!(answered.tool_result().0, "error");
    assert_eq!(answered.json()["results"][0]["toolCallId"], "tool_7");
}

#[tokio::test]
async fn who_answers_a_call_is_said_from_configuration_even_when_nothing_can_be_recorded() {
    let app = App::start_with(|settings| settings.limits.seats = 0).await;
    let answered = app.webhook(&bodies::assistant_request("call-asked")).await.is(200);
    assert_eq!(answered.json()["assistantId"], bodies::BOREAL_ASSISTANT);
}

#[tokio::test]
async fn a_second_delivery_gets_the_same_answer_and_texts_nobody_again() {
    let app = App::start().await;
    app.rings("call-twice").await.acknowledges();
    let asked = json!({"priority": "P1", "message": "The basement is flooded"});
    let first = app.asks_for("call-twice", "sendSMSAlert", asked.clone()).await.is(200);
    let second = app.asks_for("call-twice", "sendSMSAlert", asked).await.is(200);
    assert_eq!(first.text, second.text);
    let texts = app.get("/api/sms?call=call-twice").await.json()["items"].clone();
    assert_eq!(texts.as_array().unwrap().len(), 2, "one for the owner, one for the crew: {texts:#}");
}

#[tokio::test]
async fn an_id_used_again_gets_the_answer_of_its_tool_and_raises_an_alarm_when_more_was_meant() {
    let app = App::start().await;
    let flood = json!({"priority": "P1", "message": "The basement is flooded"});
    let first = app.asks_for("call-id-again", "sendSMSAlert", flood).await.is(200);
    let odour = json!({"priority": "P3", "message": "An odour in the yard"});
    let other_arguments = app.asks_for("call-id-again", "sendSMSAlert", odour).await.is(200);
    assert_eq!(other_arguments.text, first.text);
    let texts = app.get("/api/sms?call=call-id-again").await.json()["items"].clone();
    assert!(texts.as_array().unwrap().iter().all(|sms| sms["priority"] == "P1"), "{texts:#}");

    let other_tool =
        app.asks_for("call-id-again", "classifyPriority", json!({"description": "an odour"})).await.is(200);
    assert_ne!(other_tool.tool_result(), first.tool_result());
    let metrics = app.anybody(Method::GET, "/metrics").await.text;
    assert!(counts(&metrics, "webhook_key_conflicts_total", &[]), "{metrics}");
}

#[tokio::test]
async fn a_tenants_secret_opens_its_own_calls_and_no_others() {
    let app = App::start().await;
    let theirs = bodies::from_harbour(bodies::status("call-walled", "ringing"));
    let ours = bodies::status("call-open", "ringing");
    app.webhook_as(HARBOUR_SECRET, theirs.to_string()).await.acknowledges();
    app.webhook_as(HARBOUR_SECRET, ours.to_string()).await.refuses(401);
    app.webhook_as(SECRET, theirs.to_string()).await.refuses(401);
    app.webhook_as(SECRET, ours.to_string()).await.acknowledges();
    assert_eq!(app.get("/api/calls/call-walled").await.is(200).json()["tenant"], "harbour");
    assert_eq!(app.get("/api/calls/call-open").await.is(200).json()["tenant"], "boreal");
}

#[tokio::test]
async fn webhooks_are_counted_by_type_and_timed() {
    let app = App::start().await;
    app.webhook(&json!({"message": {"type": "not.invented.yet"}})).await.acknowledges();
    let metrics = app.anybody(Method::GET, "/metrics").await.text;
    assert!(counts(&metrics, "webhook_requests_total", &["type=\"unknown\"", "outcome=\"ignored\""]), "{metrics}");
    assert!(counts(&metrics, "webhook_duration_seconds_bucket", &["type=\"unknown\"", "le=\"0.2\""]), "{metrics}");
}

/// Runs only where a folder of recorded bodies is given.
#[tokio::test]
async fn every_recorded_body_is_answered() {
    let Ok(folder) = std::env::var("CORDBOARD_CONTRACTS") else {
        return eprintln!("CORDBOARD_CONTRACTS is not set: no recorded bodies to send");
    };
    let app = App::start().await;
    for entry in std::fs::read_dir(std::path::Path::new(&folder).join("vapi/examples")).unwrap() {
        let path = entry.unwrap().path();
        let answered = app.webhook_as(SECRET, std::fs::read(&path).unwrap()).await;
        assert_eq!(answered.status, 200, "{}: {answered:?}", path.display());
        let kind = path.file_name().unwrap().to_str().unwrap();
        if kind.starts_with("tool-calls") {
            answered.tool_result();
        }
    }
}

/// A webhook nobody knows, exactly this long.
fn padded(bytes: usize) -> String {
    let empty = json!({"message": {"type": "not.invented.yet"}, "padding": ""}).to_string();
    let mut body: Value = serde_json::from_str(&empty).unwrap();
    body["padding"] = Value::from("x".repeat(bytes - empty.len()));
    body.to_string()
}

/// Sends these bytes and reads until the answer's head is there.
async fn says(app: &App, bytes: &str) -> String {
    let mut connection = TcpStream::connect(app.address()).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(connection.read_buf(&mut answer).await.unwrap() > 0, "closed without an answer");
    }
    String::from_utf8(answer).unwrap()
}

/// Whether a metric with these labels has counted anything.
fn counts(metrics: &str, name: &str, labels: &[&str]) -> bool {
    let of_name =
        |line: &&str| line.strip_prefix(&format!("cordboard_{name}")).is_some_and(|rest| rest.starts_with([' ', '{']));
    let lines = metrics.lines().filter(of_name);
    let mut wanted = lines.filter(|line| labels.iter().all(|label| line.contains(label)));
    wanted.any(|line| !line.ends_with(" 0"))
}

#[tokio::test]
async fn a_stranger_is_turned_away_without_its_body_being_kept() {
    let app = App::start_with(|settings| settings.http.webhook_memory_bytes = 64 * 1024).await;
    let large = "x".repeat(1024 * 1024);
    // No room for it, but it needs none: it is not kept.
    app.webhook_as("wrong", large.clone()).await.refuses(401);
    // One who may come in is told to come back.
    app.webhook_as(SECRET, large).await.refuses(503);
    app.rings("call-after-all").await.acknowledges();
}

#[tokio::test]
async fn strangers_with_a_made_up_signature_take_no_room_from_those_who_show_the_secret() {
    let app = App::start_with(|settings| {
        settings.http.webhook_body_bytes = ROOM;
        settings.http.webhook_memory_bytes = 4 * ROOM;
    })
    .await;
    // Bytes that were only promised cost nothing.
    let mut waiting = Vec::new();
    for _ in 0..8 {
        waiting.push(stranger_sends(&app, 0).await);
    }
    pretends_to_sign(&app, "{}").await.refuses(401);
    // Those that were sent fill the room of strangers.
    for _ in 0..8 {
        waiting.push(stranger_sends(&app, ROOM / 4).await);
    }
    let turned_away = async { while pretends_to_sign(&app, "x".repeat(ROOM / 2)).await.status != 503 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), turned_away).await.expect("their room is full");
    app.rings("call-with-room").await.acknowledges();
}

/// Room for one body.
const ROOM: usize = 64 * 1024;

/// A signature nobody checks before the whole body is there.
fn made_up_signature() -> [(&'static str, String); 2] {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    [("x-signature", "00".repeat(32)), ("x-timestamp", now.as_secs().to_string())]
}

async fn pretends_to_sign(app: &App, body: impl Into<reqwest::Body>) -> Answered {
    let headers = made_up_signature();
    let request =
        headers.iter().fold(app.request(Method::POST, PATH), |request, (name, value)| request.header(*name, value));
    Answered::to(request.body(body)).await
}

/// Promises a whole body, sends so much of it, and waits. Returns when the server has seen the head.
async fn stranger_sends(app: &App, bytes: usize) -> TcpStream {
    let mut connection = TcpStream::connect(app.address()).await.unwrap();
    let signed: String = made_up_signature().iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n{signed}content-length: {}\r\n\r\n",
        ROOM - 1
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    assert!(connection.read(&mut [0; 64]).await.unwrap() > 0, "closed instead of continued");
    connection.write_all(&vec![b'x'; bytes]).await.unwrap();
    connection
}
