//! Texts, taken home as they stand.

use std::collections::HashSet;

use engine::failure::Failure;
use engine::ids::{CallKey, EventKey, SmsId};
use engine::ports::{CallStore, ClaimRequest, SmsOutbox};
use engine::sms::{SendOutcome, SmsState, Tried, settle};
use engine::time::Timestamp;

use super::super::OutageSms;
use super::{Emptying, WELL_WITHIN, now};
use crate::stores::columns::json;
use crate::stores::postgres::Adopted;

/// Texts taken home at once.
const BATCH: usize = 200;

impl Emptying {
    /// The emergencies that home was to have sent from here are sent all the same.
    pub(super) async fn take_along_texts(&self) -> Result<(), Failure> {
        let _turn = self.store.turn.read().await;
        let mut waiting = self.store.known.texts.take_waiting().into_iter();
        while let Some(text) = waiting.next() {
            if let Err(failure) = self.store.spool.seed_text(&text.sms, text.last_attempt, None).await {
                self.store.known.texts.wait(std::iter::once(text).chain(waiting));
                return Err(failure);
            }
        }
        Ok(())
    }

    /// All that can be, while nobody changes one that is here.
    pub(super) async fn move_texts(&self) -> Result<(), Failure> {
        if !self.store.spool.has_texts() {
            return Ok(());
        }
        let _texts_turn = self.store.texts_turn.write().await;
        self.move_texts_unhindered().await
    }

    /// The caller holds their turn.
    pub(super) async fn move_texts_unhindered(&self) -> Result<(), Failure> {
        // Those whose call is not at home yet wait for it, at the front: they must not hide the others for ever.
        let mut wanted = BATCH;
        loop {
            let texts = self.store.spool.movable_texts(self.sent_from_here(), wanted).await?;
            let here = self.at_home_now(&texts).await?;
            if !here.is_empty() {
                self.store.spool.forget_texts(here.iter().copied()).await?;
            }
            if texts.len() < wanted {
                return Ok(());
            }
            if here.is_empty() {
                wanted *= 2;
            }
        }
    }

    /// A node that does not send, because another one leads, keeps nothing back.
    fn sent_from_here(&self) -> OutageSms {
        if self.store.known.texts.are_sent() { self.store.settings.outage_sms } else { OutageSms::Hold }
    }

    async fn at_home_now(&self, texts: &[Tried]) -> Result<HashSet<SmsId>, Failure> {
        if texts.is_empty() {
            return Ok(HashSet::new());
        }
        match self.in_time(self.store.home.adopt_texts(texts)).await {
            Err(failure) if self.is_well(WELL_WITHIN).await.is_err() => return Err(failure),
            Ok(here) => {
                self.store.gate.took();
                return Ok(here);
            }
            // One of them is at fault.
            Err(_) => {}
        }
        let mut here = HashSet::new();
        for text in texts {
            match self.in_time(self.store.home.adopt_text(text)).await? {
                Adopted::Here => _ = here.insert(text.sms.id),
                Adopted::TooEarly => {}
                Adopted::Refused => {
                    self.put_text_aside(text).await?;
                    here.insert(text.sms.id);
                }
            }
        }
        Ok(here)
    }

    async fn put_text_aside(&self, text: &Tried) -> Result<(), Failure> {
        let sms = &text.sms;
        tracing::error!(sms.id = %sms.id, "store refuses a text of the spool, put aside");
        let Some(call) = sms.call.clone() else { return Ok(()) };
        let call = CallKey { tenant: sms.tenant.clone(), call };
        let key = EventKey::new(format!("sms:{}", sms.id));
        self.store.spool.store.quarantine(&call, &key, &json(sms), "the store refuses it", sms.updated_at).await
    }

    /// What was claimed at home without anybody being told never left: it waits again.
    pub(super) async fn give_back_all(&self) -> Result<(), Failure> {
        let texts = &self.store.known.texts;
        let doubtful = texts.doubtful();
        for (request, at) in &doubtful {
            self.give_back(request, *at).await?;
        }
        texts.resolved(doubtful.len());
        Ok(())
    }

    async fn give_back(&self, request: &ClaimRequest, at: Timestamp) -> Result<(), Failure> {
        let home = &self.store.home;
        let Some(sms) = SmsOutbox::find(home, None, request.id).await? else { return Ok(()) };
        let newest = home.attempts(request.id).await?.pop();
        let ours = newest.filter(|attempt| attempt.started_at == at && attempt.sender == request.sender);
        if let Some(attempt) = ours.filter(|attempt| sms.state == SmsState::Sending && attempt.outcome.is_none()) {
            let never_left = SendOutcome::NotSent { reason: "the store was away when it was claimed".into() };
            home.settle(sms.id, attempt.number, &settle(&sms, &never_left, 0, now()), now()).await?;
        }
        Ok(())
    }
}
