//! What is to be said at home again, in order, and what is known here of what was said there.

use engine::failure::Failure;
use engine::ids::TenantId;
use engine::playbook::Shift;
use engine::ports::{AlertStore, InboundSms, OptIn, OptOut};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::SqliteRow;

use super::{Spool, unavailable};
use crate::stores::sqlite::rows::{self, Columns, json};

/// Stored as JSON; saying it twice at home changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Owed {
    OptOut { opt_out: OptOut },
    OptIn { opt_in: OptIn },
    Shift { tenant: TenantId, shift: Shift },
}

impl Spool {
    pub async fn owe(&self, owed: &Owed) -> Result<(), Failure> {
        let query = sqlx::query("INSERT INTO spool_owed (what) VALUES (?)").bind(json(owed));
        query.execute(&self.store.writer).await.map(drop).map_err(unavailable)
    }

    /// Each with its place.
    pub async fn owed(&self) -> Result<Vec<(i64, Owed)>, Failure> {
        let read = sqlx::query("SELECT position, what FROM spool_owed ORDER BY position");
        let read = read.fetch_all(&self.store.readers).await.map_err(unavailable)?;
        read.iter().map(|row| Ok((row.number("position")?, row.json("what")?))).collect()
    }

    pub async fn forget_owed(&self, place: i64) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM spool_owed WHERE position = ?").bind(place);
        query.execute(&self.store.writer).await.map(drop).map_err(unavailable)
    }

    pub async fn inbound(&self) -> Result<Vec<InboundSms>, Failure> {
        let read = sqlx::query("SELECT * FROM sms_inbound ORDER BY received_at").fetch_all(&self.store.readers).await;
        read.map_err(unavailable)?.iter().map(|row: &SqliteRow| rows::inbound(row)).collect()
    }

    pub async fn forget_inbound(&self, id: &str) -> Result<(), Failure> {
        let query = sqlx::query("DELETE FROM sms_inbound WHERE id = ?").bind(id);
        query.execute(&self.store.writer).await.map(drop).map_err(unavailable)
    }

    /// Who wants no texts, as home has it: nobody is texted from here who has opted out there.
    pub async fn know_opt_outs(&self, in_force: &[OptOut]) -> Result<(), Failure> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM opt_outs").execute(&mut *transaction).await.map_err(unavailable)?;
        for out in in_force.iter().rev() {
            let query = sqlx::query(
                "INSERT INTO opt_outs (tenant, number, action, source, at, message) VALUES (?, ?, 'out', ?, ?, ?) \
                 ON CONFLICT DO NOTHING",
            );
            let query = query
                .bind(out.tenant.as_ref().map_or("", TenantId::as_str))
                .bind(out.number.as_str())
                .bind(out.source.as_str())
                .bind(out.at.to_string())
                .bind(out.message.as_deref());
            query.execute(&mut *transaction).await.map_err(unavailable)?;
        }
        transaction.commit().await.map_err(unavailable)
    }

    /// Who took which shift, as home has it: a start without home needs it.
    pub async fn know_shifts(&self, shifts: &[(TenantId, Shift)]) -> Result<(), Failure> {
        for (tenant, shift) in shifts {
            self.store.keep_shift(tenant, shift).await?;
        }
        Ok(())
    }
}
