//! What a business's texts cost, beside what is wrong with its playbook.

use engine::playbook::{Playbook, TemplateCost};
use engine::sms::Encoding;

/// One row per template: where it stands, what it costs with everything filled in, whose it is.
pub fn rows(playbook: &Playbook) -> Vec<[String; 3]> {
    let costs = playbook.templates.costs(&playbook.name);
    costs.into_iter().map(|cost| [cost.key.clone(), price(&cost), playbook.tenant.to_string()]).collect()
}

/// On standard error: what works, and costs more than it must.
pub fn warn(playbook: &Playbook) {
    for warning in &playbook.warnings {
        eprintln!("warning: {warning}");
    }
}

fn price(cost: &TemplateCost) -> String {
    let room = match cost.segments.encoding {
        Encoding::Gsm7 => "GSM-7",
        Encoding::Ucs2 => "UCS-2",
    };
    let plural = if cost.segments.count == 1 { "" } else { "s" };
    format!("{} segment{plural} ({room})", cost.segments.count)
}
