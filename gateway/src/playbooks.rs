//! Where the businesses' rules come from: the directory of the settings, or the one that is built in.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use engine::ids::TenantId;
use engine::playbook::Playbook;

use crate::settings::Playbooks;

/// The shipped playbook, as written, under the name its errors carry.
const BUILT_IN: (&str, &str) = ("config/playbooks/boreal.toml", include_str!("../../config/playbooks/boreal.toml"));

#[derive(Debug, thiserror::Error)]
pub enum PlaybooksError {
    #[error("cannot read playbooks from {}: {why}", path.display())]
    Unreadable { path: PathBuf, why: std::io::Error },
    #[error("{} holds no playbook: put one TOML file per business there, or leave `playbooks.dir` empty", dir.display())]
    None { dir: PathBuf },
    /// With file, line and fix.
    #[error("{0}")]
    Bad(String),
    #[error("{second}: the tenant `{tenant}` already has the playbook {first}")]
    Twice { tenant: TenantId, first: String, second: String },
    #[error("`playbooks.default_tenant` is `{wanted}`, and there is no such playbook; there are: {there}")]
    NoDefault { wanted: String, there: String },
}

/// Every playbook, one per tenant, the default tenant's among them.
pub fn load(settings: &Playbooks) -> Result<Vec<Playbook>, PlaybooksError> {
    let texts = texts(&settings.dir)?;
    let playbooks = texts.iter().map(|(file, text)| parse(file, text)).collect::<Result<Vec<Playbook>, _>>()?;
    each_tenant_once(&texts, &playbooks)?;
    if playbooks.iter().all(|playbook| playbook.tenant.as_str() != settings.default_tenant) {
        let there: Vec<&str> = playbooks.iter().map(|playbook| playbook.tenant.as_str()).collect();
        return Err(PlaybooksError::NoDefault { wanted: settings.default_tenant.clone(), there: there.join(", ") });
    }
    Ok(playbooks)
}

/// The playbooks that are built in.
pub fn shipped() -> Result<Vec<Playbook>, PlaybooksError> {
    texts("")?.iter().map(|(file, text)| parse(file, text)).collect()
}

/// (file, text) of each.
fn texts(dir: &str) -> Result<Vec<(String, String)>, PlaybooksError> {
    if dir.is_empty() {
        return Ok(vec![(BUILT_IN.0.to_owned(), BUILT_IN.1.to_owned())]);
    }
    let dir = Path::new(dir);
    let mut files = toml_files(dir).map_err(unreadable(dir))?;
    files.sort();
    if files.is_empty() {
        return Err(PlaybooksError::None { dir: dir.to_owned() });
    }
    let read = |file: &PathBuf| Ok((file.display().to_string(), fs::read_to_string(file).map_err(unreadable(file))?));
    files.iter().map(read).collect()
}

fn toml_files(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")).collect())
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> PlaybooksError {
    let path = path.to_owned();
    move |why| PlaybooksError::Unreadable { path, why }
}

fn each_tenant_once(texts: &[(String, String)], playbooks: &[Playbook]) -> Result<(), PlaybooksError> {
    let mut seen: HashMap<&TenantId, &str> = HashMap::new();
    for (playbook, (file, _)) in playbooks.iter().zip(texts) {
        if let Some(first) = seen.insert(&playbook.tenant, file) {
            let (tenant, first, second) = (playbook.tenant.clone(), first.to_owned(), file.clone());
            return Err(PlaybooksError::Twice { tenant, first, second });
        }
    }
    Ok(())
}

fn parse(file: &str, text: &str) -> Result<Playbook, PlaybooksError> {
    Playbook::parse(text, file).map_err(|error| PlaybooksError::Bad(error.to_string()))
}
