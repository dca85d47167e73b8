//! An audit for a terminal: what stands out, each with the call and the second. No number whole, nothing anybody said.

use engine::playbook::Language;
use jiff::tz::TimeZone;

use super::findings::{Audit, Evidence, Recognised};
use super::wording::Wording;

/// Rows per heading; JSON has all of them.
const SHOWN: usize = 20;

/// Heading, then rows of call, second and what there is to say.
type Section = (String, Vec<[String; 3]>);

pub fn render(audit: &Audit, time_zone: &TimeZone) -> String {
    let wording = Wording { language: Language::En, time_zone: time_zone.clone() };
    let mut text = format!("{}\n", wording.lead(audit).join("\n"));
    for (heading, rows) in sections(audit, &wording) {
        let more = rows.len().saturating_sub(SHOWN);
        text += &format!("\n{heading}\n{}", aligned(&rows[..rows.len() - more]));
        if more > 0 {
            text += &format!("  and {more} more: -o json\n");
        }
    }
    let limits: Vec<String> = wording.limits(audit).iter().map(|limit| format!("  {limit}\n")).collect();
    text + "\nWhat cannot be known\n" + &limits.concat()
}

fn sections(audit: &Audit, wording: &Wording) -> Vec<Section> {
    let recognised = |calls: &[Recognised]| -> Vec<[String; 3]> {
        let line = |call: &Recognised| {
            format!("{}  {}; before: {}", call.priority, wording.here(call), wording.then(&call.before))
        };
        calls.iter().map(|call| row(&call.evidence, line(call))).collect()
    };
    let alarms = audit.false_alarms.iter().map(|alarm| {
        let [now, before] = wording.false_alarm(alarm);
        row(&alarm.evidence, format!("{now}; before: {before}"))
    });
    let silences = audit.silences.iter().filter(|silence| silence.silence_s > 0.0);
    let silences = silences.map(|silence| {
        row(&silence.evidence, format!("{}  {}", wording.duration(silence.silence_s), silence.tools.join(", ")))
    });
    let failed = audit
        .failed_tools
        .iter()
        .map(|tool| row(&tool.evidence, format!("{}: {}", tool.tool, wording.failure(tool.failure))));
    let repeats =
        audit.repeats.iter().map(|repeat| row(&repeat.evidence[0], format!("{} ×{}", repeat.tool, repeat.times)));
    let lost = audit.without_report.iter().map(|call| row(call, String::new()));
    let again =
        audit.called_again.iter().map(|again| row(&again.calls[0], format!("{} ×{}", again.caller, again.calls.len())));
    let faults =
        audit.endings.iter().flat_map(|ending| ending.evidence.iter().map(|call| row(call, ending.group.to_string())));
    let sections: Vec<(&str, Vec<[String; 3]>)> = vec![
        ("Emergencies", recognised(&audit.emergencies)),
        ("More urgent than routine", recognised(&audit.others)),
        ("False alarms", alarms.collect()),
        ("Silence while tools ran", silences.collect()),
        ("Tools that failed", failed.collect()),
        ("Tools called again for nothing", repeats.collect()),
        ("Calls without a report", lost.collect()),
        ("Calls that ended in a transfer or a fault", faults.collect()),
        ("Callers who called again within a day", again.collect()),
    ];
    let told = sections.into_iter().filter(|(_, rows)| !rows.is_empty());
    told.map(|(heading, rows)| (format!("{heading}: {}", rows.len()), rows)).collect()
}

fn row(evidence: &Evidence, text: String) -> [String; 3] {
    [evidence.call.to_string(), evidence.at_s.map_or_else(String::new, Wording::clock), text]
}

fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (call, at) = (width(0), width(1));
    let line = |row: &[String; 3]| format!("  {:call$}  {:>at$}  {}", row[0], row[1], row[2]);
    rows.iter().map(|row| format!("{}\n", line(row).trim_end())).collect()
}
