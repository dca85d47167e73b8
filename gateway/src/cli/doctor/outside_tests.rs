use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use super::super::State;
use super::*;
use crate::settings::{Layers, load};

/// How a fake server answers.
#[derive(Clone, Copy)]
struct Fake {
    health: u16,
    without: u16,
    with: u16,
    body: &'static str,
}

const GOOD: Fake = Fake { health: 200, without: 401, with: 200, body: "{}" };

fn fake(fake: Fake) -> Url {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let status = |code: u16| HttpResponse::build(StatusCode::from_u16(code).unwrap());
    let server = HttpServer::new(move || {
        let webhook = move |request: HttpRequest, body: Bytes| {
            let knows = request.headers().get("x-vapi-secret").is_some_and(|secret| secret == "the-secret");
            let response = match (body == HARMLESS, knows) {
                (false, _) => status(418).finish(),
                (true, true) => status(fake.with).body(fake.body),
                (true, false) => status(fake.without).finish(),
            };
            async move { response }
        };
        let health = move || {
            let response = status(fake.health).finish();
            async move { response }
        };
        App::new().route("/healthz", web::get().to(health)).route(WEBHOOK_PATH, web::post().to(webhook))
    });
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let url = Url::parse(&format!("http://{}/", server.addrs()[0])).unwrap();
    tokio::spawn(server.run());
    url
}

async fn states(server: Fake, secret: Option<&str>) -> Vec<(&'static str, State)> {
    let secret = secret.map(|secret| SecretString::from(secret.to_owned()));
    let vapi = load(&Layers::default()).unwrap().settings.platforms.vapi;
    checks(&fake(server), secret, &vapi).await.into_iter().map(|check| (check.name, check.state)).collect()
}

#[tokio::test]
async fn a_healthy_server_passes_and_a_wrong_one_fails_by_name() {
    let ok = [(REACHED, State::Ok), (GUARDED, State::Ok), (ACCEPTED, State::Ok)];
    let but = |at: usize, state: State| {
        let mut states = ok.to_vec();
        states[at].1 = state;
        states
    };
    let right = Some("the-secret");
    assert_eq!(states(GOOD, right).await, ok);
    assert_eq!(states(GOOD, None).await, but(2, State::Warning));
    assert_eq!(states(GOOD, Some("another")).await, but(2, State::Failed));
    assert_eq!(states(Fake { without: 200, ..GOOD }, right).await, but(1, State::Failed));
    assert_eq!(states(Fake { without: 404, ..GOOD }, right).await, but(1, State::Failed));
    assert_eq!(states(Fake { with: 500, ..GOOD }, right).await, but(2, State::Failed));
    assert_eq!(states(Fake { body: "<html>", ..GOOD }, right).await, but(2, State::Failed));
    assert_eq!(states(Fake { health: 404, ..GOOD }, right).await, [(REACHED, State::Failed)]);
    assert_eq!(states(Fake { health: 308, ..GOOD }, right).await, [(REACHED, State::Failed)]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    assert_eq!(reached(&url).await.state, State::Unreachable);
}

#[test]
fn plain_http_is_warned_of_beyond_this_machine_only() {
    let warned = |url: &str| plain_http(&Url::parse(url).unwrap()).is_some();
    assert!(warned("http://calls.example.com"));
    assert!(!warned("https://calls.example.com") && !warned("http://127.0.0.1:8080") && !warned("http://[::1]:8080"));
}
