//! Asking a business's own server: what it gets, what is believed of its answer, and where nobody is asked.

#[path = "support/own_server.rs"]
mod own_server;

use std::sync::Arc;
use std::time::Duration;

use engine::alert::{Reason, Word};
use engine::ids::TenantId;
use engine::playbook::{AlertWords, PushChannel, PushFormat};
use engine::ports::{Forwarder, NewPush, Post, Pusher, SystemClock};
use engine::priority::Priority;
use engine::tools::{Endpoint, Loss, Lost};
use gateway::forward::HttpForwarder;

use self::own_server::{Act, OwnServer, SECRET};

fn forwarder() -> HttpForwarder {
    // The other tests of this process may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    HttpForwarder::new(Arc::new(SystemClock)).unwrap()
}

fn endpoint(url: &str, allow_private: bool) -> Endpoint {
    Endpoint { url: url.into(), secret: SECRET.into(), timeout: Duration::from_secs(4), allow_private }
}

async fn ask(url: &str, allow_private: bool) -> Result<String, Lost> {
    let post = Post {
        endpoint: &endpoint(url, allow_private),
        idempotency_key: "call 1/book/t\u{e9}",
        body: r#"{"tool":"book","text":"é"}"#,
    };
    forwarder().post(post).await
}

#[tokio::test]
async fn a_request_is_signed_and_named_and_its_answer_read() {
    let server = OwnServer::start().await;
    server.answers(200, "{\"result\": 7}");
    assert_eq!(ask(&server.url(), true).await, Ok("{\"result\": 7}".to_owned()));
    let request = &server.log()[0];
    assert!(request.is_signed());
    assert_eq!(request.body, r#"{"tool":"book","text":"é"}"#);
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("idempotency-key"), "call%201/book/t%C3%A9");
    assert!(request.header("x-cordboard-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
    assert!(!format!("{request:?}").contains(SECRET));
}

#[tokio::test]
async fn a_private_address_is_never_connected_to_however_it_is_written() {
    let server = OwnServer::start().await;
    let port = server.address.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "0x7f.1",
        "2130706433",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "0.0.0.0",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
    ] {
        let lost = ask(&format!("https://{host}:{port}/"), false).await.unwrap_err();
        assert_eq!(lost.how, Loss::NotAsked, "{host}");
        assert!(lost.why.contains("private"), "{host}: {lost}");
    }
    let lost = ask(&server.url(), false).await.unwrap_err();
    assert_eq!(lost.how, Loss::NotAsked);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn an_alert_is_pushed_to_no_private_address_either() {
    let server = OwnServer::start().await;
    let push = |url: &str, allow_private| {
        let channel = PushChannel { endpoint: endpoint(url, allow_private), ..channel() };
        NewPush { channel: Arc::new(channel), ..notification() }
    };
    for host in ["127.0.0.1", "localhost", "0x7f.1", "[::1]", "169.254.169.254"] {
        let url = format!("https://{host}:{}/topic", server.address.port());
        let lost = forwarder().push(&push(&url, false)).await.unwrap_err();
        assert_eq!(lost.how, Loss::NotAsked, "{host}");
        assert!(lost.why.contains("private") && !lost.why.contains("topic"), "{lost}");
    }
    assert_eq!(server.connections(), 0);
    forwarder().push(&push(&server.url(), true)).await.unwrap();
    server.will(Act::Answer(403, "", "{}".into()));
    let lost = forwarder().push(&push(&server.url(), true)).await.unwrap_err();
    assert_eq!(lost.how, Loss::Refused);
}

fn channel() -> PushChannel {
    let endpoint = endpoint("https://ntfy.example.com/topic", false);
    PushChannel { endpoint, format: PushFormat::Ntfy, priorities: vec![Priority::P1] }
}

fn notification() -> NewPush {
    let words = AlertWords {
        business: "Acme".into(),
        priority: Priority::P1,
        client: String::new(),
        callback: String::new(),
        service: String::new(),
        address: String::new(),
        message: "water".to_owned(),
        link: String::new(),
    };
    NewPush {
        id: "push-1".into(),
        channel: Arc::new(channel()),
        alert: "00000000000000000000000000000001".parse().unwrap(),
        tenant: TenantId::parse("acme").unwrap(),
        call: None,
        reason: Reason::Call,
        priority: Priority::P1,
        word: Word::Open,
        title: "Acme P1: alert".into(),
        text: "water".into(),
        words,
    }
}

#[tokio::test]
async fn what_an_answer_proves_is_what_is_believed() {
    let server = OwnServer::start().await;
    let redirect = format!("location: {}", OwnServer::start().await.url());
    let location: &'static str = Box::leak(redirect.into_boxed_str());
    for (act, how, why) in [
        (Act::Answer(307, location, String::new()), Loss::Refused, "status 307"),
        (Act::Answer(404, "", "{}".into()), Loss::Refused, "status 404"),
        (Act::Answer(408, "", "{}".into()), Loss::Unknown, "status 408"),
        (Act::Answer(422, "", "{}".into()), Loss::Refused, "status 422"),
        (Act::Answer(425, "", "{}".into()), Loss::Unknown, "status 425"),
        (Act::Answer(429, "", "{}".into()), Loss::Unknown, "status 429"),
        (Act::Answer(500, "", "{}".into()), Loss::Unknown, "status 500"),
        (Act::Answer(200, "", "x".repeat(1_000_000)), Loss::Unknown, "more than 16384 bytes"),
        (Act::Pour, Loss::Unknown, "more than 16384 bytes"),
        (Act::Reset, Loss::Unknown, "broke off"),
    ] {
        server.will(act);
        let lost = ask(&server.url(), true).await.unwrap_err();
        assert_eq!(lost.how, how, "{lost}");
        assert!(lost.why.contains(why), "{lost}");
    }
    assert_eq!(server.log().len(), 10, "nothing is repeated or followed");
    server.answers(200, &"x".repeat(16 * 1024));
    assert_eq!(ask(&server.url(), true).await.unwrap().len(), 16 * 1024);
}

#[tokio::test]
async fn a_page_is_no_answer_and_json_is_one_under_any_name() {
    let server = OwnServer::start().await;
    let page = "<!DOCTYPE html><title>Sign in</title>";
    for (content_type, body, is_answer) in [
        ("content-type: text/html; charset=utf-8", page, false),
        ("content-type: Text/HTML", "", false),
        ("content-type: text/html", "{\"result\": 7}", true),
        ("content-type: text/plain", "Tuesday it is", true),
        ("content-type: application/json", "{\"result\": 7}", true),
    ] {
        server.will(Act::Answer(200, content_type, body.into()));
        let answer = ask(&server.url(), true).await;
        match is_answer {
            true => assert_eq!(answer.as_deref(), Ok(body), "{content_type}"),
            false => assert_eq!(answer.unwrap_err().how, Loss::Unknown, "{content_type}"),
        }
    }
}

#[tokio::test]
async fn where_nobody_listens_nobody_was_asked() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lost = ask(&format!("http://{gone}/"), true).await.unwrap_err();
    assert_eq!((lost.how, &*lost.why), (Loss::NotAsked, "no connection"));
}
