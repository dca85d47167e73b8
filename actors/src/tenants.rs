//! The playbooks in force. They are replaced all at once, so that nobody ever sees half of a reload.

use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::Playbook;
use tokio::sync::watch;

/// Who is served at one moment.
#[derive(Clone, Debug, Default)]
pub struct InForce {
    /// One per tenant, in the order of their ids.
    pub playbooks: Vec<Arc<Playbook>>,
    /// Taken out of service: nothing new comes in for them, and the calls they still have may end. In the same order.
    pub retired: Vec<Arc<Playbook>>,
    /// Whose webhook it is when it names no tenant. `None`: nobody's.
    pub default: Option<TenantId>,
}

/// Every tenant's playbook. Cheap to read, cheap to clone.
#[derive(Clone, Default)]
pub struct Tenants {
    current: watch::Sender<Arc<InForce>>,
}

impl Tenants {
    pub fn new(playbooks: impl IntoIterator<Item = Playbook>) -> Tenants {
        let tenants = Tenants::default();
        playbooks.into_iter().for_each(|playbook| tenants.replace(playbook));
        tenants
    }

    /// Calls that are under way go on with what is now in force, from their next event.
    pub fn put(&self, mut in_force: InForce) {
        in_force.playbooks.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        in_force.retired.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        self.current.send_replace(Arc::new(in_force));
    }

    /// One tenant's, the others left as they are.
    pub fn replace(&self, playbook: Playbook) {
        let mut in_force = InForce::clone(&self.current.borrow());
        in_force.playbooks.retain(|other| other.tenant != playbook.tenant);
        in_force.playbooks.push(Arc::new(playbook));
        self.put(in_force);
    }

    /// Of a retired tenant too: what its calls go by until they have ended.
    pub fn get(&self, tenant: &TenantId) -> Option<Arc<Playbook>> {
        let in_force = self.in_force();
        in_force.of(tenant).cloned()
    }

    pub fn in_force(&self) -> Arc<InForce> {
        self.current.borrow().clone()
    }

    /// Tells of every change from now on; what is in force now counts as seen.
    pub fn changes(&self) -> watch::Receiver<Arc<InForce>> {
        self.current.subscribe()
    }
}

impl InForce {
    fn of(&self, tenant: &TenantId) -> Option<&Arc<Playbook>> {
        let among = |playbooks: &'_ [Arc<Playbook>]| playbooks.binary_search_by(|p| p.tenant.cmp(tenant)).ok();
        let served = among(&self.playbooks).map(|at| &self.playbooks[at]);
        served.or_else(|| among(&self.retired).map(|at| &self.retired[at]))
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::fixtures;

    use super::*;

    #[test]
    fn a_retired_tenant_is_known_to_its_calls_and_no_longer_served() {
        let tenants = Tenants::new([fixtures::playbook()]);
        let acme = tenants.in_force().playbooks[0].clone();
        assert!(Arc::ptr_eq(&tenants.get(&acme.tenant).unwrap(), &acme));
        tenants.put(InForce { retired: vec![acme.clone()], ..InForce::default() });
        assert!(Arc::ptr_eq(&tenants.get(&acme.tenant).unwrap(), &acme));
        assert!(tenants.in_force().playbooks.is_empty());
        tenants.put(InForce::default());
        assert!(tenants.get(&acme.tenant).is_none());
    }

    #[test]
    fn replacing_one_leaves_the_others_as_they_are() {
        let other = Playbook { tenant: TenantId::parse("zebra").unwrap(), ..fixtures::playbook() };
        let tenants = Tenants::new([other, fixtures::playbook()]);
        let before = tenants.in_force();
        tenants.replace(Playbook { name: "Acme again".into(), ..fixtures::playbook() });
        let after = tenants.in_force();
        assert_eq!((after.playbooks.len(), after.playbooks[0].name.as_ref()), (2, "Acme again"));
        assert!(Arc::ptr_eq(&before.playbooks[1], &after.playbooks[1]));
    }
}
