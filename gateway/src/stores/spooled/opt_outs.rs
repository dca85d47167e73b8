//! Who wants no texts: known here as home last had it, so that nobody is texted from the spool who has opted out; said
//! here while home is away, and at home again afterwards.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::ports::{OptIn, OptOut, OptOuts, OptedOut};

use super::Spooled;
use super::spool::Owed;

#[async_trait]
impl OptOuts for Spooled {
    async fn add(&self, opt_out: &OptOut) -> Result<OptedOut, Failure> {
        let _turn = self.turn.read().await;
        let at_home = self.at_home(self.home.add(opt_out)).await.transpose()?;
        if at_home.is_none() {
            self.spool.owe(&Owed::OptOut { opt_out: opt_out.clone() }).await?;
        }
        // At once, and with it what waits here to be sent.
        let here = self.spool.store.add(opt_out).await?;
        let Some(mut added) = at_home else { return Ok(here) };
        added.suppressed.extend(here.suppressed);
        Ok(added)
    }

    async fn clear(&self, opt_in: &OptIn) -> Result<bool, Failure> {
        let _turn = self.turn.read().await;
        let at_home = self.at_home(self.home.clear(opt_in)).await.transpose()?;
        if at_home.is_none() {
            self.spool.owe(&Owed::OptIn { opt_in: opt_in.clone() }).await?;
        }
        let here = self.spool.store.clear(opt_in).await?;
        Ok(at_home.unwrap_or(here))
    }

    async fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<bool, Failure> {
        match self.at_home(self.home.is_opted_out(tenant, number)).await {
            Some(answer) => answer,
            None => self.spool.store.is_opted_out(tenant, number).await,
        }
    }

    async fn in_force(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<OptOut>, Failure> {
        if !self.gate.is_home() {
            return self.spool.store.in_force(tenant, limit).await;
        }
        self.asked_of_home(self.home.in_force(tenant, limit)).await
    }
}
