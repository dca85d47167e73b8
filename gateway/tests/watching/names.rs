//! Every metric, label and value that the rules and the dashboard name is one that a server exposes.

use std::collections::BTreeSet;

use crate::exposition::Exposition;
use crate::promql::{Named, Selector, named};
use crate::series::after_two_days;
use crate::{dashboard, rules};

/// What Prometheus adds to every series, and makes itself.
const OF_THE_TARGET: [&str; 2] = ["instance", "job"];
const OF_PROMETHEUS: [&str; 1] = ["up"];

/// Not exposed by a server that stands alone, with what it needs.
const NEEDS_MORE: [(&str, &str); 4] = [
    ("cordboard_journal_unconfirmed", "a store that may be away"),
    ("cordboard_bus_frames_behind", "a bus outside"),
    ("cordboard_view_age_seconds", "the views"),
    ("cordboard_leading", "an election"),
];

/// What is wrong with an expression; empty when all of it exists.
fn troubles(expression: &Named, scraped: &Exposition) -> Vec<String> {
    let mut troubles: Vec<String> =
        expression.selectors.iter().flat_map(|selector| of_selector(selector, scraped)).collect();
    if expression.selectors.is_empty() {
        troubles.push("names no metric".to_owned());
    }
    let has = |metric: &str, label: &str| scraped.of(metric).any(|series| series.labels.contains_key(label));
    for label in expression.grouped.iter().filter(|label| !OF_THE_TARGET.contains(&label.as_str())) {
        let known = |selector: &Selector| needs_more(&selector.metric) || has(&selector.metric, label);
        if !expression.selectors.iter().any(known) {
            troubles.push(format!("grouped by {label}, which nothing in it has"));
        }
    }
    troubles
}

fn of_selector(selector: &Selector, scraped: &Exposition) -> Vec<String> {
    let metric = selector.metric.as_str();
    if OF_PROMETHEUS.contains(&metric) || needs_more(metric) && scraped.of(metric).next().is_none() {
        return Vec::new();
    }
    if scraped.of(metric).next().is_none() {
        return vec![format!("{metric} is not exposed")];
    }
    let mut troubles = Vec::new();
    for (label, operator, value) in &selector.matchers {
        if OF_THE_TARGET.contains(&label.as_str()) {
            continue;
        }
        let values: BTreeSet<_> = scraped.of(metric).filter_map(|series| series.labels.get(label)).collect();
        let wanted: Vec<_> = if operator.contains('~') { value.split('|').collect() } else { vec![value.as_str()] };
        for one in wanted.iter().filter(|one| !values.contains(&(**one).to_owned())) {
            troubles.push(format!("{metric} has no {label}=\"{one}\", but {values:?}"));
        }
    }
    troubles
}

fn needs_more(metric: &str) -> bool {
    NEEDS_MORE.iter().any(|(known, _)| *known == metric)
}

/// Labels written into a sentence: `{{name}}` or `{{ $labels.name }}`.
fn told(sentence: &str) -> Vec<String> {
    let parts = sentence.split("{{").skip(1).filter_map(|part| part.split_once("}}"));
    let names = parts.map(|(name, _)| name.trim());
    let labels =
        names.filter_map(|name| if name.starts_with('$') { name.strip_prefix("$labels.") } else { Some(name) });
    labels.map(str::to_owned).collect()
}

/// Whether a result has this label: it is grouped by it, or nothing is grouped and the series have it.
fn has_label(expression: &Named, label: &str, scraped: &Exposition) -> bool {
    let ungrouped = expression.grouped.is_empty();
    let of_series = || expression.selectors.iter().any(|s| scraped.of(&s.metric).any(|s| s.labels.contains_key(label)));
    expression.grouped.contains(label) || ungrouped && (OF_THE_TARGET.contains(&label) || of_series())
}

#[tokio::test]
async fn every_rule_asks_for_what_is_exposed() {
    let scraped = after_two_days().await;
    for rule in rules::all() {
        let expression = named(&rule.expression);
        let troubles = troubles(&expression, scraped);
        assert!(troubles.is_empty(), "{}: {troubles:#?}", rule.alert);
        for label in told(&rule.summary) {
            assert!(has_label(&expression, &label, scraped), "{} tells {label}, which it has not", rule.alert);
        }
    }
}

#[tokio::test]
async fn every_panel_asks_for_what_is_exposed() {
    let scraped = after_two_days().await;
    for query in dashboard::queries() {
        let expression = named(&query.expression);
        let troubles = troubles(&expression, scraped);
        assert!(troubles.is_empty(), "{}: {}: {troubles:#?}", query.panel, query.expression);
        for label in told(&query.legend) {
            assert!(has_label(&expression, &label, scraped), "{}: {label} is not in {}", query.panel, query.expression);
        }
        for selector in expression.selectors {
            let by_node = selector.matchers.iter().any(|(label, ..)| label == "instance");
            assert!(by_node, "{}: {} does not go by the chosen node", query.panel, query.expression);
        }
    }
}

#[tokio::test]
async fn a_wrong_name_label_or_value_is_found() {
    let scraped = after_two_days().await;
    for (expression, expected) in [
        ("cordboard_no_such_total > 0", "cordboard_no_such_total is not exposed"),
        ("sum by (tenant) (cordboard_sms_unknown)", "grouped by tenant"),
        ("cordboard_sms_queue_depth{priority=\"P5\"}", "has no priority=\"P5\""),
        ("cordboard_sms_lost_total{priority=~\"P1|urgent\"}", "has no priority=\"urgent\""),
        ("rate(cordboard_commit_seconds_bucket{le=\"0.3\"}[5m])", "has no le=\"0.3\""),
    ] {
        let troubles = troubles(&named(expression), scraped);
        assert!(troubles.len() == 1 && troubles[0].contains(expected), "{expression}: {troubles:?}");
    }
}
