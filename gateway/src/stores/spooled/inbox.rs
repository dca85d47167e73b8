//! Texts that came in: kept where they can be.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::ports::{InboundSms, Inbox};

use super::Spooled;

#[async_trait]
impl Inbox for Spooled {
    async fn knows(&self, id: &str) -> Result<bool, Failure> {
        if self.spool.store.knows(id).await? {
            return Ok(true);
        }
        // One that came before the outage and comes again in it is taken for a new one.
        self.if_reachable(self.home.knows(id)).await.unwrap_or(Ok(false))
    }

    async fn keep(&self, sms: &InboundSms) -> Result<bool, Failure> {
        let _turn = self.turn.read().await;
        match self.at_home(self.home.keep(sms)).await {
            Some(kept) => kept,
            None => self.spool.store.keep(sms).await,
        }
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<InboundSms>, Failure> {
        let mut latest = self.spool.store.latest(tenant, limit).await?;
        if self.gate.is_reachable() {
            let home = self.asked_of_home(Inbox::latest(&self.home, tenant, limit)).await?;
            latest.extend(
                home.into_iter().filter(|kept| latest.iter().all(|here| here.id != kept.id)).collect::<Vec<_>>(),
            );
            latest.truncate(limit);
        }
        Ok(latest)
    }

    async fn last_to_text(&self, number: &PhoneNumber) -> Result<Option<TenantId>, Failure> {
        match self.if_reachable(self.home.last_to_text(number)).await {
            Some(last) => last,
            None => self.spool.store.last_to_text(number).await,
        }
    }
}
