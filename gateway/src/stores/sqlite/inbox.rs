//! Texts that came in, by the carrier's own id.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::phone::PhoneNumber;
use engine::ports::{InboundSms, Inbox};

use super::{SqliteStore, rows, unavailable};

#[async_trait]
impl Inbox for SqliteStore {
    async fn knows(&self, id: &str) -> Result<bool, Failure> {
        let query = sqlx::query("SELECT 1 FROM sms_inbound WHERE id = ?").bind(id);
        Ok(query.fetch_optional(&self.readers).await.map_err(unavailable)?.is_some())
    }

    async fn keep(&self, sms: &InboundSms) -> Result<bool, Failure> {
        let query = sqlx::query(
            "INSERT INTO sms_inbound (id, tenant, from_number, to_number, body, wish, received_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        );
        let query = query
            .bind(&*sms.id)
            .bind(sms.tenant.as_ref().map_or("", TenantId::as_str))
            .bind(sms.from.as_str())
            .bind(&*sms.to)
            .bind(&*sms.body)
            .bind(&*sms.wish)
            .bind(sms.at.to_string());
        Ok(query.execute(&self.writer).await.map_err(unavailable)?.rows_affected() > 0)
    }

    async fn latest(&self, tenant: Option<&TenantId>, limit: usize) -> Result<Vec<InboundSms>, Failure> {
        let query = match tenant {
            Some(tenant) => sqlx::query("SELECT * FROM sms_inbound WHERE tenant = ? ORDER BY received_at DESC LIMIT ?")
                .bind(tenant.as_str()),
            None => sqlx::query("SELECT * FROM sms_inbound ORDER BY received_at DESC LIMIT ?"),
        };
        let query = query.bind(rows::bounded(limit));
        query.fetch_all(&self.readers).await.map_err(unavailable)?.iter().map(rows::inbound).collect()
    }

    async fn last_to_text(&self, number: &PhoneNumber) -> Result<Option<TenantId>, Failure> {
        let query = sqlx::query("SELECT tenant FROM sms_messages WHERE to_number = ? ORDER BY created_at DESC LIMIT 1");
        let row = query.bind(number.as_str()).fetch_optional(&self.readers).await.map_err(unavailable)?;
        row.as_ref().map(rows::tenant).transpose()
    }
}
