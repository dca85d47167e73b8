//! Who may speak to us as Vapi. Checked on the raw bytes, before the body is parsed.
//!
//! Three kinds of proof, all made from the same secrets: the secret itself in a header, the secret as a bearer token, or
//! a signature over the body. One valid proof suffices, whatever else the request carries. Vapi sends an *empty*
//! `X-Vapi-Secret` when none is set there, so an empty proof proves nothing, and an empty secret opens nothing.
//!
//! Secrets are compared as SHA-256 digests in constant time, and always all of them: neither the length of a secret, nor
//! how much of it was guessed, nor whose it is can be told from the time a refusal takes.

use std::fmt;
use std::sync::Arc;

use engine::playbook::Playbook;
use engine::time::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::signature::Plan;
use crate::platforms::{Proof, Unauthenticated};
use crate::settings;

/// What of a request can prove who sent it.
pub struct Request<'a> {
    /// A header's value by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    pub method: &'a str,
    /// As Vapi was told it: behind a proxy the public URL, not what the proxy asked for.
    pub url: &'a str,
    pub body: &'a [u8],
    pub now: Timestamp,
}

impl<'a> Request<'a> {
    /// A header that is there and not empty. An empty name is a kind of proof that is switched off.
    pub(super) fn header_of(&self, name: &str) -> Option<&'a [u8]> {
        if name.is_empty() {
            return None;
        }
        (self.header)(&name.to_ascii_lowercase()).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty())
    }
}

/// How far the head of a request proves who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It carries a secret.
    Proven,
    /// It carries a recent signature, which anybody can make up: only the whole body will tell.
    Signed,
    /// Nothing its body may hold can prove it any more.
    Stranger,
}

/// Every secret that is live, and where each kind of proof is looked for. Made anew when settings or playbooks change.
pub struct Doorkeeper {
    secret_header: String,
    bearer_header: String,
    bearer_prefix: String,
    plan: Plan,
    secrets: Vec<Secret>,
}

struct Secret {
    opens: Proof,
    digest: [u8; 32],
    /// `None` when the secret cannot be a key: not base64 where it should be.
    key: Option<Vec<u8>>,
}

impl Doorkeeper {
    /// `deployment`: the deployment's live secrets, those of `settings` included. A secret that is also a tenant's
    /// opens that tenant only.
    pub fn new(settings: &settings::Vapi, deployment: Vec<SecretString>, tenants: &[Arc<Playbook>]) -> Doorkeeper {
        let own = tenants.iter().flat_map(|playbook| {
            let opens = Proof::Tenant(playbook.tenant.clone());
            playbook.routing.secrets.iter().map(move |secret| (opens.clone(), secret.as_ref()))
        });
        let shared = deployment.iter().map(|secret| (Proof::Deployment, secret.expose_secret()));
        Doorkeeper::with(settings, own.chain(shared))
    }

    fn with<'s>(settings: &settings::Vapi, secrets: impl Iterator<Item = (Proof, &'s str)>) -> Doorkeeper {
        let plan = Plan::new(&settings.hmac);
        let secrets = secrets
            .filter(|(_, secret)| !secret.trim().is_empty())
            .map(|(opens, secret)| Secret { opens, digest: Sha256::digest(secret).into(), key: plan.key(secret) })
            .collect();
        Doorkeeper {
            secret_header: settings.secret_header.clone(),
            bearer_header: settings.bearer_header.clone(),
            bearer_prefix: settings.bearer_prefix.clone(),
            plan,
            secrets,
        }
    }

    /// What the head alone tells of who sends. A stranger's body is not worth keeping in memory.
    pub fn standing(&self, head: &Request<'_>) -> Standing {
        if self.by_header(head).is_some() {
            Standing::Proven
        } else if self.plan.read(head).is_some() {
            Standing::Signed
        } else {
            Standing::Stranger
        }
    }

    /// Whose secret proves `request`. The signature comes last: it costs a pass over the body for each secret.
    pub fn admit(&self, request: &Request<'_>) -> Result<Proof, Unauthenticated> {
        let proof = self.by_header(request).or_else(|| self.signer(request));
        proof.cloned().ok_or(Unauthenticated)
    }

    fn by_header(&self, request: &Request<'_>) -> Option<&Proof> {
        let shown = request.header_of(&self.secret_header).and_then(|secret| self.owner_of(secret));
        shown.or_else(|| self.bearer(request))
    }

    fn bearer(&self, request: &Request<'_>) -> Option<&Proof> {
        let value = request.header_of(&self.bearer_header)?;
        let (scheme, token) = value.split_at_checked(self.bearer_prefix.len())?;
        let named = scheme.eq_ignore_ascii_case(self.bearer_prefix.as_bytes());
        named.then(|| self.owner_of(token.trim_ascii())).flatten()
    }

    fn signer(&self, request: &Request<'_>) -> Option<&Proof> {
        let signed = self.plan.read(request)?;
        self.first(|secret| secret.key.as_deref().is_some_and(|key| self.plan.verifies(key, &signed)))
    }

    fn owner_of(&self, presented: &[u8]) -> Option<&Proof> {
        if presented.is_empty() {
            return None;
        }
        let digest = Sha256::digest(presented);
        self.first(|secret| secret.digest[..].ct_eq(&digest).into())
    }

    /// The first secret that fits. All of them are tried.
    fn first(&self, fits: impl Fn(&Secret) -> bool) -> Option<&Proof> {
        self.secrets.iter().fold(None, |found, secret| {
            let fits = fits(secret);
            found.or(fits.then_some(&secret.opens))
        })
    }
}

impl fmt::Debug for Doorkeeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorkeeper").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
