//! Who wants no texts. The list is looked at where a message is written, where it goes back to the queue and where it is
//! claimed, each time in the transaction that does so; whoever opts out takes what waits for them out of the queue in
//! the same way. So nothing that is queued is ever unwanted.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::phone::PhoneNumber;
use engine::ports::{OptIn, OptOut, OptOutSource, OptOuts, OptedOut};
use engine::sms::{NewSms, Sms};
use engine::time::Timestamp;
use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::{SqliteStore, rows, unavailable};

/// Whether the recipient of a row of `sms_messages AS sms` has opted out.
macro_rules! unwanted {
    () => {
        "EXISTS (SELECT 1 FROM opted_out WHERE opted_out.number = sms.to_number AND opted_out.tenant IN (sms.tenant, ''))"
    };
}
pub(super) use unwanted;

/// What a suppressed message says for itself.
const OPTED_OUT: &str = "recipient has opted out";

/// The tenant of what counts for every tenant.
const EVERYBODY: &str = "";

#[async_trait]
impl OptOuts for SqliteStore {
    async fn add(&self, opt_out: &OptOut) -> Result<OptedOut, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let known = known(&mut transaction, opt_out).await.map_err(unavailable)?;
        let said = Said { out: true, source: opt_out.source, message: opt_out.message.as_deref(), at: opt_out.at };
        // Who says it again in another message is on record with that one too.
        let written = (!known || opt_out.message.is_some())
            && write(&mut transaction, opt_out.tenant.as_ref(), &opt_out.number, said).await.map_err(unavailable)?;
        let suppressed = suppress_to(&mut transaction, opt_out).await?;
        transaction.commit().await.map_err(unavailable)?;
        Ok(OptedOut { is_new: written && !known, suppressed })
    }

    async fn clear(&self, opt_in: &OptIn) -> Result<bool, Failure> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(unavailable)?;
        let mut undone = false;
        for source in &opt_in.sources {
            let out = OptOut {
                tenant: opt_in.tenant.clone(),
                number: opt_in.number.clone(),
                source: *source,
                at: opt_in.at,
                message: None,
            };
            let was_out = of_source(&mut transaction, &out).await.map_err(unavailable)?;
            let said = Said { out: false, source: *source, message: opt_in.message.as_deref(), at: opt_in.at };
            if was_out || opt_in.message.is_some() {
                let written = write(&mut transaction, opt_in.tenant.as_ref(), &opt_in.number, said).await;
                undone |= written.map_err(unavailable)? && was_out;
            }
        }
        transaction.commit().await.map_err(unavailable)?;
        Ok(undone)
    }

    async fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<bool, Failure> {
        let query = sqlx::query("SELECT 1 FROM opted_out WHERE number = ? AND tenant IN (?, '') LIMIT 1");
        let query = query.bind(number.as_str()).bind(tenant_column(tenant));
        Ok(query.fetch_optional(&self.readers).await.map_err(unavailable)?.is_some())
    }

    async fn in_force(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<OptOut>, Failure> {
        let query = sqlx::query(
            "SELECT * FROM opted_out WHERE ?1 IS NULL OR tenant IN (?1, '') ORDER BY position DESC LIMIT ?2",
        );
        let query = query.bind(tenant.map(TenantId::as_str)).bind(rows::bounded(limit));
        query.fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::opt_out).collect()
    }
}

type Writing<'t> = Transaction<'t, Sqlite>;

/// Takes those of these messages out of the queue whose recipients have opted out.
pub(super) async fn suppress(
    transaction: &mut Writing<'_>,
    ids: &[SmsId],
    now: Timestamp,
) -> Result<Vec<Sms>, Failure> {
    let rows = suppressing(ids, now).build().persistent(ids.len() == 1).fetch_all(&mut **transaction).await;
    rows.map_err(unavailable)?.iter().map(rows::sms).collect()
}

/// The same for messages that are just being written.
pub(super) async fn suppress_owed(transaction: &mut Writing<'_>, texts: &[&NewSms]) -> Result<(), sqlx::Error> {
    let Some(now) = texts.iter().map(|text| text.created_at).max() else { return Ok(()) };
    let ids: Vec<SmsId> = texts.iter().map(|text| text.id).collect();
    suppressing(&ids, now).build().persistent(ids.len() == 1).execute(&mut **transaction).await.map(drop)
}

fn suppressing(ids: &[SmsId], now: Timestamp) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("UPDATE sms_messages AS sms SET state = 'suppressed', error = ");
    query.push_bind(OPTED_OUT).push(", updated_at = max(updated_at, ").push_bind(now.to_string());
    query.push(") WHERE state = 'queued' AND id IN (");
    let mut list = query.separated(", ");
    ids.iter().for_each(|id| {
        list.push_bind(id.to_string());
    });
    query.push(") AND ").push(unwanted!()).push(" RETURNING *");
    query
}

/// Everything that waits for the number.
async fn suppress_to(transaction: &mut Writing<'_>, opt_out: &OptOut) -> Result<Vec<Sms>, Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = 'suppressed', error = ?1, updated_at = max(updated_at, ?2) \
         WHERE to_number = ?3 AND state = 'queued' AND ?4 IN (tenant, '') RETURNING *",
    );
    let query = query
        .bind(OPTED_OUT)
        .bind(opt_out.at.to_string())
        .bind(opt_out.number.as_str())
        .bind(tenant_column(opt_out.tenant.as_ref()));
    let rows = query.fetch_all(&mut **transaction).await.map_err(unavailable)?;
    rows.iter().map(rows::sms).collect()
}

/// What is said of a number.
struct Said<'a> {
    out: bool,
    source: OptOutSource,
    message: Option<&'a str>,
    at: Timestamp,
}

/// `false` when this message has said so before.
async fn write(
    transaction: &mut Writing<'_>,
    tenant: Option<&TenantId>,
    number: &PhoneNumber,
    said: Said<'_>,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO opt_outs (tenant, number, action, source, at, message) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO NOTHING",
    );
    let query = query
        .bind(tenant_column(tenant))
        .bind(number.as_str())
        .bind(if said.out { "out" } else { "in" })
        .bind(said.source.as_str())
        .bind(said.at.to_string())
        .bind(said.message);
    Ok(query.execute(&mut **transaction).await?.rows_affected() > 0)
}

/// A carrier's refusal is news only about somebody of whom nothing was heard.
async fn known(transaction: &mut Writing<'_>, out: &OptOut) -> Result<bool, sqlx::Error> {
    if out.source != OptOutSource::Carrier {
        return of_source(transaction, out).await;
    }
    let query = sqlx::query("SELECT 1 FROM opted_out WHERE number = ? AND tenant IN (?, '') LIMIT 1");
    let query = query.bind(out.number.as_str()).bind(tenant_column(out.tenant.as_ref()));
    Ok(query.fetch_optional(&mut **transaction).await?.is_some())
}

async fn of_source(transaction: &mut Writing<'_>, out: &OptOut) -> Result<bool, sqlx::Error> {
    let query = sqlx::query("SELECT 1 FROM opted_out WHERE number = ? AND tenant = ? AND source = ?");
    let query = query.bind(out.number.as_str()).bind(tenant_column(out.tenant.as_ref())).bind(out.source.as_str());
    Ok(query.fetch_optional(&mut **transaction).await?.is_some())
}

fn tenant_column(tenant: Option<&TenantId>) -> &str {
    tenant.map_or(EVERYBODY, TenantId::as_str)
}
