//! The dashboard as Grafana imports it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::repository;

pub struct Query {
    pub panel: String,
    pub expression: String,
    pub legend: String,
}

/// Panels that show something: rows only part them.
fn panels() -> Vec<Value> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

pub fn queries() -> Vec<Query> {
    let of_panel = |panel: &Value| -> Vec<Query> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().iter();
        let query = |target: &Value| Query {
            panel: text(&panel["title"]),
            expression: text(&target["expr"]),
            legend: text(&target["legendFormat"]),
        };
        targets.map(query).collect()
    };
    panels().iter().flat_map(of_panel).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&repository::read("config/grafana/cordboard.json")).unwrap()
}

#[test]
fn grafana_can_import_it_beside_any_data_source() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    assert!(dashboard.get("id").is_none_or(Value::is_null), "an id belongs to one Grafana");
    assert_eq!(dashboard["uid"], "cordboard-operations");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    assert_eq!((&variables[0]["name"], &variables[0]["type"]), (&"datasource".into(), &"datasource".into()));
    let source = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    for panel in panels() {
        assert_eq!(panel["datasource"], source, "{}", panel["title"]);
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"], source, "{}", panel["title"]);
        }
    }
}

#[test]
fn every_panel_has_a_unit_a_word_about_itself_and_targets_of_its_own() {
    for panel in panels() {
        let title = &panel["title"];
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert!(panel["description"].as_str().unwrap().len() > 8, "{title} says nothing of itself");
        assert!(panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"].is_null(), "{title}");
        let refs: Vec<_> = panel["targets"].as_array().unwrap().iter().map(|target| target["refId"].clone()).collect();
        let distinct: BTreeSet<_> = refs.iter().map(ToString::to_string).collect();
        assert!(!refs.is_empty() && refs.len() == distinct.len(), "{title}: {refs:?}");
    }
}

#[test]
fn no_two_panels_share_an_id_or_a_place() {
    let dashboard = dashboard();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{} is wider than the page", panel["title"]);
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(cells.insert((x, y)), "{} covers another panel", panel["title"]);
            }
        }
    }
}

#[test]
fn what_operations_look_at_is_there_and_no_business_is_named() {
    let dashboard = dashboard();
    let rows = dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.map(|row| row["title"].as_str().unwrap()).collect();
    for wanted in ["Calls", "Webhooks", "Texts", "Alerts", "Store, bus, cache", "Actors", "Process"] {
        assert!(rows.contains(&wanted), "{wanted} is not among {rows:?}");
    }
    assert!(!dashboard.to_string().contains("tenant"));
}
