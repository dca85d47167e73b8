//! Who may tell us something in Twilio's name, and about whom.
//!
//! A webhook names its account, and is proven with the secret of that account alone: whoever has one speaks for the
//! tenants that text from it, and for nobody else. The deployment's account carries for everybody, and may speak of
//! everybody's messages. Follows the playbooks: the accounts are put together once per reload, not per webhook.

use std::collections::HashMap;
use std::sync::Arc;

use actors::inbound::Whose;
use actors::tenants::{InForce, Tenants};
use arc_swap::ArcSwap;
use engine::ids::TenantId;
use engine::playbook::Playbook;
use engine::playbook::sms::OwnCarrier;
use secrecy::{ExposeSecret, SecretString};

use super::Errors;
use super::posted::Fields;
use super::signature::{Signed, SigningKeys};
use crate::settings;

pub struct Webhooks {
    deployment: Deployment,
    tenants: Tenants,
    known: ArcSwap<Known>,
    pub errors: Arc<Errors>,
}

struct Deployment {
    account: String,
    keys: SigningKeys,
}

/// The accounts of one moment.
struct Known {
    of: Arc<InForce>,
    /// Of several that bear one name, each has a secret of its own.
    own: HashMap<Box<str>, Vec<Account>>,
    deployments: Arc<Holders>,
}

struct Account {
    keys: SigningKeys,
    holders: Arc<Holders>,
}

/// Those who text from one account, and the numbers and services of theirs that are known.
#[derive(Debug, Default)]
struct Holders {
    tenants: Vec<TenantId>,
    senders: Vec<(Box<str>, TenantId)>,
    /// It carries for whoever has no other.
    is_deployments: bool,
}

/// Whose account a webhook was signed with.
#[derive(Clone, Debug)]
pub struct Proven {
    holders: Arc<Holders>,
}

impl Webhooks {
    pub fn new(settings: &settings::Twilio, errors: Arc<Errors>, tenants: Tenants) -> Webhooks {
        let tokens = std::iter::once(&settings.auth_token).chain(&settings.previous_auth_tokens).cloned().collect();
        let keys = SigningKeys { tokens, shared: settings.webhook_keys.clone() };
        let deployment = Deployment { account: settings.account_sid.clone(), keys };
        let known = ArcSwap::from_pointee(Known::of(tenants.in_force(), &deployment));
        Webhooks { deployment, tenants, known, errors }
    }

    /// `None`: nobody we know has signed this.
    pub fn prove(&self, signed: &Signed<'_>) -> Option<Proven> {
        let known = self.known();
        let fields = Fields::read(signed.body);
        let account = fields.get("AccountSid").unwrap_or_default();
        let own = known.own.get(account).map_or(&[][..], |accounts| accounts);
        if let Some(account) = own.iter().find(|account| account.keys.verify(signed)) {
            return Some(Proven { holders: account.holders.clone() });
        }
        // Whoever names a tenant's account must have its secret.
        let is_deployments = own.is_empty() || account == self.deployment.account;
        let proven = is_deployments && self.deployment.keys.verify(signed);
        proven.then(|| Proven { holders: known.deployments.clone() })
    }

    fn known(&self) -> Arc<Known> {
        let (known, in_force) = (self.known.load_full(), self.tenants.in_force());
        if Arc::ptr_eq(&known.of, &in_force) {
            return known;
        }
        let known = Arc::new(Known::of(in_force, &self.deployment));
        self.known.store(known.clone());
        known
    }
}

impl Deployment {
    /// Whoever repeats it in a playbook has no account of their own, only senders.
    fn is(&self, own: &OwnCarrier) -> bool {
        let is_token = |token: &SecretString| token.expose_secret() == &*own.secret;
        *own.account == *self.account && self.keys.tokens.iter().any(is_token)
    }
}

impl Known {
    fn of(in_force: Arc<InForce>, deployment: &Deployment) -> Known {
        let mut own: HashMap<Box<str>, Vec<(&str, Holders)>> = HashMap::new();
        let mut deployments = Holders { is_deployments: true, ..Holders::default() };
        for playbook in in_force.playbooks.iter().chain(&in_force.retired) {
            match playbook.sms.carrier.as_ref().filter(|own| !deployment.is(own)) {
                Some(carrier) => {
                    let accounts = own.entry(carrier.account.clone()).or_default();
                    match accounts.iter_mut().find(|(secret, _)| **secret == *carrier.secret) {
                        Some((_, holders)) => holders.add(playbook),
                        None => accounts.push((&carrier.secret, Holders::default().with(playbook))),
                    }
                }
                None => deployments.add(playbook),
            }
        }
        let account = |(secret, holders): (&str, Holders)| Account {
            keys: SigningKeys { tokens: vec![secret.into()], shared: Vec::new() },
            holders: Arc::new(holders),
        };
        let own = own.into_iter().map(|(name, accounts)| (name, accounts.into_iter().map(account).collect())).collect();
        Known { own, deployments: Arc::new(deployments), of: in_force }
    }
}

impl Holders {
    fn add(&mut self, playbook: &Playbook) {
        let tenant = &playbook.tenant;
        let senders = playbook.sms.carrier.iter().flat_map(|own| &own.senders);
        self.senders.extend(senders.map(|sender| (sender.clone(), tenant.clone())));
        self.tenants.push(tenant.clone());
    }

    fn with(mut self, playbook: &Playbook) -> Holders {
        self.add(playbook);
        self
    }
}

impl Proven {
    /// Whether it may tell something of this tenant's messages and calls.
    pub fn speaks_for(&self, tenant: &TenantId) -> bool {
        self.holders.is_deployments || self.holders.tenants.contains(tenant)
    }

    /// Whether it may tell something of everybody's.
    pub fn speaks_for_all(&self) -> bool {
        self.holders.is_deployments
    }

    /// Who was texted: by the number or the service it was sent to, else whoever holds the account.
    pub fn texted(&self, to: &[&str]) -> Whose {
        let Holders { tenants, senders, is_deployments } = &*self.holders;
        let theirs = |(sender, _): &&(Box<str>, TenantId)| to.contains(&&**sender);
        let mut named: Vec<TenantId> = senders.iter().filter(theirs).map(|(_, tenant)| tenant.clone()).collect();
        named.dedup();
        match (&named[..], &tenants[..]) {
            ([tenant], _) => Whose::Tenant(tenant.clone()),
            ([], [tenant]) if !is_deployments => Whose::Tenant(tenant.clone()),
            ([], _) => Whose::Shared(tenants.clone()),
            _ => Whose::Shared(named),
        }
    }
}

#[cfg(test)]
#[path = "webhooks_tests.rs"]
mod tests;
