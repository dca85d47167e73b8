//! `GET /api/dashboard`: how it goes today.

use actix_web::HttpResponse;
use actix_web::web::Data;
use engine::ports::Dashboard;
use serde::Deserialize;

use super::auth::Identity;
use super::figures::hundredths;
use super::query::{self, Asked};
use super::{Problem, State};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    tenant: Option<String>,
}

/// Of one tenant, or of all this identity may see.
pub async fn dashboard(identity: Identity, which: Asked<Which>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let tenant = identity.sees(query::tenant(which.tenant.as_deref())?)?;
    let counted = state.analytics.dashboard(tenant.as_ref()).await?;
    let recent_avg_duration_s = hundredths(counted.recent_avg_duration_s);
    Ok(HttpResponse::Ok().json(Dashboard { recent_avg_duration_s, ..counted }))
}
