//! Accounts by tenant: whose playbook has one sends by it, the others by the deployment's.
//!
//! Follows the playbooks: a connection is made when a tenant first sends, and again when its account or its secret is
//! another. One that cannot be made sends nothing, and its messages wait.

use std::collections::HashMap;
use std::sync::Arc;

use actors::tenants::Tenants;
use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::sms::OwnCarrier;
use engine::ports::SmsProvider;
use engine::sms::{Attempt, ErrorClass, Found, SendOutcome, Sms};
use parking_lot::Mutex;
use tracing::error;

use super::{BadCarrier, Connect};

pub struct ByTenant {
    default: Arc<dyn SmsProvider>,
    tenants: Tenants,
    connect: Box<Connect>,
    /// By the account's name; as many as there are in the playbooks, and those that were.
    own: Mutex<HashMap<Box<str>, Connection>>,
}

struct Connection {
    to: OwnCarrier,
    provider: Arc<dyn SmsProvider>,
}

impl ByTenant {
    pub fn new(default: Arc<dyn SmsProvider>, connect: Box<Connect>, tenants: Tenants) -> ByTenant {
        ByTenant { default, tenants, connect, own: Mutex::default() }
    }

    fn of(&self, tenant: &TenantId) -> Result<Arc<dyn SmsProvider>, BadCarrier> {
        let playbook = self.tenants.get(tenant);
        let Some(carrier) = playbook.as_ref().and_then(|playbook| playbook.sms.carrier.as_ref()) else {
            return Ok(self.default.clone());
        };
        let mut own = self.own.lock();
        if let Some(connection) = own.get(&carrier.account).filter(|connection| connection.to == *carrier) {
            return Ok(connection.provider.clone());
        }
        let provider = (self.connect)(carrier)?.unwrap_or_else(|| self.default.clone());
        own.insert(carrier.account.clone(), Connection { to: carrier.clone(), provider: provider.clone() });
        Ok(provider)
    }
}

#[async_trait]
impl SmsProvider for ByTenant {
    fn name(&self) -> &'static str {
        self.default.name()
    }

    async fn send(&self, sms: &Sms, attempt: &Attempt) -> SendOutcome {
        match self.of(&sms.tenant) {
            Ok(provider) => provider.send(sms, attempt).await,
            Err(bad) => {
                error!(tenant = sms.tenant.as_str(), error = %bad, "tenant's carrier account cannot be used");
                SendOutcome::NotSent { reason: "the tenant's carrier account cannot be used".into() }
            }
        }
    }

    async fn find(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Found>, Failure> {
        let provider = self.of(&sms.tenant).map_err(|bad| Failure::retry(bad.to_string()))?;
        provider.find(sms, attempt).await
    }

    /// The carrier's ids are unique over its accounts, but each account knows its own alone.
    async fn fetch(&self, provider_id: &str) -> Result<Option<Found>, Failure> {
        let own: Vec<_> = self.own.lock().values().map(|connection| connection.provider.clone()).collect();
        let mut answer = self.default.fetch(provider_id).await;
        for provider in own {
            if matches!(answer, Ok(Some(_))) {
                break;
            }
            answer = provider.fetch(provider_id).await.or(answer);
        }
        answer
    }

    fn class_of(&self, code: u32) -> Option<ErrorClass> {
        self.default.class_of(code)
    }

    fn concurrent(&self) -> Option<u32> {
        self.default.concurrent()
    }
}

#[cfg(test)]
mod tests {
    use engine::playbook::Playbook;
    use engine::priority::Priority;
    use engine::sms::AttemptToken;
    use engine::testing::frames::{call, moment, text};
    use engine::testing::memory::MemoryProvider;
    use engine::testing::{block_on, fixtures};

    use super::*;

    fn playbook(tenant: &str, secret: Option<&str>) -> Playbook {
        let mut playbook = Playbook { tenant: TenantId::parse(tenant).unwrap(), ..fixtures::playbook() };
        playbook.sms.carrier = secret.map(|secret| OwnCarrier {
            account: format!("account of {tenant}").into(),
            secret: secret.into(),
            senders: vec!["+15145550198".into()],
            per_second: None,
        });
        playbook
    }

    fn sends(provider: &ByTenant, tenant: &str) -> SendOutcome {
        let sms = Sms::owed(&text(&call(tenant, "c1"), "flood", Priority::P1));
        let token = AttemptToken::from_bits([1; 16]);
        let attempt = Attempt::new(sms.id, 1, "+15145550198".into(), token, moment(1));
        block_on(provider.send(&sms, &attempt))
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
            Ok(Some(provider as Arc<dyn SmsProvider>))
        };
        let provider = ByTenant::new(shared.clone(), Box::new(connect), tenants.clone());
        for tenant in ["acme", "zebra", "zebra"] {
            assert!(matches!(sends(&provider, tenant), SendOutcome::Accepted { .. }));
        }
        assert_eq!((shared.sent().len(), sent_by_each()), (1, vec![2]));
        tenants.replace(playbook("zebra", Some("two")));
        sends(&provider, "zebra");
        assert_eq!(sent_by_each(), [2, 1]);
        tenants.replace(playbook("zebra", Some("wrong")));
        assert!(matches!(sends(&provider, "zebra"), SendOutcome::NotSent { .. }), "never by somebody else's");
        assert_eq!(shared.sent().len(), 1);
    }
}
