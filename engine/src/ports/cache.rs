//! What was read lately, kept where it is read again at once. Never the truth: any entry may be gone at any moment, and
//! whoever needs it asks the store.
//!
//! An entry changes in two ways. *News* arrive by themselves and are as old as their way is long; what is *loaded* was
//! read from the store after the lease of its place was taken. So news move an entry forward only, and never take back
//! that it is out of date; a load may, unless something happened to the place since its lease.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::failure::Failure;
use crate::ids::{CallId, CallKey, TenantId};
use crate::time::Timestamp;

/// What is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CacheKey {
    /// A call of this tenant; with `None`, whichever call of this id changed last.
    Call { tenant: Option<TenantId>, id: CallId },
    /// The figures of one tenant, or of all together.
    Dashboard(Option<TenantId>),
}

/// Whose an entry is and how new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub tenant: Option<TenantId>,
    /// Grows with every change of the same tenant's thing.
    pub seq: u64,
    /// Orders things of different tenants that share a place.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub stamp: Stamp,
    /// JSON, as it is served.
    pub body: Arc<[u8]>,
}

/// An entry as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub entry: Entry,
    /// Since it was put; never less than the truth.
    pub age: Duration,
}

/// The state of a place when it was looked at. 0: nothing ever happened there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease(pub u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    pub found: Option<Found>,
    pub lease: Lease,
    /// Since something changed that is shown there, or would be.
    pub outdated_for: Option<Duration>,
}

/// How we know what we put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    News,
    /// Read from the store after this lease was taken.
    Loaded(Lease),
}

/// Fails with what went wrong outside; a miss is not a failure. Nothing here waits longer than a reader may.
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    async fn get(&self, key: &CacheKey) -> Result<Looked, Failure>;

    /// Keeps it for `ttl` or a little less. False: what is known there is newer, or the place has changed since the
    /// lease. Of the entry's own tenant, also under a key without one.
    async fn put(&self, key: &CacheKey, entry: &Entry, basis: Basis, ttl: Duration) -> Result<bool, Failure>;

    /// Something the entry shows has changed, and its `seq` does not tell: only a load makes it good again.
    async fn outdate(&self, key: &CacheKey) -> Result<(), Failure>;

    /// Nothing of it is kept, and no news bring it back: only a load does.
    async fn forget(&self, key: &CacheKey) -> Result<(), Failure>;

    /// Forgets everything.
    async fn clear(&self) -> Result<(), Failure>;
}

/// The live calls, listed for others to read.
#[async_trait]
pub trait LiveList: Send + Sync + 'static {
    /// The list is these calls, by when they started, and no others.
    async fn show(&self, live: &[(CallId, Timestamp)]) -> Result<(), Failure>;

    /// These calls are live since then, or (`None`) no more. Returns how many are listed now.
    async fn change(&self, calls: &[(CallId, Option<Timestamp>)]) -> Result<usize, Failure>;
}

impl CacheKey {
    pub fn call(call: &CallKey) -> CacheKey {
        CacheKey::Call { tenant: Some(call.tenant.clone()), id: call.call.clone() }
    }

    /// What others know the place by: `call:{id}`, `dashboard:{tenant}`. Tenants may share one.
    pub fn name(&self) -> String {
        match self {
            CacheKey::Call { id, .. } => format!("call:{id}"),
            CacheKey::Dashboard(Some(tenant)) => format!("dashboard:{tenant}"),
            CacheKey::Dashboard(None) => "dashboard".to_owned(),
        }
    }

    /// Whether whoever asks for this may see an entry of that tenant.
    pub fn admits(&self, tenant: Option<&TenantId>) -> bool {
        match self {
            CacheKey::Call { tenant: None, .. } => true,
            CacheKey::Call { tenant: wanted, .. } | CacheKey::Dashboard(wanted) => wanted.as_ref() == tenant,
        }
    }

    /// The same thing, whoever's it is.
    pub fn of_anybody(&self) -> CacheKey {
        match self {
            CacheKey::Call { id, .. } => CacheKey::Call { tenant: None, id: id.clone() },
            dashboard @ CacheKey::Dashboard(_) => dashboard.clone(),
        }
    }
}

impl Stamp {
    /// Whether what bears this stamp may be put where `known` is.
    pub fn replaces(&self, known: &Stamp, basis: Basis) -> bool {
        match basis {
            _ if self.tenant != known.tenant => self.at >= known.at,
            Basis::News => self.seq > known.seq,
            Basis::Loaded(_) => self.seq >= known.seq,
        }
    }
}
