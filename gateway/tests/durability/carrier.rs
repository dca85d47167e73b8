//! A carrier that takes every message after a moment, and remembers what it was asked.

// Each test file that includes this uses another part of it.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::checker::Asked;
use super::server::STALLED;

pub struct Carrier {
    asked: Arc<Mutex<Vec<Asked>>>,
    more: Arc<Notify>,
    /// Who asks from this number waits for ever.
    unanswered: Arc<Mutex<Option<String>>>,
    url: String,
}

impl Carrier {
    pub async fn start(latency: Duration) -> Carrier {
        let (asked, more) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Notify::new()));
        let unanswered = Arc::new(Mutex::new(None::<String>));
        let shared = (asked.clone(), more.clone(), unanswered.clone());
        let server = HttpServer::new(move || {
            let shared = shared.clone();
            App::new().default_service(web::to(move |form: web::Form<Vec<(String, String)>>| {
                let (seen, more, unanswered) = shared.clone();
                async move {
                    let field = |wanted: &str| {
                        let found = form.iter().find(|(name, _)| name == wanted);
                        found.map(|(_, value)| value.clone()).unwrap_or_default()
                    };
                    let (to, body) = (field("To"), field("Body"));
                    let number = {
                        let mut seen = seen.lock();
                        // A telephone that is to ring has no words.
                        if !body.is_empty() {
                            seen.push(Asked { to, body });
                        }
                        seen.len()
                    };
                    more.notify_waiters();
                    if unanswered.lock().as_ref().is_some_and(|number| *number == field("From")) {
                        std::future::pending::<()>().await;
                    }
                    tokio::time::sleep(latency).await;
                    HttpResponse::Created()
                        .json(serde_json::json!({ "sid": format!("SM{number:032x}"), "status": "queued" }))
                }
            }))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Carrier { asked, more, unanswered, url }
    }

    /// Whoever sends from this number hears nothing from now on.
    pub fn answers_all_but(&self, number: &str) {
        *self.unanswered.lock() = Some(number.to_owned());
    }

    /// Returns when it was asked for so many texts in all.
    pub async fn was_asked(&self, times: usize) {
        loop {
            let more = self.more.notified();
            if self.asked.lock().len() >= times {
                return;
            }
            tokio::time::timeout(STALLED, more).await.expect("the carrier is asked");
        }
    }

    /// Makes a server send through this carrier.
    pub fn settings(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("CORDBOARD_SMS__PROVIDER", "twilio"),
            ("CORDBOARD_SMS__TWILIO__ACCOUNT_SID", "AC00000000000000000000000000000000"),
            ("CORDBOARD_SMS__TWILIO__AUTH_TOKEN", "not-a-token"),
            ("CORDBOARD_SMS__TWILIO__FROM", "+15005550006"),
            ("CORDBOARD_SMS__TWILIO__BASE_URL", &self.url),
            ("CORDBOARD_SMS__TWILIO__MPS", "1000"),
        ]
    }

    /// The carrier's log.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}
