//! Which business a command is about: the one that was named, else the default tenant's.

use engine::playbook::Playbook;

use super::exit::{Exit, Failed};
use crate::playbooks;
use crate::settings::Settings;

pub fn playbook_of(tenant: Option<&str>, settings: &Settings) -> Result<Playbook, Failed> {
    let checked = playbooks::check(&settings.playbooks)?;
    let default = checked.default_tenant.as_ref().map(|tenant| tenant.as_str());
    let Some(wanted) = tenant.or(default) else {
        return Err(Failed::new(Exit::Usage, "none of several tenants is the default: give --tenant"));
    };
    let all = || checked.playbooks.iter().map(|(_, playbook)| playbook);
    let there: Vec<&str> = all().map(|playbook| playbook.tenant.as_str()).collect();
    let found = all().find(|playbook| playbook.tenant.as_str() == wanted).map(|found| Playbook::clone(found));
    found.ok_or_else(|| {
        Failed::new(Exit::NotFound, format!("no playbook of {wanted:?}; there are: {}", there.join(", ")))
    })
}
