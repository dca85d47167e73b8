//! Lists of messages: only what is asked for is in the query, so that the index of it can be used.

use engine::ports::SmsFilter;
use engine::sms::SmsState;
use sqlx::{QueryBuilder, Sqlite};

use crate::stores::columns::bounded;

/// Said besides the state itself: only by these very words does SQLite see that the index by state may be used.
const INDEXED: &str = " AND state NOT IN ('queued', 'sending')";

fn has_index(state: SmsState) -> bool {
    !matches!(state, SmsState::Queued | SmsState::Sending)
}

pub(super) fn count(state: SmsState) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT count(*) AS messages FROM sms_messages WHERE state = ");
    query.push_bind(state.as_str()).push(if has_index(state) { INDEXED } else { "" });
    query
}

pub(super) fn query(filter: &SmsFilter) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT * FROM sms_messages WHERE 1");
    let equal = [
        (" AND tenant = ", filter.tenant.as_ref().map(|tenant| tenant.as_str().to_owned())),
        (" AND state = ", filter.state.map(|state| state.as_str().to_owned())),
        (" AND call_id = ", filter.call.as_ref().map(|call| call.as_str().to_owned())),
        (" AND to_number = ", filter.to.as_ref().map(|to| to.as_str().to_owned())),
    ];
    for (column, wanted) in equal {
        if let Some(wanted) = wanted {
            query.push(column).push_bind(wanted);
        }
    }
    if filter.state.is_some_and(has_index) {
        query.push(INDEXED);
    }
    if let Some((created_at, id)) = filter.after {
        let than = if filter.oldest_first { ") > (" } else { ") < (" };
        query.push(" AND (created_at, id").push(than).push_bind(created_at.to_string());
        query.push(", ").push_bind(id.to_string()).push(")");
    }
    let order = if filter.oldest_first { "created_at, id" } else { "created_at DESC, id DESC" };
    query.push(" ORDER BY ").push(order).push(" LIMIT ").push_bind(bounded(filter.limit));
    query
}
