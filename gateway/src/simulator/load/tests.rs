use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use actix_web::{App, HttpResponse, HttpServer, web};

use super::*;

/// A server on a free port, which answers as `answer` says to the n-th request.
pub fn server(answer: impl Fn(u64, Bytes) -> HttpResponse + Clone + Send + 'static) -> Url {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seen = Arc::new(AtomicU64::new(0));
    let server = HttpServer::new(move || {
        let (answer, seen) = (answer.clone(), seen.clone());
        let handler = move |body: Bytes| {
            let response = answer(seen.fetch_add(1, Ordering::SeqCst), body);
            async move { response }
        };
        App::new().default_service(web::to(handler))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    Url::parse(&format!("http://{address}/webhooks")).unwrap()
}

fn shots(count: u64, every: Duration, wanted: Wanted) -> impl Iterator<Item = Shot> + Send + 'static {
    (0..count).map(move |number| Shot {
        due: every * number as u32,
        kind: if number % 2 == 0 { "even" } else { "odd" },
        body: Bytes::from(number.to_string()),
        headers: HeaderMap::new(),
        wanted: wanted.clone(),
    })
}

const OFTEN: Duration = Duration::from_millis(1);

#[tokio::test]
async fn everything_is_sent_and_counted_by_status_and_kind() {
    let target = server(|number, _| match number % 4 {
        3 => HttpResponse::ServiceUnavailable().finish(),
        _ => HttpResponse::Ok().body("{}"),
    });
    let outcome = run(shots(40, OFTEN, Wanted::Object), target, Options::default()).await.unwrap();
    assert_eq!(outcome.by_status, BTreeMap::from([(200, 30), (503, 10)]));
    assert_eq!((outcome.sent, outcome.errors(), outcome.wrong_answers), (40, 0, 0));
    assert_eq!(outcome.latency.len(), 40);
    assert_eq!(outcome.latency_by_kind["even"].len(), 20);
    assert_eq!(outcome.bytes_sent, 10 + 30 * 2);
}

#[tokio::test]
async fn a_stall_is_measured_by_everything_that_was_due_meanwhile() {
    // The only worker stops for 300 ms at the first request; ten more are due in the 100 ms that follow.
    let stall = Duration::from_millis(300);
    let target = server(move |number, _| {
        if number == 0 {
            std::thread::sleep(stall);
        }
        HttpResponse::Ok().body("{}")
    });
    let outcome = run(shots(11, OFTEN * 10, Wanted::Object), target, Options::default()).await.unwrap();
    // A closed loop would have one slow answer and ten fast ones.
    let slow = outcome.latency.iter_recorded().filter(|value| value.value_iterated_to() >= 190_000);
    assert_eq!(slow.map(|value| value.count_at_value()).sum::<u64>(), 11);
}

#[tokio::test]
async fn a_wait_for_a_free_connection_counts() {
    let target = server(|_, _| {
        std::thread::sleep(Duration::from_millis(20));
        HttpResponse::Ok().body("{}")
    });
    let options = Options { connections: 1, ..Options::default() };
    let outcome = run(shots(5, Duration::ZERO, Wanted::Object), target, options).await.unwrap();
    assert!(outcome.latency.max() >= 100_000, "{}", outcome.latency.max());
    assert!(outcome.late.max() >= 80_000, "{}", outcome.late.max());
}

#[tokio::test]
async fn no_answer_is_a_timeout_and_a_closed_port_is_broken() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = Options { timeout: Duration::from_millis(50), ..Options::default() };
    let outcome = run(shots(3, OFTEN, Wanted::Object), silent.clone(), options.clone()).await.unwrap();
    assert_eq!((outcome.timeouts, outcome.broken), (3, 0));
    drop(listener);
    let outcome = run(shots(3, OFTEN, Wanted::Object), silent, options).await.unwrap();
    assert_eq!((outcome.sent, outcome.broken), (3, 3));
}

#[tokio::test]
async fn a_run_that_is_stopped_ends_with_what_was_sent() {
    let stop = Stop::default();
    let stopper = stop.clone();
    let target = server(|_, _| HttpResponse::Ok().body("{}"));
    let options = Options { stop, on_answer: Arc::new(move |_| stopper.now()), ..Options::default() };
    let endless = shots(u64::from(u32::MAX), OFTEN * 5, Wanted::Object);
    let outcome = run(endless, target, options).await.unwrap();
    assert!((1..1_000).contains(&outcome.sent), "{}", outcome.sent);
}

#[tokio::test]
async fn a_wrong_body_is_counted() {
    let target = server(|_, _| HttpResponse::Ok().body("fine"));
    let outcome = run(shots(4, OFTEN, Wanted::Object), target, Options::default()).await.unwrap();
    assert_eq!(outcome.wrong_answers, 4);
}

#[test]
fn a_tool_call_is_answered_once_per_id_and_in_order() {
    let wanted = Wanted::ToolResults(["a".into(), "b".into()].into());
    for (body, right) in [
        (r#"{"results":[{"name":"x","toolCallId":"a","result":"1"},{"toolCallId":"b","error":"no"}]}"#, true),
        (r#"{"results":[{"toolCallId":"b","result":"1"},{"toolCallId":"a","result":"1"}]}"#, false),
        (r#"{"results":[{"toolCallId":"a","result":"1"}]}"#, false),
        (r#"{"results":[{"toolCallId":"a","result":"1"},{"toolCallId":"b"}]}"#, false),
        (r#"{"results":[{"toolCallId":"a","result":"1"},{"toolCallId":"b","result":{"an":"object"}}]}"#, false),
        (r#"{"results":[{"toolCallId":"a","result":"1"},{"toolCallId":"b","result":"two\nlines"}]}"#, false),
        (r#"{"results":[{"toolCallId":"a","result":"1"},{"toolCallId":"b","result":"1","error":"2"}]}"#, false),
        (r#"[{"toolCallId":"a","result":"1"}]"#, false),
        ("{}", false),
        ("", false),
    ] {
        assert_eq!(wanted.is(body.as_bytes()), right, "{body}");
    }
    assert!(Wanted::Object.is(b"{}") && !Wanted::Object.is(b"[]") && Wanted::Anything.is(b""));
}
