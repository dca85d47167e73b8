//! What is settled before anything runs: an address, a data directory, secrets, playbooks.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actors::tenants::InForce;
use arc_swap::ArcSwap;
use engine::alert::Links;
use engine::failure::Failure;
use engine::ports::SystemClock;
use secrecy::{ExposeSecret, SecretString};

use super::public_url;
use crate::carriers::BadCarrier;
use crate::data_dir::{DataDir, DataDirError, Kept};
use crate::platforms::vapi::Doorkeeper;
use crate::playbooks::{LastGood, PlaybooksError, Shelf};
use crate::settings::Settings;

/// Why the server did not start. Says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Playbooks(#[from] PlaybooksError),
    #[error(transparent)]
    Carrier(#[from] BadCarrier),
    #[error("cannot listen on {address}: {why}; choose another address with --listen")]
    Listen { address: String, why: std::io::Error },
    #[error("{0}")]
    Failed(#[from] Failure),
}

/// What a server starts with: a bound port, a data directory that is ours alone, playbooks that were read. Everything
/// that can be refused has been.
pub struct Start {
    pub settings: Settings,
    pub listener: TcpListener,
    pub address: SocketAddr,
    pub admin_token: Kept,
    /// The one to use first; the others are being rotated out.
    pub webhook_secrets: Vec<SecretString>,
    /// Where the secret is kept, when none is configured.
    pub kept_secret: Option<Kept>,
    pub(super) playbooks: Arc<Shelf>,
    pub(super) doorkeeper: Arc<ArcSwap<Doorkeeper>>,
    /// Makes the links of alerts, where the world can reach us.
    pub(super) links: Option<Links>,
    pub(super) audit_key: Kept,
    pub(super) data_dir: DataDir,
}

impl Start {
    /// The address may have port 0: see [`Start::address`].
    pub fn prepare(settings: Settings) -> Result<Start, StartError> {
        let listener = listen(&settings.listen)?;
        let address = listener.local_addr().map_err(|why| StartError::listen(&settings.listen, why))?;
        let data_dir = DataDir::open(&settings.data_dir)?;
        let (admin_token, audit_key) = (data_dir.admin_token()?, data_dir.audit_key()?);
        let vapi = &settings.platforms.vapi;
        let configured = !vapi.secret.expose_secret().is_empty();
        let kept_secret = if configured { None } else { Some(data_dir.vapi_secret()?) };
        let first = kept_secret.as_ref().map_or(&vapi.secret, |kept| &kept.secret);
        let webhook_secrets: Vec<SecretString> =
            std::iter::once(first).chain(&vapi.previous_secrets).cloned().collect();
        let links = links(&settings, &data_dir)?;
        let (playbooks, doorkeeper) = open_playbooks(&settings, &data_dir, &webhook_secrets, links.clone())?;
        Ok(Start {
            listener,
            address,
            admin_token,
            webhook_secrets,
            kept_secret,
            playbooks,
            doorkeeper,
            links,
            audit_key,
            data_dir,
            settings,
        })
    }

    /// `http://127.0.0.1:8080`: how this machine reaches the server.
    pub fn local_url(&self) -> String {
        match self.address.ip() {
            ip if ip.is_unspecified() => format!("http://127.0.0.1:{}", self.address.port()),
            _ => format!("http://{}", self.address),
        }
    }
}

/// Reads them for the first time. From then on the doorkeeper knows the secrets of whoever is in force.
fn open_playbooks(
    settings: &Settings,
    data_dir: &DataDir,
    deployment: &[SecretString],
    links: Option<Links>,
) -> Result<(Arc<Shelf>, Arc<ArcSwap<Doorkeeper>>), StartError> {
    let (vapi, deployment) = (settings.platforms.vapi.clone(), deployment.to_vec());
    let knowing = move |tenants: &InForce| Doorkeeper::new(&vapi, deployment.clone(), &tenants.playbooks);
    let doorkeeper = Arc::new(ArcSwap::from_pointee(knowing(&InForce::default())));
    let told = doorkeeper.clone();
    let last_good = LastGood::new(data_dir.playbooks()?);
    let shelf = Shelf::open(&settings.playbooks, last_good, Arc::new(SystemClock), links, move |in_force| {
        told.store(Arc::new(knowing(in_force)));
    })?;
    Ok((Arc::new(shelf), doorkeeper))
}

fn listen(address: &str) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).map_err(|why| StartError::listen(address, why))
}

impl StartError {
    pub(super) fn listen(address: &str, why: std::io::Error) -> StartError {
        StartError::Listen { address: address.to_owned(), why }
    }
}

/// A text can only carry a link that leads somewhere.
fn links(settings: &Settings, data_dir: &DataDir) -> Result<Option<Links>, StartError> {
    let Some(url) = public_url(settings) else { return Ok(None) };
    let key = data_dir.link_key()?;
    Ok(Some(Links::new(&url, key.secret.expose_secret().as_bytes())))
}
