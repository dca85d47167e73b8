//! The only place that knows how the product is put together.

use std::net::SocketAddr;

use gateway::app;
use gateway::settings::Settings;
use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::{SECRET, playbooks_dir};

/// A running app on a data directory of its own.
pub struct Running {
    pub address: SocketAddr,
    pub admin_token: String,
    app: Option<app::App>,
    _data_dir: TempDir,
}

impl Running {
    pub fn login_code(&self) -> String {
        let url = self.app.as_ref().and_then(app::App::login_url).expect("a code is issued");
        url.rsplit_once("code=").expect("the URL carries the code").1.to_owned()
    }

    /// As SIGTERM does.
    pub async fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.stop().await;
        }
    }
}

pub async fn build(mut settings: Settings) -> Running {
    let data_dir = tempfile::tempdir().expect("a temporary directory");
    settings.data_dir = data_dir.path().to_owned();
    settings.platforms.vapi.secret = SECRET.into();
    settings.playbooks.dir = playbooks_dir();
    let app = app::App::start(&settings).await.expect("the app starts");
    let admin_token = app.admin_token.expose_secret().to_owned();
    Running { address: app.address, admin_token, app: Some(app), _data_dir: data_dir }
}
