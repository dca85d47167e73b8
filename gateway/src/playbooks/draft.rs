//! One file as somebody left it: is it a playbook, whose does it say it is, and where in it something stands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use engine::ids::TenantId;
use engine::playbook::{Playbook, PlaybookError};

use super::source::SourceFile;

pub(super) type Parsed = Result<Arc<Playbook>, PlaybookError>;

#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub file: SourceFile,
    pub parsed: Parsed,
}

impl Draft {
    pub fn read(file: SourceFile) -> Draft {
        let parsed = parse(&file);
        Draft { file, parsed }
    }

    /// Whose it says it is. A file that is refused often still says that much.
    pub fn tenant(&self) -> Option<TenantId> {
        match &self.parsed {
            Ok(playbook) => Some(playbook.tenant.clone()),
            Err(_) => self.file.text.as_deref().ok().and_then(written_tenant),
        }
    }

    /// A refusal of something that stands in this file as `word`.
    pub fn refuse(&self, word: &str, key: &str, problem: String, fix: &str) -> PlaybookError {
        let text = self.file.text.as_deref().unwrap_or_default();
        let line = text.lines().position(|line| line.split('#').next().is_some_and(|line| line.contains(word)));
        PlaybookError {
            file: self.file.path.as_str().into(),
            line: line.map_or(1, |at| at + 1),
            key: key.into(),
            problem,
            fix: fix.into(),
        }
    }
}

/// A reader that panics over one file must not keep the others from being read.
fn parse(file: &SourceFile) -> Parsed {
    let refuse = |problem: &str, fix: &str| PlaybookError {
        file: file.path.as_str().into(),
        line: 1,
        key: "".into(),
        problem: problem.to_owned(),
        fix: fix.to_owned(),
    };
    let text = file.text.as_ref().map_err(|why| refuse(&format!("it cannot be read: {why}"), ""))?;
    let parsed = catch_unwind(AssertUnwindSafe(|| Playbook::parse(text, &file.path)));
    let playbook = parsed.map_err(|_| refuse("reading it failed, which is our fault", "undo its last change"))??;
    Ok(Arc::new(playbook))
}

/// `tenant = "harbour"`, above the first table.
fn written_tenant(text: &str) -> Option<TenantId> {
    let top = text.lines().take_while(|line| !line.trim_start().starts_with('['));
    let mut tenants = top.filter_map(|line| {
        let (key, value) = line.split('#').next()?.split_once('=')?;
        (key.trim() == "tenant").then(|| value.trim().trim_matches(['"', '\'']))
    });
    tenants.next().and_then(|tenant| TenantId::parse(tenant).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_refused_still_says_whose_it_is() {
        for (text, tenant) in [
            ("# a clinic\ntenant = \"harbour\" # never change it\nname = ", Some("harbour")),
            ("tenant='harbour'\n[[", Some("harbour")),
            ("name = \"x\"\n[routing]\ntenant = \"harbour\"", None),
            ("#tenant = \"harbour\"", None),
            ("tenant = \"No Such\"", None),
            ("", None),
        ] {
            assert_eq!(written_tenant(text).as_ref().map(TenantId::as_str), tenant, "{text}");
        }
    }
}
