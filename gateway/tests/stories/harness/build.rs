//! The only place that knows how the product is put together.

use std::net::SocketAddr;
use std::path::Path;

use gateway::app::{App, Start};
use gateway::settings::Settings;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{SECRET, playbooks_dir};

/// As `config/default.toml` has it.
const DEFAULT_DATA_DIR: &str = "./data";

/// A running app, on a data directory of its own if it was given none.
pub struct Running {
    pub address: SocketAddr,
    pub admin_token: String,
    app: Option<App>,
    _data_dir: Option<TempDir>,
}

impl Running {
    pub fn login_code(&self) -> String {
        self.app.as_ref().and_then(App::login_code).expect("a code is issued")
    }

    /// As SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }
}

pub async fn build(mut settings: Settings) -> Running {
    let given = settings.data_dir != Path::new(DEFAULT_DATA_DIR);
    let data_dir = (!given).then(|| tempfile::tempdir().expect("a temporary directory"));
    settings.data_dir = data_dir.as_ref().map_or(settings.data_dir, |own| own.path().to_owned());
    settings.platforms.vapi.secret = SECRET.into();
    if settings.playbooks.dir.is_empty() {
        settings.playbooks.dir = playbooks_dir();
    }
    let start = Start::prepare(settings).expect("nothing is refused");
    let (address, admin_token) = (start.address, start.admin_token.secret.expose_secret().to_owned());
    let app = App::start(start).await.expect("the app starts");
    Running { address, admin_token, app: Some(app), _data_dir: data_dir }
}
