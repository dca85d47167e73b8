//! Texts: each is in one place at a time, and what is done to it is done there. Those in the spool that may be sent while
//! home is away are sent from there, also when home is back before they have left; the others are moved as they are.

use std::collections::HashSet;

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::ports::{
    Candidates, Checks, Claim, ClaimRequest, IdempotencyKey, NotClaimed, Settled, SmsFilter, SmsOutbox, Submitted,
};
use engine::priority::Priority;
use engine::sms::{
    Attempt, AttemptToken, Command, Commanded, DeliveryReport, ErrorClass, NewSms, Reported, Settlement, Sms, SmsState,
};
use engine::time::Timestamp;

use super::{Both, OutageSms, Spooled};

#[async_trait]
impl SmsOutbox for Spooled {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        let home = self.at_home(self.home.candidates(now, per_class)).await.transpose()?;
        let here = self.candidates_here(now, per_class).await?;
        let Some(home) = home else { return Ok(here) };
        let mut both = here;
        both.expired.extend(home.expired);
        both.due.iter_mut().zip(home.due).for_each(|(here, home)| here.extend(home));
        Ok(both)
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        let mut claims = vec![Err(NotClaimed::Gone); requests.len()];
        if self.spool.has_texts() {
            claims = self.spool.store.claim(requests, now).await?;
        }
        let is_gone = |claim: &Result<Claim, NotClaimed>| matches!(claim, Err(NotClaimed::Gone));
        let elsewhere: Vec<usize> = (0..requests.len()).filter(|place| is_gone(&claims[*place])).collect();
        if elsewhere.is_empty() {
            return Ok(claims);
        }
        let asked: Vec<ClaimRequest> = elsewhere.iter().map(|place| requests[*place].clone()).collect();
        if !self.gate.is_home() {
            return Ok(claims);
        }
        let Some(claimed) = self.at_home(self.home.claim(&asked, now)).await else {
            // It may have been done though nobody was told: nothing of it leaves, and home is to know that.
            self.known.doubts(asked, now);
            return Ok(claims);
        };
        for (place, claim) in elsewhere.into_iter().zip(claimed?) {
            if let Ok(claim) = &claim {
                self.known.claimed(claim);
            }
            claims[place] = claim;
        }
        Ok(claims)
    }

    async fn settle(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let _turn = self.texts_turn.read().await;
        if !self.is_here(id).await? {
            if let Some(settled) = self.at_home(self.home.settle(id, attempt, settlement, now)).await {
                self.known.settled(id);
                return settled;
            }
            // Claimed at home, sent, and home is gone: what came of it must not wait for home's return.
            let claim = self.known.claim(id, attempt).ok_or_else(|| self.away())?;
            let _turn = self.turn.read().await;
            self.spool.seed_text(&claim.sms, &claim.attempt).await?;
        }
        let settled = self.spool.store.settle(id, attempt, settlement, now).await;
        self.known.settled(id);
        settled
    }

    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        let _turn = self.texts_turn.read().await;
        if self.spool.has_texts() {
            let reported = self.spool.store.report(report, class).await?;
            if reported != Reported::Unheard {
                return Ok(reported);
            }
        }
        self.asked_of_home(self.home.report(report, class)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        let mut cut = if self.spool.has_texts() { self.spool.store.recover(now).await? } else { Vec::new() };
        match self.patiently(self.home.recover(now)).await {
            Some(at_home) => cut.extend(at_home?),
            None => self.known.owe_recovery(),
        }
        Ok(cut)
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let home = self.at_home(self.home.next_due(after)).await.transpose()?.flatten();
        let here = if self.spool.has_texts() { self.spool.store.next_due(after).await? } else { None };
        Ok(home.into_iter().chain(here).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let mut depth = self.spool.store.depth().await?;
        if let Some(home) = self.at_home(self.home.depth()).await.transpose()? {
            depth.iter_mut().zip(home).for_each(|((_, here), (_, home))| *here += home);
        }
        Ok(depth)
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        let here = self.spool.store.count(state).await?;
        let home = self.at_home(self.home.count(state)).await.transpose()?;
        Ok(here + home.unwrap_or(0))
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let _turn = self.turn.read().await;
        if let Some(submitted) = self.at_home(self.home.submit(new, key)).await {
            return submitted;
        }
        // Whether a key was used before only home knows, and it may have been used by this very request.
        if key.is_some() {
            return Err(self.away());
        }
        self.spool.expect_texts();
        self.spool.store.submit(new, None).await
    }

    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        let _turn = self.texts_turn.read().await;
        match self.is_here(id).await? {
            true => self.spool.store.command(tenant, id, command, now).await,
            false => self.asked_of_home(self.home.command(tenant, id, command, now)).await,
        }
    }

    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        let mut checks = Vec::new();
        if self.spool.has_texts() {
            checks = self.spool.store.checks(which, now, limit).await?;
        }
        if self.gate.is_home() {
            checks.extend(self.asked_of_home(self.home.checks(which, now, limit)).await?);
        }
        checks.truncate(limit);
        Ok(checks)
    }

    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let _turn = self.texts_turn.read().await;
        match self.is_here(attempt.sms).await? {
            true => self.spool.store.checked(attempt, absent, next, now).await,
            false => self.asked_of_home(self.home.checked(attempt, absent, next, now)).await,
        }
    }

    /// Both, or nothing: an attempt that is not known of could be taken for another.
    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure> {
        let mut alike = self.asked_of_home(self.home.alike(sms, attempt)).await?;
        if self.spool.has_texts() {
            alike.extend(self.spool.store.alike(sms, attempt).await?);
        }
        let mut seen = HashSet::new();
        alike.retain(|attempt| seen.insert((attempt.sms, attempt.number)));
        Ok(alike)
    }

    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        let mut owned = self.asked_of_home(self.home.owned(provider_ids)).await?;
        if self.spool.has_texts() {
            owned.extend(self.spool.store.owned(provider_ids).await?);
        }
        Ok(owned)
    }

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        if self.spool.has_texts()
            && let Some(attempt) = self.spool.store.attempt_of(token).await?
        {
            return Ok(Some(attempt));
        }
        self.asked_of_home(self.home.attempt_of(token)).await
    }

    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure> {
        let here = self.spool.store.attempts(id).await?;
        if !here.is_empty() || self.is_here(id).await? {
            return Ok(here);
        }
        self.asked_of_home(self.home.attempts(id)).await
    }

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        if !self.gate.is_reachable() {
            return self.spool.store.list(filter).await;
        }
        let home = self.asked_of_home(self.home.list(filter)).await?;
        if !self.spool.has_texts() {
            return Ok(home);
        }
        let mut seen = HashSet::new();
        let mut both = self.spool.store.list(filter).await?;
        both.extend(home);
        both.retain(|sms| seen.insert(sms.id));
        both.sort_by_key(|sms| (sms.created_at, sms.id));
        if !filter.oldest_first {
            both.reverse();
        }
        both.truncate(filter.limit);
        Ok(both)
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        if self.spool.has_texts()
            && let Some(sms) = SmsOutbox::find(&self.spool.store, tenant, id).await?
        {
            return Ok(Some(sms));
        }
        self.asked_of_home(SmsOutbox::find(&self.home, tenant, id)).await
    }
}

impl Both {
    async fn is_here(&self, id: SmsId) -> Result<bool, Failure> {
        Ok(self.spool.has_texts() && SmsOutbox::find(&self.spool.store, None, id).await?.is_some())
    }

    /// What may be sent from the spool.
    async fn candidates_here(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        if !self.spool.has_texts() {
            return Ok(Candidates::default());
        }
        let mut here = self.spool.store.candidates(now, per_class).await?;
        let sent_from_here = match self.settings.outage_sms {
            OutageSms::All => 4,
            OutageSms::P1 => 1,
            OutageSms::Hold => 0,
        };
        here.due.iter_mut().skip(sent_from_here).for_each(Vec::clear);
        Ok(here)
    }
}
