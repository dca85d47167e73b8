//! Where a life ends: every step of it passes the gate, and at the one that was chosen it stays there for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

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
use tokio::sync::Notify;

pub struct Gate {
    steps_left: AtomicU64,
    pub closed: AtomicBool,
    closing: Notify,
}

impl Gate {
    pub fn after(steps: u64) -> Gate {
        Gate { steps_left: AtomicU64::new(steps), closed: AtomicBool::new(false), closing: Notify::new() }
    }

    /// The server is dead from the last step on: nothing of it goes any further.
    pub async fn pass(&self) {
        let left = self.steps_left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            self.closed.store(true, SeqCst);
            self.closing.notify_one();
            std::future::pending::<()>().await;
        }
    }

    pub async fn closes(&self) {
        self.closing.notified().await;
    }
}

/// The outbox of one life: a step before and a step after everything that is written.
pub struct Gated {
    pub inner: Arc<dyn SmsOutbox>,
    pub gate: Arc<Gate>,
    /// Claims are answered, and not written.
    pub without_claim_rows: bool,
}

impl Gated {
    async fn stepwise<T>(&self, work: impl Future<Output = T>) -> T {
        self.gate.pass().await;
        let done = work.await;
        self.gate.pass().await;
        done
    }

    async fn believed(&self, request: &ClaimRequest, now: Timestamp) -> Result<Claim, NotClaimed> {
        let sms = self.inner.find(None, request.id).await.expect("a message").expect("it is there");
        let token = AttemptToken::from_bits([0; 16]);
        Ok(Claim { attempt: Attempt::new(sms.id, 1, request.sender.clone(), token, now), sms })
    }
}

#[async_trait]
impl SmsOutbox for Gated {
    async fn candidates(&self, now: Timestamp, per_class: usize) -> Result<Candidates, Failure> {
        self.inner.candidates(now, per_class).await
    }

    async fn claim(
        &self,
        requests: &[ClaimRequest],
        now: Timestamp,
    ) -> Result<Vec<Result<Claim, NotClaimed>>, Failure> {
        if !self.without_claim_rows {
            return self.stepwise(self.inner.claim(requests, now)).await;
        }
        let mut claims = Vec::new();
        for request in requests {
            claims.push(self.believed(request, now).await);
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
        self.stepwise(self.inner.settle(id, attempt, settlement, now)).await
    }

    async fn report(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        self.stepwise(self.inner.report(report, class)).await
    }

    async fn recover(&self, now: Timestamp) -> Result<Vec<Sms>, Failure> {
        self.stepwise(self.inner.recover(now)).await
    }

    async fn next_due(&self, after: Timestamp) -> Result<Option<Timestamp>, Failure> {
        self.inner.next_due(after).await
    }

    async fn depth(&self) -> Result<[(Priority, u64); 4], Failure> {
        self.inner.depth().await
    }

    async fn count(&self, state: SmsState) -> Result<u64, Failure> {
        self.inner.count(state).await
    }

    async fn submit(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        self.inner.submit(new, key).await
    }

    async fn command(
        &self,
        tenant: Option<&TenantId>,
        id: SmsId,
        command: Command,
        now: Timestamp,
    ) -> Result<Commanded, Failure> {
        self.stepwise(self.inner.command(tenant, id, command, now)).await
    }

    async fn checks(&self, which: Checks, now: Timestamp, limit: usize) -> Result<Vec<(Sms, Attempt)>, Failure> {
        self.inner.checks(which, now, limit).await
    }

    async fn checked(
        &self,
        attempt: &Attempt,
        absent: bool,
        next: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.stepwise(self.inner.checked(attempt, absent, next, now)).await
    }

    async fn alike(&self, sms: &Sms, attempt: &Attempt) -> Result<Vec<Attempt>, Failure> {
        self.inner.alike(sms, attempt).await
    }

    async fn owned(&self, provider_ids: &[&str]) -> Result<Vec<Box<str>>, Failure> {
        self.inner.owned(provider_ids).await
    }

    async fn attempt_of(&self, token: &AttemptToken) -> Result<Option<Attempt>, Failure> {
        self.inner.attempt_of(token).await
    }

    async fn attempts(&self, id: SmsId) -> Result<Vec<Attempt>, Failure> {
        self.inner.attempts(id).await
    }

    async fn list(&self, filter: &SmsFilter) -> Result<Vec<Sms>, Failure> {
        self.inner.list(filter).await
    }

    async fn find(&self, tenant: Option<&TenantId>, id: SmsId) -> Result<Option<Sms>, Failure> {
        self.inner.find(tenant, id).await
    }
}
