//! `GET /api/dashboard`: how it goes today. Read through the cache: a page that is open in many places asks the store
//! about once a second.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, Data};
use actors::cache::Wanted;
use engine::ports::{CacheKey, Dashboard, Entry, Stamp};
use serde::Deserialize;

use super::auth::Identity;
use super::figures::hundredths;
use super::query::{self, Asked};
use super::{Problem, State};

/// How long others may read in Redis how it was.
const KEPT: Duration = Duration::from_secs(60);
/// Nobody says that a figure has changed.
const GOOD_FOR: Duration = Duration::from_millis(300);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    tenant: Option<String>,
}

/// Of one tenant, or of all this identity may see.
pub async fn dashboard(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let key = CacheKey::Dashboard(tenant.clone());
    let wanted = Wanted { key, ttl: KEPT, good_for: GOOD_FOR, genuine };
    let (analytics, at) = (state.analytics.clone(), state.clock.now());
    let load = move || async move {
        let counted = analytics.dashboard(tenant.as_ref()).await?;
        let recent_avg_duration_s = hundredths(counted.recent_avg_duration_s);
        let body = body(&Dashboard { recent_avg_duration_s, ..counted });
        let seq = at.as_millis().unsigned_abs();
        Ok(Some(Entry { stamp: Stamp { tenant, seq, at }, body }))
    };
    let counted = state.cache.cached(wanted, load).await?;
    let counted = counted.ok_or_else(|| Problem::internal("nothing was counted"))?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(Bytes::from_owner(counted.body)))
}

/// It reads back as the very bytes we would have written.
fn genuine(_: &CacheKey, entry: &Entry) -> bool {
    serde_json::from_slice(&entry.body).is_ok_and(|counted| body(&counted) == entry.body)
}

fn body(counted: &Dashboard) -> std::sync::Arc<[u8]> {
    serde_json::to_vec(counted).expect("figures are JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_somebody_else_wrote_are_not_genuine() {
        let entry = |body: &str| Entry {
            stamp: Stamp { tenant: None, seq: 1, at: engine::time::Timestamp::EPOCH },
            body: body.as_bytes().into(),
        };
        let ours = String::from_utf8(body(&Dashboard::default()).to_vec()).unwrap();
        for (text, expected) in
            [(ours.as_str(), true), ("{}", false), ("", false), (&ours.replace("p1_active", "p2_active"), false)]
        {
            assert_eq!(genuine(&CacheKey::Dashboard(None), &entry(text)), expected, "{text}");
        }
    }
}
