//! What Prometheus's own tool says of metrics, rules and queries.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs::{agrees, program};
use crate::series::after_two_days;
use crate::{dashboard, repository};

fn promtool() -> Option<Command> {
    program("PROMTOOL")
}

fn checks_rules(mut promtool: Command, file: &Path) {
    agrees(&promtool.args(["check", "rules"]).arg(file).output().unwrap());
}

#[tokio::test]
async fn promtool_finds_nothing_to_mend_in_the_metrics() {
    let Some(mut promtool) = promtool() else { return };
    let text = &after_two_days().await.text;
    let pipes = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    agrees(&output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "promtool would have it otherwise");
}

#[test]
fn promtool_takes_the_rules_and_their_tests_hold() {
    let Some(mut tries) = promtool() else { return };
    checks_rules(promtool().expect("it is set"), &repository::path("config/prometheus/rules.yml"));
    agrees(&tries.args(["test", "rules"]).arg(repository::path("config/prometheus/tests.yml")).output().unwrap());
}

/// As rules, since those are what it reads; with a time and a node in the place of Grafana's variables.
#[test]
fn promtool_understands_every_query_of_the_dashboard() {
    let Some(promtool) = promtool() else { return };
    let mut rules = "groups:\n  - name: dashboard\n    rules:\n".to_owned();
    for (n, query) in dashboard::queries().iter().enumerate() {
        let expression = query.expression.replace("$__rate_interval", "5m").replace("$instance", ".*");
        assert!(!expression.contains('$') && !expression.contains('\''), "{expression}");
        rules += &format!("      - {{ record: 'panel:query{n}', expr: '{expression}' }}\n");
    }
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(rules.as_bytes()).unwrap();
    checks_rules(promtool, file.path());
}

#[test]
fn promtool_takes_the_example_of_how_to_scrape() {
    let Some(mut promtool) = promtool() else { return };
    let example = repository::path("config/prometheus/prometheus.yml");
    agrees(&promtool.args(["check", "config"]).arg(example).output().unwrap());
}
