//! Calls by tenant: whose playbook has an account of its own phones from it, the others from the deployment's.

use async_trait::async_trait;
use engine::ports::{CallOutcome, NewCall, Telephony};
use tracing::error;

use super::Phone;
use crate::carriers::Accounts;

pub struct Telephones {
    accounts: Accounts<Phone>,
}

impl Telephones {
    pub fn new(accounts: Accounts<Phone>) -> Telephones {
        Telephones { accounts }
    }
}

#[async_trait]
impl Telephony for Telephones {
    async fn call(&self, call: &NewCall) -> CallOutcome {
        match self.accounts.of(&call.tenant) {
            Ok(phone) => phone.call(call).await,
            Err(bad) => {
                error!(tenant = call.tenant.as_str(), error = %bad, "tenant's carrier account cannot be used");
                CallOutcome::Failed { why: "the tenant's carrier account cannot be used".into() }
            }
        }
    }
}
