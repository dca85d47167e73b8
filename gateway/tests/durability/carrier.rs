//! A carrier that takes every message after a moment, and remembers what it was asked.

use std::sync::Arc;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use parking_lot::Mutex;

pub struct Carrier {
    bodies: Arc<Mutex<Vec<String>>>,
    url: String,
}

impl Carrier {
    pub async fn start(latency: Duration) -> Carrier {
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let seen = bodies.clone();
        let server = HttpServer::new(move || {
            let seen = seen.clone();
            App::new().default_service(web::to(move |form: web::Form<Vec<(String, String)>>| {
                let seen = seen.clone();
                async move {
                    let body = form.iter().find(|(name, _)| name == "Body").map(|(_, body)| body.clone());
                    let number = {
                        let mut seen = seen.lock();
                        seen.push(body.unwrap_or_default());
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
        Carrier { bodies, url }
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

    pub fn asked(&self) -> Vec<String> {
        self.bodies.lock().clone()
    }
}
