//! Texts by tenant: whose playbook has an account of its own sends by it, the others by the deployment's. One that cannot
//! be used sends nothing, and its messages wait.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Leaves, SmsProvider};
use engine::sms::{Answered, Attempt, ErrorClass, Found, SendOutcome, Sms};
use tracing::error;

use super::Accounts;

pub struct ByTenant {
    accounts: Accounts<dyn SmsProvider>,
}

impl ByTenant {
    pub fn new(accounts: Accounts<dyn SmsProvider>) -> ByTenant {
        ByTenant { accounts }
    }
}

#[async_trait]
impl SmsProvider for ByTenant {
    fn name(&self) -> &'static str {
        self.accounts.default().name()
    }

    async fn send_timed(&self, sms: &Sms, attempt: &Attempt, leaves: Leaves) -> Answered {
        match self.accounts.of(&sms.tenant) {
            Ok(provider) => provider.send_timed(sms, attempt, leaves).await,
            Err(bad) => {
                error!(tenant = sms.tenant.as_str(), error = %bad, "tenant's carrier account cannot be used");
                SendOutcome::NotSent { reason: "the tenant's carrier account cannot be used".into() }.into()
            }
        }
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        let provider = self.accounts.of(&sms.tenant).map_err(|bad| Failure::retry(bad.to_string()))?;
        provider.find(sms, attempt).await
    }

    async fn fetch(&self, tenant: &TenantId, provider_id: &str) -> Result<Option<Found>, Failure> {
        let provider = self.accounts.of(tenant).map_err(|bad| Failure::retry(bad.to_string()))?;
        provider.fetch(tenant, provider_id).await
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.accounts.default().class_of(code)
    }

    fn concurrent(&self) -> Option<u32> {
        self.accounts.default().concurrent()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actors::tenants::Tenants;
    use engine::playbook::Playbook;
    use engine::playbook::sms::OwnCarrier;
    use engine::priority::Priority;
    use engine::sms::AttemptToken;
    use engine::testing::frames::{call, moment, text};
    use engine::testing::memory::MemoryProvider;
    use engine::testing::{block_on, fixtures};
    use parking_lot::Mutex;

    use super::*;
    use crate::carriers::BadCarrier;

    fn playbook(tenant: &str, secret: Option<&str>) -> Playbook {
        let mut playbook = Playbook { tenant: TenantId::parse(tenant).unwrap(), ..fixtures::playbook() };
        playbook.sms.carrier = secret.map(|secret| OwnCarrier {
            account: format!("account of {tenant}").into(),
            secret: secret.into(),
            senders: vec!["+15145550198".into()],
            per_second: None,
            account_per_second: None,
        });
        playbook
    }

    fn sends(provider: &ByTenant, tenant: &str) -> SendOutcome {
        let sms = Sms::owed(&text(&call(tenant, "c1"), "flood", Priority::P1));
        let token = AttemptToken::from_bits([1; 16]);
        let attempt = Attempt::new(sms.id, 1, "+15145550198".into(), token, moment(1));
        block_on(provider.send(&sms, &attempt)).outcome
    }

    /// The carrier's id of the first message it took.
    fn taken_by(provider: &MemoryProvider) -> Box<str> {
        let (sms, sender) = provider.sent()[0].clone();
        let attempt = Attempt::new(sms.id, 1, sender.into(), AttemptToken::from_bits([1; 16]), moment(1));
        block_on(provider.find(&sms, &attempt)).unwrap()[0].provider_id.clone()
    }

    #[test]
    fn each_tenant_sends_by_its_own_account_and_a_new_secret_is_a_new_connection() {
        let shared = Arc::new(MemoryProvider::default());
        let tenants = Tenants::new([playbook("acme", None), playbook("zebra", Some("one"))]);
        let made: Arc<Mutex<Vec<Arc<MemoryProvider>>>> = Arc::default();
        let sent_by_each = || made.lock().iter().map(|provider| provider.sent().len()).collect::<Vec<_>>();
        let connected = made.clone();
        let connect = move |carrier: &OwnCarrier| {
            if &*carrier.secret == "wrong" {
                return Err(BadCarrier::Missing { setting: "sms.carrier.secret" });
            }
            let provider = Arc::new(MemoryProvider::default());
            connected.lock().push(provider.clone());
            Ok(provider as Arc<dyn SmsProvider>)
        };
        let provider = ByTenant::new(Accounts::new(shared.clone(), tenants.clone(), Box::new(connect)));
        for tenant in ["acme", "zebra", "zebra"] {
            assert!(matches!(sends(&provider, tenant), SendOutcome::Accepted { .. }));
        }
        assert_eq!((shared.sent().len(), sent_by_each()), (1, vec![2]));
        let [acme, zebra] = ["acme", "zebra"].map(|tenant| TenantId::parse(tenant).unwrap());
        let theirs = made.lock()[0].clone();
        let taken = taken_by(&theirs);
        let again = move |_: &OwnCarrier| Ok(theirs.clone() as Arc<dyn SmsProvider>);
        let restarted = ByTenant::new(Accounts::new(shared.clone(), tenants.clone(), Box::new(again)));
        let found = |tenant| block_on(restarted.fetch(tenant, &taken)).unwrap();
        assert!(found(&zebra).is_some(), "though it has not sent since the restart");
        assert!(found(&acme).is_none(), "another's account is not asked");
        tenants.replace(playbook("zebra", Some("two")));
        sends(&provider, "zebra");
        assert_eq!(sent_by_each(), [2, 1]);
        tenants.replace(playbook("zebra", Some("wrong")));
        assert!(matches!(sends(&provider, "zebra"), SendOutcome::NotSent { .. }), "never by somebody else's");
        assert_eq!(shared.sent().len(), 1);
    }
}
