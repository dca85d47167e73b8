//! A server that reads every webhook and stores nothing: what the network, the machine and the generator cost alone.

use std::io;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer};
use reqwest::Url;

/// More than any webhook has, in bytes.
const BODY: usize = 64 * 1024 * 1024;

pub struct StoresNothing {
    pub url: Url,
    handle: ServerHandle,
}

impl StoresNothing {
    /// On a free port of this machine.
    pub fn start() -> io::Result<StoresNothing> {
        let app = || App::new().app_data(PayloadConfig::new(BODY)).default_service(web::to(answer));
        let server = HttpServer::new(app).workers(1).disable_signals().bind(("127.0.0.1", 0))?;
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        tokio::spawn(server);
        let url = Url::parse(&format!("http://{address}/")).expect("an address makes a URL");
        Ok(StoresNothing { url, handle })
    }

    pub async fn stop(self) {
        self.handle.stop(false).await;
    }
}

async fn answer(_read: Bytes) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body("{}")
}
