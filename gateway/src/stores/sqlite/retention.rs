//! What is kept for a time, and who did what.

use async_trait::async_trait;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{AuditLog, Audited, Deed, Removed, Retention};
use engine::time::Timestamp;

use super::rows::{self, bounded, json, signed};
use super::{SqliteStore, unavailable};
use crate::stores::keeping;

#[async_trait]
impl Retention for SqliteStore {
    async fn tenants(&self) -> Result<Vec<TenantId>, Failure> {
        keeping::tenants(self).await
    }

    async fn quieten(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure> {
        keeping::quieten(self, tenant, before, frames).await
    }

    async fn remove(&self, tenant: &TenantId, before: Timestamp, frames: usize) -> Result<Removed, Failure> {
        keeping::remove(self, tenant, before, frames).await
    }

    async fn remove_loose(
        &self,
        tenant: Option<&TenantId>,
        words_before: Timestamp,
        calls_before: Timestamp,
        limit: usize,
    ) -> Result<Removed, Failure> {
        keeping::remove_loose(self, tenant, words_before, calls_before, limit).await
    }
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn note(&self, deed: &Deed) -> Result<(), Failure> {
        let query =
            sqlx::query("INSERT INTO audit_log (at, by, tenant, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)");
        let query = query
            .bind(deed.at.to_string())
            .bind(&*deed.by)
            .bind(deed.tenant.as_ref().map_or("", TenantId::as_str))
            .bind(&*deed.action)
            .bind(&*deed.subject)
            .bind(json(&deed.detail));
        query.execute(&self.writer).await.map(drop).map_err(unavailable)
    }

    async fn deeds(
        &self,
        tenant: Option<&TenantId>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, Failure> {
        let query = sqlx::query(
            "SELECT * FROM audit_log WHERE (?1 IS NULL OR tenant = ?1) AND position < ?2 \
             ORDER BY position DESC LIMIT ?3",
        );
        let query = query.bind(tenant.map(TenantId::as_str)).bind(before.map_or(i64::MAX, signed));
        let read = query.bind(bounded(limit)).fetch_all(&self.readers).await.map_err(unavailable)?;
        read.iter().map(rows::audited).collect()
    }
}
