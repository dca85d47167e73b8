//! Messages people ask for. A request that carries a key is kept once, and answered again as it was the first time.

use engine::failure::Failure;
use engine::ports::{IdempotencyKey, Submitted};
use engine::sms::{NewSms, Sms};
use sqlx::Row;

use super::{Writing, changes, write_texts};
use crate::stores::sqlite::{SqliteStore, unavailable};

impl SqliteStore {
    pub(super) async fn keep_request(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        if let Some(key) = key
            && let Some(asked) = asked_before(&mut transaction, new, key).await?
        {
            return Ok(asked);
        }
        write_texts(&mut transaction, &[new]).await.map_err(unavailable)?;
        // Suppressed, if its recipient wants none.
        let written = changes::message(&mut transaction, new.id).await?;
        let sms = written.map_or_else(|| Sms::owed(new), |(sms, _)| sms);
        if let Some(key) = key {
            remember(&mut transaction, key, &sms).await?;
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(Submitted::New(sms))
    }
}

async fn asked_before(
    transaction: &mut Writing<'_>,
    new: &NewSms,
    key: &IdempotencyKey,
) -> Result<Option<Submitted>, Failure> {
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE expires_at <= ?").bind(new.created_at.to_string());
    query.execute(&mut **transaction).await.map_err(unavailable)?;
    let query = sqlx::query("SELECT digest, answer FROM idempotency_keys WHERE tenant = ? AND key = ?");
    let query = query.bind(new.tenant.as_str()).bind(key.key.as_ref());
    let Some(row) = query.fetch_optional(&mut **transaction).await.map_err(unavailable)? else { return Ok(None) };
    if row.get::<&str, _>("digest") != key.digest.as_ref() {
        return Ok(Some(Submitted::Differs));
    }
    let answer = serde_json::from_str(row.get("answer"));
    answer.map(|sms| Some(Submitted::Again(sms))).map_err(|_| Failure::fail("sqlite: column answer cannot be read"))
}

async fn remember(transaction: &mut Writing<'_>, key: &IdempotencyKey, sms: &Sms) -> Result<(), Failure> {
    let query =
        sqlx::query("INSERT INTO idempotency_keys (tenant, key, digest, answer, expires_at) VALUES (?, ?, ?, ?, ?)");
    let answer = serde_json::to_string(sms).expect("a message is text and numbers");
    let query = query.bind(sms.tenant.as_str()).bind(key.key.as_ref()).bind(key.digest.as_ref());
    query.bind(answer).bind(key.until.to_string()).execute(&mut **transaction).await.map(drop).map_err(unavailable)
}
