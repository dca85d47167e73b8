//! What erasing, backing up and the list of who did what share: the places where something is kept, and the key that
//! makes a number something that can be told again and not read.

use std::path::PathBuf;
use std::sync::Arc;

use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Deed, EventBus, Forgets, Whom};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::{Mutex, MutexGuard};

use super::auth::Identity;
use super::{Problem, State};
use crate::stores::Store;

/// Bytes of a digest that are written down.
const DIGEST_BYTES: usize = 16;

pub struct Keeping {
    pub store: Arc<dyn Store>,
    /// Wherever something about a person may be kept: the store first.
    pub places: Vec<Arc<dyn Forgets>>,
    /// Told what was forgotten.
    pub bus: Arc<dyn EventBus>,
    pub data_dir: PathBuf,
    pub audit_key: SecretString,
    /// Held by whoever erases or backs up: one at a time.
    pub turn: Mutex<()>,
}

impl Keeping {
    pub fn turn(&self) -> Result<MutexGuard<'_, ()>, Problem> {
        self.turn.try_lock().map_err(|_| Problem::conflict("somebody is erasing or backing up already"))
    }

    /// The same for the same number or call, and of no use without the key.
    pub fn subject(&self, whom: &Whom) -> Box<str> {
        let (kind, text) = match whom {
            Whom::Number(number) => ("number", number.as_str()),
            Whom::Call(call) => ("call", call.as_str()),
        };
        let key = self.audit_key.expose_secret().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        format!("{kind}:hmac:{}", hex::encode(&mac.finalize().into_bytes()[..DIGEST_BYTES])).into()
    }
}

impl State {
    /// Writes down what this identity does.
    pub async fn note(
        &self,
        identity: &Identity,
        tenant: Option<TenantId>,
        action: &str,
        subject: &str,
        detail: Value,
    ) -> Result<(), Failure> {
        let by = identity.role.as_str().into();
        let (at, action, subject) = (self.clock.now(), action.into(), subject.into());
        self.keeping.store.note(&Deed { at, by, tenant, action, subject, detail }).await
    }
}
