//! Who wants no texts. The list is looked at where a message is written, where it goes back to the queue and where it is
//! claimed; whoever opts out takes what waits for them out of the queue in the same transaction. That one holds the lock
//! of its recipient, as a claim does: nothing is claimed for them once it is committed.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::{SmsId, TenantId};
use engine::phone::PhoneNumber;
use engine::ports::{OptIn, OptOut, OptOutSource, OptOuts, OptedOut};
use engine::sms::Sms;
use engine::time::Timestamp;
use sqlx::PgConnection;

use super::rows::{self, bounded, column};
use super::values::{At, maybe_text};
use super::{PostgresStore, locks, unavailable};

/// Whether the recipient of a row of messages `AS sms` has opted out.
macro_rules! unwanted {
    () => {
        "EXISTS (SELECT 1 FROM opted_out WHERE opted_out.number = sms.to_number AND opted_out.tenant IN (sms.tenant, ''))"
    };
}
pub(super) use unwanted;

/// The tenant of what counts for every tenant.
const EVERYBODY: &str = "";

#[async_trait]
impl OptOuts for PostgresStore {
    async fn add(&self, opt_out: &OptOut) -> Result<OptedOut, Failure> {
        self.within(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            hold(&mut transaction, &opt_out.number).await.map_err(unavailable)?;
            let known = known(&mut transaction, opt_out).await.map_err(unavailable)?;
            let said = Said { out: true, source: opt_out.source, message: opt_out.message.as_deref(), at: opt_out.at };
            // Who says it again in another message is on record with that one too.
            let news = !known || opt_out.message.is_some();
            let written = news
                && write(&mut transaction, opt_out.tenant.as_ref(), &opt_out.number, said)
                    .await
                    .map_err(unavailable)?;
            let suppressed = suppress_to(&mut transaction, opt_out).await?;
            transaction.commit().await.map_err(unavailable)?;
            Ok(OptedOut { is_new: written && !known, suppressed })
        })
        .await
    }

    async fn clear(&self, opt_in: &OptIn) -> Result<bool, Failure> {
        self.within(async {
            let mut transaction = self.pool.begin().await.map_err(unavailable)?;
            hold(&mut transaction, &opt_in.number).await.map_err(unavailable)?;
            let (tenant, number) = (opt_in.tenant.as_ref(), &opt_in.number);
            let mut undone = false;
            for source in &opt_in.sources {
                let was_out = of_source(&mut transaction, tenant, number, *source).await.map_err(unavailable)?;
                let said = Said { out: false, source: *source, message: opt_in.message.as_deref(), at: opt_in.at };
                if was_out || opt_in.message.is_some() {
                    let written = write(&mut transaction, tenant, number, said).await.map_err(unavailable)?;
                    undone |= written && was_out;
                }
            }
            transaction.commit().await.map_err(unavailable)?;
            Ok(undone)
        })
        .await
    }

    async fn is_opted_out(&self, tenant: Option<&TenantId>, number: &PhoneNumber) -> Result<bool, Failure> {
        let out = async {
            let mut connection = self.pool.acquire().await?;
            anybody_out(&mut connection, tenant, number).await
        };
        self.within(async { out.await.map_err(unavailable) }).await
    }

    async fn in_force(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<OptOut>, Failure> {
        let query = sqlx::query(
            "SELECT * FROM opted_out WHERE $1::text IS NULL OR tenant IN ($1, '') ORDER BY position DESC LIMIT $2",
        );
        let query = query.bind(tenant.map(TenantId::as_str)).bind(bounded(limit));
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::opt_out).collect()
    }
}

async fn hold(connection: &mut PgConnection, number: &PhoneNumber) -> Result<(), sqlx::Error> {
    let query = sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))");
    query.bind(locks::RECIPIENT).bind(number.as_str()).execute(connection).await.map(drop)
}

/// Takes those of these messages out of the queue whose recipients have opted out.
pub(super) async fn suppress(
    connection: &mut PgConnection,
    ids: &[SmsId],
    now: Timestamp,
) -> Result<Vec<Sms>, Failure> {
    let query = sqlx::query(concat!(
        "UPDATE sms_messages AS sms SET state = 'suppressed', error = 'recipient has opted out', \
         updated_at = greatest(updated_at, $2) WHERE id = ANY($1) AND state = 'queued' AND ",
        unwanted!(),
        " RETURNING *"
    ));
    let query = query.bind(column(ids, |id| id.to_string())).bind(At(now));
    query.fetch_all(connection).await.map_err(unavailable)?.iter().map(rows::sms).collect()
}

/// Everything that waits for the number.
async fn suppress_to(connection: &mut PgConnection, opt_out: &OptOut) -> Result<Vec<Sms>, Failure> {
    let query = sqlx::query(
        "UPDATE sms_messages SET state = 'suppressed', error = 'recipient has opted out', \
         updated_at = greatest(updated_at, $1) WHERE to_number = $2 AND state = 'queued' AND $3 IN (tenant, '') RETURNING *",
    );
    let query = query.bind(At(opt_out.at)).bind(opt_out.number.as_str()).bind(tenant_column(opt_out.tenant.as_ref()));
    query.fetch_all(connection).await.map_err(unavailable)?.iter().map(rows::sms).collect()
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
    connection: &mut PgConnection,
    tenant: Option<&TenantId>,
    number: &PhoneNumber,
    said: Said<'_>,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO opt_outs (tenant, number, action, source, at, message) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT DO NOTHING",
    );
    let query = query
        .bind(tenant_column(tenant))
        .bind(number.as_str())
        .bind(if said.out { "out" } else { "in" })
        .bind(said.source.as_str())
        .bind(At(said.at))
        .bind(maybe_text(said.message));
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

/// A carrier's refusal is news only about somebody of whom nothing was heard.
async fn known(connection: &mut PgConnection, out: &OptOut) -> Result<bool, sqlx::Error> {
    match out.source {
        OptOutSource::Carrier => anybody_out(connection, out.tenant.as_ref(), &out.number).await,
        source => of_source(connection, out.tenant.as_ref(), &out.number, source).await,
    }
}

async fn anybody_out(
    connection: &mut PgConnection,
    tenant: Option<&TenantId>,
    number: &PhoneNumber,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query("SELECT 1 FROM opted_out WHERE number = $1 AND tenant IN ($2, '') LIMIT 1");
    let query = query.bind(number.as_str()).bind(tenant_column(tenant));
    Ok(query.fetch_optional(connection).await?.is_some())
}

async fn of_source(
    connection: &mut PgConnection,
    tenant: Option<&TenantId>,
    number: &PhoneNumber,
    source: OptOutSource,
) -> Result<bool, sqlx::Error> {
    let query = sqlx::query("SELECT 1 FROM opted_out WHERE number = $1 AND tenant = $2 AND source = $3");
    let query = query.bind(number.as_str()).bind(tenant_column(tenant)).bind(source.as_str());
    Ok(query.fetch_optional(connection).await?.is_some())
}

fn tenant_column(tenant: Option<&TenantId>) -> &str {
    tenant.map_or(EVERYBODY, TenantId::as_str)
}
