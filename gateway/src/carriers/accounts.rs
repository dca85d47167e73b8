//! A carrier's accounts: the deployment's, and those of tenants who have one of their own.
//!
//! Follows the playbooks: a connection is made when a tenant first needs it, and again when its account or its secret is
//! another. By tenant, not by account: those who share one have numbers of their own.

use std::collections::HashMap;
use std::sync::Arc;

use actors::tenants::Tenants;
use engine::ids::TenantId;
use engine::playbook::sms::OwnCarrier;
use parking_lot::Mutex;

use super::BadCarrier;

/// Connects to an account of a tenant's own.
pub type Connect<T> = dyn Fn(&OwnCarrier) -> Result<Arc<T>, BadCarrier> + Send + Sync;

pub struct Accounts<T: ?Sized> {
    default: Arc<T>,
    tenants: Tenants,
    connect: Box<Connect<T>>,
    /// As many as there are in the playbooks, and those that were.
    own: Mutex<HashMap<TenantId, Connection<T>>>,
}

struct Connection<T: ?Sized> {
    to: OwnCarrier,
    way: Arc<T>,
}

impl<T: ?Sized> Accounts<T> {
    pub fn new(default: Arc<T>, tenants: Tenants, connect: Box<Connect<T>>) -> Accounts<T> {
        Accounts { default, tenants, connect, own: Mutex::default() }
    }

    /// The deployment's.
    pub fn default(&self) -> &Arc<T> {
        &self.default
    }

    /// The tenant's own, else the deployment's. An own one that cannot be used is never replaced by another's.
    pub fn of(&self, tenant: &TenantId) -> Result<Arc<T>, BadCarrier> {
        let playbook = self.tenants.get(tenant);
        let Some(carrier) = playbook.as_ref().and_then(|playbook| playbook.sms.carrier.as_ref()) else {
            return Ok(self.default.clone());
        };
        let mut own = self.own.lock();
        if let Some(connection) = own.get(tenant).filter(|connection| connection.to == *carrier) {
            return Ok(connection.way.clone());
        }
        let way = (self.connect)(carrier)?;
        own.insert(tenant.clone(), Connection { to: carrier.clone(), way: way.clone() });
        Ok(way)
    }
}
