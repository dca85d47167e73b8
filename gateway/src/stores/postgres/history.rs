//! Lists of calls: only what is asked for is in the query, so that the index of it can be used.

use std::sync::Arc;

use async_trait::async_trait;
use engine::call::CallView;
use engine::failure::Failure;
use engine::ids::TenantId;
use engine::ports::{CallHistory, CallsWanted};
use sqlx::{Postgres, QueryBuilder};

use super::rows::bounded;
use super::values::{At, text};
use super::{PostgresStore, unavailable};

#[async_trait]
impl CallHistory for PostgresStore {
    async fn calls(&self, wanted: &CallsWanted) -> Result<Vec<Arc<CallView>>, Failure> {
        let mut query = query(wanted);
        let read = async { query.build().fetch_all(&self.pool).await.map_err(unavailable) };
        self.within(async { self.views(&read.await?).await }).await
    }
}

fn query(wanted: &CallsWanted) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT tenant, id, state FROM calls WHERE true");
    let equal = [
        (" AND tenant = ", wanted.tenant.as_ref().map(TenantId::as_str)),
        (" AND phone_number = ", wanted.number.as_deref()),
    ];
    for (column, wanted) in equal {
        if let Some(wanted) = wanted {
            query.push(column).push_bind(text(wanted));
        }
    }
    // Written out, not bound: an index of some calls only is used where the plan can see which ones are wanted.
    query.push(match wanted.live {
        Some(true) => " AND status = 'active'",
        Some(false) => " AND status <> 'active'",
        None => "",
    });
    if let Some(priority) = wanted.priority {
        query.push(format!(" AND priority = '{}'", priority.as_str()));
    }
    for (bound, moment) in [(" AND started_at >= ", wanted.since), (" AND started_at < ", wanted.until)] {
        if let Some(moment) = moment {
            query.push(bound).push_bind(At(moment));
        }
    }
    if let Some(after) = &wanted.after {
        query.push(" AND (started_at, id, tenant) < (").push_bind(At(after.started_at));
        query.push(", ").push_bind(text(after.call.as_str()));
        query.push(", ").push_bind(after.tenant.as_str()).push(")");
    }
    query.push(" ORDER BY started_at DESC, id DESC, tenant DESC LIMIT ").push_bind(bounded(wanted.limit));
    query
}
