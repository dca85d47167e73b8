//! Looks names up and keeps their public addresses only. The connection is made to exactly what is returned here, so a
//! name that leads elsewhere a moment later gains nothing.

use std::error::Error;
use std::net::SocketAddr;

use engine::addresses::is_public;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

pub(super) struct OnlyPublic;

/// A name was found, and none of its addresses may be asked.
#[derive(Debug, thiserror::Error)]
#[error("no public address")]
struct NotPublic;

impl Resolve for OnlyPublic {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether a request failed because of this.
pub(super) fn is_not_public(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return true;
        }
        cause = error.source();
    }
    false
}
