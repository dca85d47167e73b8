//! Texts that came in, by the carrier's own id.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::ports::{InboundSms, Inbox};

use super::rows::{self, bounded};
use super::values::{At, text};
use super::{PostgresStore, unavailable};

#[async_trait]
impl Inbox for PostgresStore {
    async fn knows(&self, id: &str) -> Result<bool, Failure> {
        let query = sqlx::query("SELECT 1 FROM sms_inbound WHERE id = $1").bind(text(id));
        Ok(self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?.is_some())
    }

    async fn keep(&self, sms: &InboundSms) -> Result<bool, Failure> {
        let query = sqlx::query(
            "INSERT INTO sms_inbound (id, tenant, from_number, to_number, body, wish, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        );
        let query = query
            .bind(text(&sms.id))
            .bind(sms.tenant.as_ref().map_or("", TenantId::as_str))
            .bind(sms.from.as_str())
            .bind(text(&sms.to))
            .bind(text(&sms.body))
            .bind(text(&sms.wish))
            .bind(At(sms.at));
        let kept = self.within(async { query.execute(&self.pool).await.map_err(unavailable) }).await?;
        Ok(kept.rows_affected() > 0)
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<InboundSms>, Failure> {
        let query = match tenant {
            Some(tenant) => {
                sqlx::query("SELECT * FROM sms_inbound WHERE tenant = $2 ORDER BY received_at DESC LIMIT $1")
                    .bind(bounded(limit))
                    .bind(tenant.as_str())
            }
            None => sqlx::query("SELECT * FROM sms_inbound ORDER BY received_at DESC LIMIT $1").bind(bounded(limit)),
        };
        let read = self.within(async { query.fetch_all(&self.pool).await.map_err(unavailable) }).await?;
        read.iter().map(rows::inbound).collect()
    }

    async fn last_to_text(&self, number: &PhoneNumber) -> Result<Option<TenantId>, Failure> {
        let query =
            sqlx::query("SELECT tenant FROM sms_messages WHERE to_number = $1 ORDER BY created_at DESC LIMIT 1");
        let query = query.bind(number.as_str());
        let row = self.within(async { query.fetch_optional(&self.pool).await.map_err(unavailable) }).await?;
        row.as_ref().map(rows::tenant).transpose()
    }
}
