//! What was sent of late: there and here together. While home is away only what left from here is known, so a limit per
//! day begins anew; those per second hold, because they look back for two minutes and the pool remembers them itself.

use std::collections::HashSet;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{Begun, DayUse, LearnedPace, PutOff, SmsLedger};
use engine::sms::Sms;
use engine::time::Timestamp;

use super::Spooled;

#[async_trait]
impl SmsLedger for Spooled {
    async fn begun_since(&self, since: Timestamp, limit: usize) -> Result<Vec<Begun>, Failure> {
        let mut begun = self.patiently(self.home.begun_since(since, limit)).await.unwrap_or(Ok(Vec::new()))?;
        if self.spool.has_texts() {
            begun.extend(self.spool.store.begun_since(since, limit).await?);
            begun.sort_by_key(|begun| begun.at);
            begun.drain(..begun.len().saturating_sub(limit));
        }
        Ok(begun)
    }

    async fn used_since(&self, tenant: &TenantId, since: Timestamp) -> Result<DayUse, Failure> {
        let mut used = self.at_home(self.home.used_since(tenant, since)).await.unwrap_or(Ok(DayUse::default()))?;
        if self.spool.has_texts() {
            let here = self.spool.store.used_since(tenant, since).await?;
            used.segments += here.segments;
            for (number, texts) in here.callers {
                match used.callers.iter_mut().find(|(known, _)| *known == number) {
                    Some((_, counted)) => *counted += texts,
                    None => used.callers.push((number, texts)),
                }
            }
        }
        Ok(used)
    }

    async fn put_off(&self, held: &[PutOff], now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let _turn = self.texts_turn.read().await;
        let mut put_off = Vec::new();
        if self.spool.has_texts() {
            put_off = self.spool.store.put_off(held, now).await?;
        }
        let done: HashSet<_> = put_off.iter().map(|sms| sms.id).collect();
        let elsewhere: Vec<PutOff> = held.iter().filter(|held| !done.contains(&held.id)).cloned().collect();
        if !elsewhere.is_empty()
            && let Some(at_home) = self.at_home(self.home.put_off(&elsewhere, now)).await
        {
            put_off.extend(at_home?);
        }
        Ok(put_off)
    }

    async fn learned(&self) -> Result<Vec<LearnedPace>, Failure> {
        match self.patiently(self.home.learned()).await {
            Some(learned) => learned,
            None => self.spool.store.learned().await,
        }
    }

    /// A hint for the next life: kept in both places, as far as they can be reached.
    async fn learn(&self, paces: &[LearnedPace]) -> Result<(), Failure> {
        let at_home = self.at_home(self.home.learn(paces)).await;
        self.spool.store.learn(paces).await?;
        at_home.unwrap_or(Ok(()))
    }
}
