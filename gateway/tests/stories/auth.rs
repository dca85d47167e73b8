//! Who may come in: tokens, sessions, login links; and everybody else, who may not.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Answered, App};

const GUARDED: [&str; 8] = [
    "/api/calls/active",
    "/api/calls/call-1",
    "/api/calls/call-1/events",
    "/api/sms",
    "/api/sms/00000000000000000000000000000000",
    "/api/metrics",
    "/api/playbooks",
    "/api/live/sse",
];

#[tokio::test]
async fn nothing_of_the_api_is_shown_to_a_stranger() {
    let app = App::start().await;
    for path in GUARDED {
        app.anybody(Method::GET, path).await.refuses(401);
        for wrong in ["", "x", "admin-token-of-these-storie"] {
            Answered::to(app.request(Method::GET, path).bearer_auth(wrong)).await.refuses(401);
        }
        let guessed = app.request(Method::GET, path).header("cookie", "cordboard_session=guessed");
        Answered::to(guessed).await.refuses(401);
        let basic = app.request(Method::GET, path).basic_auth("admin", Some(app.admin_token()));
        Answered::to(basic).await.refuses(401);
    }
}

#[tokio::test]
async fn a_session_is_opened_by_the_token_and_closed_by_signing_out() {
    let app = App::start().await;
    let signed_in = logs_in(&app, app.admin_token()).await.is(204);
    let cookie = signed_in.header("set-cookie").to_owned();
    for part in ["cordboard_session=", "; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let session = cookie.split(';').next().unwrap().to_owned();
    let with = |method, path| app.request(method, path).header("cookie", format!("theme=dark; {session}"));
    Answered::to(with(Method::GET, "/api/sms")).await.is(200);
    let signed_out = Answered::to(with(Method::POST, "/logout")).await.is(204);
    assert!(signed_out.header("set-cookie").contains("Max-Age=0"));
    Answered::to(with(Method::GET, "/api/sms")).await.refuses(401);
}

#[tokio::test]
async fn a_plain_form_signs_in_and_lands_on_the_page() {
    let app = App::start().await;
    let form = app.request(Method::POST, "/login").form(&[("token", app.admin_token())]);
    let answered = Answered::to(form).await.is(303);
    assert_eq!(answered.header("location"), "/");
    assert!(answered.header("set-cookie").starts_with("cordboard_session="));
}

#[tokio::test]
async fn a_login_link_works_once() {
    let app = App::start().await;
    let link = format!("/login?code={}", app.login_code());
    // What previews a link does not use it up.
    app.anybody(Method::HEAD, &link).await.is(405);
    let first = app.anybody(Method::GET, &link).await.is(303);
    assert_eq!(first.header("location"), "/");
    let session = first.header("set-cookie").split(';').next().unwrap().to_owned();
    Answered::to(app.request(Method::GET, "/api/sms").header("cookie", session)).await.is(200);

    let second = app.anybody(Method::GET, &link).await.refuses(401);
    assert_eq!(second.header("set-cookie"), "");
    let browser = app.request(Method::GET, &link).header("accept", "text/html,*/*;q=0.8");
    assert!(Answered::to(browser).await.is(401).header("content-type").starts_with("text/html"));
    assert_eq!(app.anybody(Method::GET, "/login").await.is(303).header("location"), "/");
}

#[tokio::test]
async fn behind_tls_the_cookie_never_travels_without_it() {
    let app = App::start().await;
    let body = json!({"token": app.admin_token()}).to_string();
    let request = app.request(Method::POST, "/login").header("x-forwarded-proto", "https");
    let answered = Answered::to(request.header("content-type", "application/json").body(body)).await.is(204);
    assert!(answered.header("set-cookie").ends_with("; Secure"));
    assert!(answered.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test]
async fn a_login_that_says_nothing_is_not_a_wrong_one() {
    let app = App::start().await;
    for body in ["", "{}", r#"{"token":7}"#, "token"] {
        let request = app.request(Method::POST, "/login").header("content-type", "application/json");
        let answered = Answered::to(request.body(body)).await.refuses(422);
        assert_eq!(answered.json()["errors"][0]["field"], "token");
    }
}

#[tokio::test]
async fn whoever_guesses_too_often_must_wait() {
    let app = App::start().await;
    for _ in 0..20 {
        logs_in(&app, "guess").await.refuses(401);
    }
    let refused = logs_in(&app, app.admin_token()).await.refuses(429);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    app.get("/api/sms").await.is(200);
}

async fn logs_in(app: &App, token: &str) -> Answered {
    let request = app.request(Method::POST, "/login").header("content-type", "application/json");
    Answered::to(request.body(json!({ "token": token }).to_string())).await
}
