//! What a delivery means.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::call::{Fact, Phase, Role, SmsCounts};
use engine::ports::{Delivered, Dispatch, OuterBus, Update};
use engine::testing::frames::{call, state};
use gateway::bus::{Address, NatsBus, NatsSettings, escape};
use serde_json::json;

use super::listener::Listener;
use super::nats_server::{NatsServer, program};

fn settings(url: &str) -> NatsSettings {
    NatsSettings {
        address: Address::parse(url).expect("an address"),
        prefix: "test".to_owned(),
        credentials: None,
        ca: None,
        connect_within: Duration::from_secs(2),
        answer_within: Duration::from_secs(2),
        settle: Duration::from_millis(1),
    }
}

async fn bus(url: &str) -> Arc<NatsBus> {
    Arc::new(NatsBus::open(settings(url)).await.expect("it opens, server or not"))
}

fn spoken(id: &str, seq: u64, words: &str) -> Dispatch {
    let key = call("acme", id);
    let view = state(seq, Phase::InProgress).view(&key.tenant, &key.call, SmsCounts::default(), None);
    let events = vec![Fact::Spoke { role: Role::Caller, text: words.into() }];
    Dispatch { revision: seq, update: Update::Call { seq, call: view, events: events.into() } }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), waiting).await.is_ok(), "never: {what}");
}

