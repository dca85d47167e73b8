//! Messages people ask for. A request that carries a key is kept once, and answered again as it was the first time.

use engine::failure::Failure;
use engine::ports::{IdempotencyKey, Submitted};
use engine::sms::{NewSms, Sms};
use sqlx::PgConnection;

use super::super::rows::Columns;
use super::super::values::{At, text};
use super::super::{PostgresStore, locks, unavailable};
use super::{changes, write_texts_alone};

impl PostgresStore {
    pub(super) async fn keep_request(&self, new: &NewSms, key: Option<&IdempotencyKey>) -> Result<Submitted, Failure> {
        let mut transaction = self.pool.begin().await.map_err(unavailable)?;
        if let Some(key) = key {
            hold(&mut transaction, new, key).await.map_err(unavailable)?;
            if let Some(asked) = asked_before(&mut transaction, new, key).await? {
                return Ok(asked);
            }
        }
        write_texts_alone(&mut *transaction, &[new]).await.map_err(unavailable)?;
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

/// Of two who ask under one key at once, the second waits for the first.
async fn hold(connection: &mut PgConnection, new: &NewSms, key: &IdempotencyKey) -> Result<(), sqlx::Error> {
    let query = sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2 || '/' || $3))").bind(locks::REQUEST);
    let query = query.bind(new.tenant.as_str()).bind(text(&key.key));
    query.execute(connection).await.map(drop)
}

async fn asked_before(
    connection: &mut PgConnection,
    new: &NewSms,
    key: &IdempotencyKey,
) -> Result<Option<Submitted>, Failure> {
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE expires_at <= $1").bind(At(new.created_at));
    query.execute(&mut *connection).await.map_err(unavailable)?;
    let query = sqlx::query("SELECT digest, answer FROM idempotency_keys WHERE tenant = $1 AND key = $2");
    let query = query.bind(new.tenant.as_str()).bind(text(&key.key));
    let Some(row) = query.fetch_optional(connection).await.map_err(unavailable)? else { return Ok(None) };
    if row.text("digest")? != key.digest.as_ref() {
        return Ok(Some(Submitted::Differs));
    }
    row.json("answer").map(|sms| Some(Submitted::Again(sms)))
}

async fn remember(connection: &mut PgConnection, key: &IdempotencyKey, sms: &Sms) -> Result<(), Failure> {
    let query = sqlx::query(
        "INSERT INTO idempotency_keys (tenant, key, digest, answer, expires_at) VALUES ($1, $2, $3, $4, $5)",
    );
    let answer = serde_json::to_string(sms).expect("a message is text and numbers");
    let query = query.bind(sms.tenant.as_str()).bind(text(&key.key)).bind(text(&key.digest));
    query.bind(answer).bind(At(key.until)).execute(connection).await.map(drop).map_err(unavailable)
}
