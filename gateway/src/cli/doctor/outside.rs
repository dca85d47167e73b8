//! What the voice platform would see: the public URL, its certificate, and whether the secret is asked for and fits.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::{RequestBuilder, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Check;
use crate::cli::client::WEBHOOK_PATH;
use crate::settings::{Vapi, is_loopback};
use crate::simulator::load::{self, Options};

/// A message that every server of ours acknowledges and forgets.
const HARMLESS: &str = r#"{"message":{"type":"cordboard.doctor"}}"#;
const PATIENCE: Duration = Duration::from_secs(10);

const REACHED: &str = "reachable";
const GUARDED: &str = "guarded";
const ACCEPTED: &str = "secret";

pub struct Answer {
    pub status: u16,
    body: Bytes,
}

pub async fn checks(public: &Url, secret: Option<SecretString>, vapi: &Vapi) -> Vec<Check> {
    let mut checks: Vec<Check> = plain_http(public).into_iter().collect();
    let reached = reached(public).await;
    let goes_on = reached.state == super::State::Ok;
    checks.push(reached);
    if goes_on {
        checks.push(guarded(public).await);
        checks.push(accepted(public, secret, vapi).await);
    }
    checks
}

fn plain_http(public: &Url) -> Option<Check> {
    let exposed = public.scheme() == "http" && !is_loopback(public);
    exposed.then(|| Check::warning("tls", "plain http: the secret and every transcript can be read; use https"))
}

async fn reached(public: &Url) -> Check {
    let url = at(public, "/healthz");
    match get(&url).await {
        Ok(answer) if answer.status == 200 => Check::ok(REACHED, format!("{url} answers{}", certified(public))),
        Ok(answer) => Check::failed(REACHED, wrong(&url, answer.status, "200: is this server behind that URL?")),
        Err(error) => unanswered(REACHED, &url, &error),
    }
}

fn certified(public: &Url) -> &'static str {
    if public.scheme() == "https" { ", its certificate is valid" } else { "" }
}

/// Whoever does not know the secret must be turned away.
async fn guarded(public: &Url) -> Check {
    let url = at(public, WEBHOOK_PATH);
    match post(&url, |request| request).await {
        Ok(answer) if answer.status == 401 => Check::ok(GUARDED, "a webhook without the secret is refused"),
        Ok(answer) => Check::failed(GUARDED, wrong(&url, answer.status, "401 for a webhook without the secret")),
        Err(error) => unanswered(GUARDED, &url, &error),
    }
}

async fn accepted(public: &Url, secret: Option<SecretString>, vapi: &Vapi) -> Check {
    let url = at(public, WEBHOOK_PATH);
    let Some(secret) = secret else {
        return Check::warning(ACCEPTED, "no secret is known here, so none was tried; give --data-dir of the server");
    };
    match post(&url, |request| request.header(&vapi.secret_header, secret.expose_secret())).await {
        Ok(answer) if answer.status == 200 && answer.is_empty_object() => {
            Check::ok(ACCEPTED, format!("a webhook with the secret in {} is accepted", vapi.secret_header))
        }
        Ok(answer) if answer.status == 200 => {
            Check::failed(ACCEPTED, format!("{url} answers, but not as this server does"))
        }
        Ok(answer) if answer.status == 401 => {
            Check::failed(ACCEPTED, "the server refuses our secret: it runs with another one than these settings")
        }
        Ok(answer) => Check::failed(ACCEPTED, wrong(&url, answer.status, "200 for a webhook with the secret")),
        Err(error) => unanswered(ACCEPTED, &url, &error),
    }
}

impl Answer {
    fn is_empty_object(&self) -> bool {
        serde_json::from_slice::<Value>(&self.body).is_ok_and(|value| value.as_object().is_some_and(|o| o.is_empty()))
    }
}

fn at(public: &Url, path: &str) -> Url {
    let mut url = public.clone();
    url.set_path(path);
    url
}

/// Platforms do not follow redirects when they post, so one is an answer like any other.
fn wrong(url: &Url, status: u16, wanted: &str) -> String {
    if (300..400).contains(&status) {
        return format!("{url} redirects ({status}), and webhooks do not follow: give the URL it leads to");
    }
    format!("{url} answers {status}, wanted {wanted}")
}

fn unanswered(name: &'static str, url: &Url, error: &reqwest::Error) -> Check {
    let cause = causes(error);
    if cause.contains("certificate") {
        return Check::failed(name, format!("{url} has no valid certificate: {cause}"));
    }
    Check::unreachable(name, format!("{url} does not answer: {cause}"))
}

/// The innermost cause says most.
fn causes(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

pub async fn get(url: &Url) -> Result<Answer, reqwest::Error> {
    answered(client(url)?.get(url.clone())).await
}

async fn post(url: &Url, prove: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Result<Answer, reqwest::Error> {
    let request = client(url)?.post(url.clone()).header("content-type", "application/json").body(HARMLESS);
    answered(prove(request)).await
}

fn client(url: &Url) -> Result<reqwest::Client, reqwest::Error> {
    load::client(url, &Options { connections: 1, timeout: PATIENCE, ..Options::default() })
}

async fn answered(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    let response = request.send().await?;
    Ok(Answer { status: response.status().as_u16(), body: response.bytes().await? })
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;
