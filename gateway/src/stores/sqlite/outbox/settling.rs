//! What a carrier answers and reports, on its way to the writer: a hundred a second must not stand between an emergency
//! and its claim.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::SmsId;
use engine::ports::Settled;
use engine::sms::{DeliveryReport, ErrorClass, Reported, Settlement};
use engine::time::Timestamp;

use super::Writing;
use super::changes::{hear_report, settle};
use crate::stores::sqlite::SqliteStore;
use crate::stores::sqlite::together::Write;

struct Answered {
    id: SmsId,
    attempt: u32,
    settlement: Settlement,
    now: Timestamp,
}

struct Told(DeliveryReport, Option<ErrorClass>);

impl SqliteStore {
    pub(super) async fn settle_attempt(
        &self,
        id: SmsId,
        attempt: u32,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<Settled, Failure> {
        let answered = Answered { id, attempt, settlement: settlement.clone(), now };
        self.together.write(&self.writer, answered).await
    }

    pub(super) async fn hear(&self, report: &DeliveryReport, class: Option<ErrorClass>) -> Result<Reported, Failure> {
        self.together.write(&self.writer, Told(report.clone(), class)).await
    }
}

#[async_trait]
impl Write for Answered {
    type Answer = Settled;

    async fn write(&self, transaction: &mut Writing<'_>) -> Result<Settled, Failure> {
        settle(transaction, self.id, self.attempt, &self.settlement, self.now).await
    }
}

#[async_trait]
impl Write for Told {
    type Answer = Reported;

    async fn write(&self, transaction: &mut Writing<'_>) -> Result<Reported, Failure> {
        hear_report(transaction, &self.0, self.1).await
    }
}
