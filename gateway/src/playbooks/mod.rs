//! The businesses' rules: which are in force, where they come from, and what becomes of one that is changed.
//!
//! `source` reads files, `draft` parses one, `verdict` decides who is in force, `last_good` keeps what a restart falls
//! back on, `shelf` owns it all and carries a verdict out, `watch` looks again; `standing` is what is told of it, and
//! `notices` is what is said in the log.

mod default_tenant;
mod draft;
mod last_good;
mod notices;
mod shelf;
mod source;
mod standing;
mod verdict;
mod watch;

use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::{Playbook, PlaybookError};
use engine::time::Timestamp;

use crate::settings::Playbooks;
use draft::Draft;
use verdict::{Incumbents, Verdict};

pub use last_good::LastGood;
pub use shelf::Shelf;
pub use source::{Source, SourceError};
pub use standing::{Entry, InForceSince, Standing, State};
pub use watch::watch;

#[derive(Debug, thiserror::Error)]
pub enum PlaybooksError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// One line each, with file, line and fix.
    #[error("{}", lines(.0))]
    Bad(Vec<PlaybookError>),
    #[error("`playbooks.default_tenant` is `{wanted}`, and there is no such playbook; there are: {there}")]
    NoDefault { wanted: String, there: String },
}

fn lines(errors: &[PlaybookError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Playbooks that would all be in force, and the file of each.
#[derive(Debug)]
pub struct Checked {
    pub playbooks: Vec<(String, Arc<Playbook>)>,
    pub default_tenant: Option<TenantId>,
}

/// Reads every playbook as a server would that has no last good one of any. All that is refused is told at once.
pub fn check(settings: &Playbooks) -> Result<Checked, PlaybooksError> {
    let source = Source::of(&settings.dir);
    let drafts: Vec<Draft> = source.read()?.into_iter().map(Draft::read).collect();
    let Verdict { entries, .. } = verdict::decide(&drafts, &Incumbents::new(), Timestamp::EPOCH);
    let default_tenant = default_tenant::choose(&settings.default_tenant, &entries, None);
    let standing = Standing { entries, unread: None, default_tenant };
    let errors = standing.errors();
    if !errors.is_empty() {
        return Err(PlaybooksError::Bad(errors));
    }
    default_tenant::serves(&settings.default_tenant, &standing)?;
    let Standing { entries, default_tenant, .. } = standing;
    let playbooks = entries.into_iter().filter_map(|entry| Some((entry.file, entry.in_force?.playbook)));
    Ok(Checked { playbooks: playbooks.collect(), default_tenant })
}

/// The playbooks that are built in, the default tenant's first.
pub fn shipped() -> Result<Vec<Playbook>, PlaybooksError> {
    let files = Source::BuiltIn.read()?;
    let parse = |file: &source::SourceFile| {
        let text = file.text.as_deref().expect("what is built in is text");
        Playbook::parse(text, &file.path).map_err(|error| PlaybooksError::Bad(vec![error]))
    };
    files.iter().map(parse).collect()
}