#[tokio::test]
async fn what_is_delivered_is_heard_in_order_under_its_subject_and_id() {
    let Some(program) = program() else { return };
    let server = NatsServer::start(program, "").await;
    let listener = Listener::to(&server.url(), "test.calls.acme.>").await;
    let bus = bus(&server.url()).await;
    let told: Vec<_> = (1..=2_000).map(|seq| spoken("one > two.3*é", seq, "water")).collect();
    assert_eq!(bus.deliver(&told).await, Ok(Delivered { taken: 2_000, refused: 0 }));
    let heard = listener.until(|heard| heard.len() == 2_000).await;
    let token = escape("one > two.3*é");
    for (heard, seq) in heard.iter().zip(1_u64..) {
        assert_eq!(heard.json["seq"], seq);
        assert_eq!(heard.subject, format!("test.calls.acme.{token}"));
        assert_eq!(heard.id.as_deref(), Some(format!("calls.acme.{token}.{seq}").as_str()));
    }
    assert_eq!(heard[0].json["call"]["id"], "one > two.3*é");
    assert_eq!(heard[0].json["events"], json!([{ "type": "spoke", "role": "caller", "text": "water" }]));
    assert_eq!(bus.troubles(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_server_never_read_is_not_said_to_be_delivered() {
    let Some(program) = program() else { return };
    let mut server = NatsServer::start(program, "").await;
    let bus = bus(&server.url()).await;
    assert!(bus.deliver(&[spoken("c1", 1, "x")]).await.is_ok());
    // The kernel goes on taking bytes for it: a flush of the client alone would succeed.
    server.freeze();
    let delivering = tokio::spawn({
        let bus = bus.clone();
        async move { bus.deliver(&[spoken("c1", 2, "y")]).await }
    });
    // Connected and stuck at first; the client gives such a connection up by itself.
    until("it is seen that nothing moves", || !bus.troubles().is_empty()).await;
    server.kill();
    server.start_again().await;
    assert!(delivering.await.unwrap().is_err(), "nobody has read it");
    assert!(bus.deliver(&[spoken("c1", 2, "y")]).await.is_ok());
}

#[tokio::test]
async fn a_server_that_was_only_slow_has_everything_once() {
    let Some(program) = program() else { return };
    let server = NatsServer::start(program, "").await;
    let listener = Listener::own(&server.url(), "test.>").await;
    let bus = bus(&server.url()).await;
    assert!(bus.deliver(&[spoken("c1", 1, "x")]).await.is_ok());
    server.freeze();
    let delivering = tokio::spawn({
        let bus = bus.clone();
        async move { bus.deliver(&[spoken("c1", 2, "y")]).await }
    });
    until("it is seen that nothing moves", || !bus.troubles().is_empty()).await;
    server.thaw();
    assert!(delivering.await.unwrap().is_ok());
    let heard = listener.until(|heard| heard.iter().any(|heard| heard.json["seq"] == 2)).await;
    assert_eq!(heard.iter().filter(|heard| heard.json["type"] == "call.updated").count(), 2);
    until("it is well again", || bus.troubles().is_empty()).await;
}

#[tokio::test]
async fn a_connection_that_is_lost_between_two_deliveries_is_told_of() {
    let Some(program) = program() else { return };
    let mut server = NatsServer::start(program, "").await;
    let bus = bus(&server.url()).await;
    assert!(bus.deliver(&[spoken("c1", 1, "x")]).await.is_ok());
    server.kill();
    server.start_again().await;
    until("the client notices", || bus.troubles().is_empty()).await;
    let mut outcomes = Vec::new();
    while !outcomes.iter().any(Result::is_err) {
        outcomes.push(bus.deliver(&[]).await);
        tokio::task::yield_now().await;
    }
    assert!(bus.deliver(&[]).await.is_ok(), "told of once");
}

#[tokio::test]
async fn a_bus_that_is_not_there_yet_is_waited_for_and_says_so() {
    let Some(program) = program() else { return };
    let mut server = NatsServer::absent(program);
    let bus = bus(&server.url()).await;
    until("it says so", || bus.troubles().iter().any(|trouble| trouble.starts_with("not connected ("))).await;
    let delivering = tokio::spawn({
        let bus = bus.clone();
        async move { bus.deliver(&[spoken("c1", 1, "x")]).await }
    });
    server.start_again().await;
    assert_eq!(delivering.await.unwrap(), Ok(Delivered { taken: 1, refused: 0 }));
    assert_eq!(bus.troubles(), Vec::<String>::new());
}

#[tokio::test]
async fn a_message_the_server_finds_too_long_is_clipped_and_one_that_cannot_be_is_left_out() {
    let Some(program) = program() else { return };
    let server = NatsServer::start(program, "max_payload: 4096").await;
    let listener = Listener::to(&server.url(), "test.>").await;
    let bus = bus(&server.url()).await;
    let told = [spoken("c1", 1, "short"), spoken("c1", 2, &"long ".repeat(9_000)), spoken("c1", 3, "short")];
    assert_eq!(bus.deliver(&told).await, Ok(Delivered { taken: 3, refused: 0 }));
    let seq = |seq: u64| move |heard: &[super::listener::Heard]| heard.iter().any(|heard| heard.json["seq"] == seq);
    let heard = listener.until(seq(3)).await;
    let clipped = heard.iter().find(|heard| heard.json["seq"] == 2).expect("in order");
    assert_eq!((&clipped.json["clipped"], &clipped.json["call"]["id"]), (&json!(true), &json!("c1")));
    let mut hopeless = spoken("c1", 4, "x");
    let view = |update: &mut Update| match update {
        Update::Call { call, .. } => Arc::get_mut(call).expect("ours alone").tools_used = vec!["tool".into(); 4_000],
        _ => unreachable!("it is of a call"),
    };
    view(&mut hopeless.update);
    assert_eq!(bus.deliver(&[hopeless, spoken("c1", 5, "x")]).await, Ok(Delivered { taken: 1, refused: 1 }));
    listener.until(seq(5)).await;
}

#[tokio::test]
async fn whoever_has_the_password_or_the_token_is_let_in() {
    let Some(program) = program() else { return };
    for (config, login) in [
        ("authorization { user: jo, password: \"p@ss/w\" }", "jo:p%40ss%2Fw@"),
        ("authorization { token: \"a-token\" }", "a-token@"),
    ] {
        let server = NatsServer::start(program.clone(), config).await;
        let with = |login: &str| server.url().replace("nats://", &format!("nats://{login}"));
        assert!(bus(&with(login)).await.deliver(&[spoken("c1", 1, "x")]).await.is_ok());
        let stranger = bus(&with("jo:guessed@")).await;
        let refused = || stranger.troubles().iter().any(|trouble| trouble.contains("authorization violation"));
        until("a stranger is refused", refused).await;
        assert!(!format!("{:?} {}", stranger.troubles(), stranger.describe()).contains("guessed"));
    }
}

#[tokio::test]
async fn who_may_not_publish_somewhere_is_told_to_look_and_goes_on_elsewhere() {
    let Some(program) = program() else { return };
    let config = "authorization { users: [{ user: jo, password: pw, permissions: \
                  { publish: { allow: \"test.>\", deny: \"test.calls.acme.secret\" }, subscribe: \"test.>\" } }] }";
    let server = NatsServer::start(program, config).await;
    let url = server.url().replace("nats://", "nats://jo:pw@");
    let listener = Listener::own(&url, "test.calls.>").await;
    let bus = bus(&url).await;
    assert!(bus.deliver(&[spoken("secret", 1, "x"), spoken("open", 1, "x")]).await.is_ok());
    assert_eq!(listener.until(|heard| !heard.is_empty()).await[0].json["call"]["id"], "open");
    until("it says so", || bus.troubles() == ["the server refuses some of what we do: see the log"]).await;
}

#[tokio::test]
async fn a_server_behind_tls_must_prove_who_it_is() {
    let Some(program) = program() else { return };
    let Some(keys) = self_signed() else { return };
    let path = |name: &str| keys.path().join(name);
    let config = format!("tls {{ cert_file: {:?}, key_file: {:?} }}", path("cert.pem"), path("key.pem"));
    let server = NatsServer::start(program, &config).await;
    let url = format!("tls://localhost:{}", server.port());
    let trusting = NatsSettings { ca: Some(path("cert.pem")), ..settings(&url) };
    let bus = NatsBus::open(trusting).await.unwrap();
    assert!(bus.deliver(&[spoken("c1", 1, "x")]).await.is_ok());
    let doubting = super::adapter::bus(&url).await;
    until("a stranger is not trusted", || !doubting.troubles().is_empty()).await;
    assert!(doubting.troubles()[0].starts_with("not connected"));
}

fn self_signed() -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(path("key.pem"))
        .arg("-out")
        .arg(path("cert.pem"))
        .output();
    let works = made.is_ok_and(|made| made.status.success());
    if !works {
        eprintln!("SKIPPED: no openssl to make a certificate with");
    }
    works.then_some(folder)
}
