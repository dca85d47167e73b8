//! Lists of messages: only what is asked for is in the query, so that the index of it can be used.

use engine::ports::SmsFilter;
use engine::sms::SmsState;
use sqlx::{Postgres, QueryBuilder};

use super::super::rows::bounded;
use super::super::values::{At, text};

/// Written out, not bound: an index of some states only is used where the plan can see that the state is one of them.
fn is(state: SmsState) -> String {
    format!("state = '{}'", state.as_str())
}

pub(super) fn count(state: SmsState) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT count(*) AS messages FROM sms_messages WHERE ");
    query.push(is(state));
    query
}

pub(super) fn query(filter: &SmsFilter) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new("SELECT * FROM sms_messages WHERE true");
    let equal = [
        (" AND tenant = ", filter.tenant.as_ref().map(|tenant| tenant.as_str())),
        (" AND call_id = ", filter.call.as_ref().map(|call| call.as_str())),
        (" AND to_number = ", filter.to.as_ref().map(|to| to.as_str())),
    ];
    for (column, wanted) in equal {
        if let Some(wanted) = wanted {
            query.push(column).push_bind(text(wanted));
        }
    }
    if let Some(state) = filter.state {
        query.push(" AND ").push(is(state));
    }
    if let Some((created_at, id)) = filter.after {
        let than = if filter.oldest_first { ") > (" } else { ") < (" };
        query.push(" AND (created_at, id").push(than).push_bind(At(created_at));
        query.push(", ").push_bind(id.to_string()).push(")");
    }
    let order = if filter.oldest_first { "created_at, id" } else { "created_at DESC, id DESC" };
    query.push(" ORDER BY ").push(order).push(" LIMIT ").push_bind(bounded(filter.limit));
    query
}
