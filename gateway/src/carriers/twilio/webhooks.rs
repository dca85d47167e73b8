//! Who may tell us something in Twilio's name.

use std::sync::Arc;

use engine::ids::TenantId;

use super::Errors;
use super::signature::{Signed, SigningKeys};
use crate::settings;

/// The accounts that may call us, and how the world reaches us.
pub struct Webhooks {
    /// Each with the tenant it belongs to; the deployment's own belongs to nobody in particular.
    accounts: Vec<(Option<TenantId>, SigningKeys)>,
    pub errors: Arc<Errors>,
}

/// Whose account a webhook was signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub tenant: Option<TenantId>,
}

impl Webhooks {
    pub fn new(settings: &settings::Twilio, errors: Arc<Errors>) -> Webhooks {
        let tokens = std::iter::once(&settings.auth_token).chain(&settings.previous_auth_tokens).cloned().collect();
        let keys = SigningKeys { tokens, shared: settings.webhook_keys.clone() };
        Webhooks { accounts: vec![(None, keys)], errors }
    }

    /// `None`: nobody we know has signed this.
    pub fn prove(&self, signed: &Signed<'_>) -> Option<Proven> {
        let proven = self.accounts.iter().find(|(_, keys)| keys.verify(signed));
        proven.map(|(tenant, _)| Proven { tenant: tenant.clone() })
    }
}
