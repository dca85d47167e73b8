//! The rules as Prometheus loads them, read line by line: the file keeps to one form.

use crate::repository;

#[derive(Clone, Debug, Default)]
pub struct Rule {
    pub alert: String,
    pub expression: String,
    pub severity: String,
    pub summary: String,
    pub runbook_url: String,
}

pub fn all() -> Vec<Rule> {
    let text = repository::read("config/prometheus/rules.yml");
    let mut rules: Vec<Rule> = Vec::new();
    // How deep the key of a block stands whose lines are being read.
    let mut block: Option<usize> = None;
    for line in text.lines() {
        let (trimmed, depth) = (line.trim(), line.len() - line.trim_start().len());
        if let Some(alert) = trimmed.strip_prefix("- alert: ") {
            rules.push(Rule { alert: alert.to_owned(), ..Rule::default() });
            block = None;
            continue;
        }
        let Some(rule) = rules.last_mut() else { continue };
        if block.is_some_and(|key| depth > key) {
            rule.expression += trimmed;
            rule.expression.push('\n');
            continue;
        }
        block = None;
        match trimmed.split_once(": ") {
            Some(("expr", "|")) => block = Some(depth),
            Some(("expr", expression)) => rule.expression = expression.to_owned(),
            Some(("labels", labels)) => {
                let severity = labels.trim_matches(['{', '}', ' ']).strip_prefix("severity: ");
                rule.severity = severity.expect("severity is the only label").to_owned();
            }
            Some(("summary", summary)) => rule.summary = summary.trim_matches('"').to_owned(),
            Some(("runbook_url", url)) => rule.runbook_url = url.to_owned(),
            _ => {}
        }
    }
    rules
}

#[test]
fn every_rule_says_how_urgent_it_is_what_it_means_and_what_to_do() {
    let rules = all();
    assert!(rules.len() > 20, "{rules:#?}");
    for rule in &rules {
        assert!(["page", "ticket"].contains(&rule.severity.as_str()), "{rule:?}");
        assert!(!rule.expression.is_empty() && rule.summary.len() > 20, "{rule:?}");
        assert_eq!(rule.runbook_url, format!("docs/runbooks.md#{}", rule.alert.to_lowercase()));
    }
}

#[test]
fn every_rule_has_its_runbook_and_every_runbook_its_rule() {
    let runbooks = repository::read("docs/runbooks.md");
    let sections: Vec<_> = runbooks.split("\n## ").skip(1).collect();
    let titled: Vec<_> = sections.iter().map(|section| section.lines().next().unwrap()).collect();
    let alerts: Vec<_> = all().into_iter().map(|rule| rule.alert).collect();
    assert_eq!(titled, alerts, "one section for each alert, in the same order");
    for section in sections {
        for part in ["**Means.**", "**Look.**", "**Do.**"] {
            assert!(section.contains(part), "{part} is missing in {section}");
        }
    }
}

#[test]
fn every_rule_is_tried() {
    let tests = repository::read("config/prometheus/tests.yml");
    for rule in all() {
        assert!(tests.contains(&format!("alertname=\"{}\"", rule.alert)), "{} never fires in a test", rule.alert);
    }
}
