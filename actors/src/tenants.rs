//! The playbooks in force, replaced whole when one is reloaded.

use std::collections::HashMap;
use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::Playbook;
use parking_lot::RwLock;

/// Every tenant's playbook. Cheap to read, cheap to clone.
#[derive(Clone, Default)]
pub struct Tenants {
    playbooks: Arc<RwLock<HashMap<TenantId, Arc<Playbook>>>>,
}

impl Tenants {
    pub fn new(playbooks: impl IntoIterator<Item = Playbook>) -> Tenants {
        let tenants = Tenants::default();
        playbooks.into_iter().for_each(|playbook| tenants.replace(playbook));
        tenants
    }

    pub fn replace(&self, playbook: Playbook) {
        self.playbooks.write().insert(playbook.tenant.clone(), Arc::new(playbook));
    }

    /// As after a restart without its file.
    #[cfg(test)]
    pub(crate) fn remove(&self, tenant: &TenantId) {
        self.playbooks.write().remove(tenant);
    }

    pub fn get(&self, tenant: &TenantId) -> Option<Arc<Playbook>> {
        self.playbooks.read().get(tenant).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Playbook>> {
        let mut all: Vec<_> = self.playbooks.read().values().cloned().collect();
        all.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        all
    }
}
