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

use super::known::Waiting;
use super::{Both, OutageSms, Spooled};

#[async_trait]
impl SmsOutbox for Spooled {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        self.known.texts.look();
        let home = self.at_home(self.home.candidates(now, per_class)).await.transpose()?;
        let mut both = self.candidates_here(now, per_class).await?;
        let Some(mut home) = home else { return Ok(both) };
        home.expired.iter().for_each(|sms| self.known.texts.forget(sms.id));
        // What is here is sent from here, though home may have it as waiting too.
        let here = self.among_here(home.due.iter().flatten().map(|candidate| candidate.id)).await?;
        let stays = |id: &SmsId| here.contains(id) || self.known.texts.is_uncertain(*id);
        home.due.iter_mut().for_each(|due| due.retain(|candidate| !stays(&candidate.id)));
        both.expired.extend(home.expired);
        both.due.iter_mut().zip(home.due).for_each(|(here, home)| here.extend(home));
        Ok(both)
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        let _turn = self.texts_turn.read().await;
        // Looked at first: one that is certain by now is found where it is.
        let uncertain = |request: &&ClaimRequest| self.known.texts.is_uncertain(request.id);
        let uncertain: HashSet<SmsId> = requests.iter().filter(uncertain).map(|request| request.id).collect();
        let mut claims = vec![Err(NotClaimed::Gone); requests.len()];
        if self.spool.has_texts() {
            claims = self.spool.store.claim(requests, now).await?;
        }
        let here = self.among_here(requests.iter().map(|request| request.id)).await?;
        let stays = |id: &SmsId| here.contains(id) || uncertain.contains(id);
        let elsewhere = |place: &usize| !stays(&requests[*place].id);
        let elsewhere: Vec<usize> = (0..requests.len()).filter(elsewhere).collect();
        let asked: Vec<ClaimRequest> = elsewhere.iter().map(|place| requests[*place].clone()).collect();
        if let Some(claimed) = self.claim_at_home(asked, now).await? {
            elsewhere.into_iter().zip(claimed).for_each(|(place, claim)| claims[place] = claim);
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
        // It may be queued again at home while we do not know.
        let _uncertain = self.known.texts.uncertain(std::iter::once(id));
        if !self.is_here(id).await? {
            if let Some(settled) = self.at_home(self.home.settle(id, attempt, settlement, now)).await {
                self.known.texts.settled(id);
                let settled = settled?;
                self.expect_to_send([Waiting { sms: settled.sms.clone(), last_attempt: attempt }]);
                return Ok(settled);
            }
            // Claimed at home, sent, and home is gone: what came of it must not wait for home's return.
            let claim = self.known.texts.claim(id, attempt).ok_or_else(|| self.away())?;
            let _turn = self.turn.read().await;
            self.spool.seed_text(&claim.sms, attempt, Some(&claim.attempt)).await?;
        }
        let settled = self.spool.store.settle(id, attempt, settlement, now).await;
        self.known.texts.settled(id);
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
        // Whoever comes to lead when home is back asks again.
        if let Some(at_home) = self.patiently(self.home.recover(now)).await {
            cut.extend(at_home?);
        }
        Ok(cut)
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let home = self.at_home(self.home.next_due(after)).await.transpose()?.flatten();
        let here = if self.spool.has_texts() { self.spool.store.next_due(after).await? } else { None };
        Ok(home.into_iter().chain(here).min())
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        let mut depth = Priority::ALL.map(|priority| (priority, 0));
        if self.spool.has_texts() {
            depth = self.spool.store.depth().await?;
        }
        if let Some(home) = self.at_home(self.home.depth()).await.transpose()? {
            depth.iter_mut().zip(home).for_each(|((_, here), (_, home))| *here += home);
        }
        Ok(depth)
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        let here = if self.spool.has_texts() { self.spool.store.count(state).await? } else { 0 };
        let home = self.at_home(self.home.count(state)).await.transpose()?;
        Ok(here + home.unwrap_or(0))
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let _turn = self.turn.read().await;
        let _uncertain = self.known.texts.uncertain(std::iter::once(new.id));
        if let Some(submitted) = self.at_home(self.home.submit(new, key)).await {
            if let Ok(Submitted::New(sms)) = &submitted {
                self.expect_to_send([Waiting { sms: sms.clone(), last_attempt: 0 }]);
            }
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
            false => {
                self.known.texts.forget(id);
                self.asked_of_home(self.home.command(tenant, id, command, now)).await
            }
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
    /// `None`: nobody can be asked, or nobody answered.
    async fn claim_at_home(
        &self,
        asked: Vec<ClaimRequest>,
        now: Timestamp,
    ) -> Result<Option<Vec<Result<Claim, NotClaimed>>>, Failure> {
        if asked.is_empty() || !self.gate.is_home() {
            return Ok(None);
        }
        self.known.texts.ask(&asked);
        match self.in_time(self.home.claim(&asked, now)).await {
            Some(claimed) => {
                let claimed = claimed?;
                self.known.texts.answered(&asked, &claimed);
                Ok(Some(claimed))
            }
            None => {
                self.known.texts.doubt(asked, now);
                Ok(None)
            }
        }
    }

    /// What was committed at home to be sent, so that it is sent should home go before.
    pub(super) fn expect_to_send(&self, texts: impl IntoIterator<Item = Waiting>) {
        let leaves = |waiting: &Waiting| match self.settings.outage_sms {
            OutageSms::All => true,
            OutageSms::P1 => waiting.sms.priority == Priority::P1,
            OutageSms::Hold => false,
        };
        let queued = |waiting: &Waiting| waiting.sms.state == SmsState::Queued;
        self.known.texts.wait(texts.into_iter().filter(|waiting| queued(waiting) && leaves(waiting)));
    }

    async fn among_here(&self, ids: impl Iterator<Item = SmsId>) -> Result<HashSet<SmsId>, Failure> {
        if self.spool.has_texts() { self.spool.texts_among(ids).await } else { Ok(HashSet::new()) }
    }

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
