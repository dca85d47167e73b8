//! A carrier that takes every message after a moment, and remembers what it was asked.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;

use super::checker::Asked;

pub struct Carrier {
    asked: Arc<Mutex<Vec<Asked>>>,
    url: String,
}

impl Carrier {
    pub async fn start(latency: Duration) -> Carrier {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let server = HttpServer::new(move || {
            let seen = seen.clone();
            App::new().default_service(web::to(move |form: web::Form<Vec<(String, String)>>| {
                let seen = seen.clone();
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
        Carrier { asked, url }
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
