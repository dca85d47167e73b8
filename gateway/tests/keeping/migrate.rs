//! Tables looked at and brought up to date before a server starts.

use std::process::Stdio;

use serde_json::Value;

use crate::command::cordboard;
use crate::database::{Databases, server};
use crate::server::{Server, run_in, said};

fn standing(output: &std::process::Output) -> Vec<(i64, String)> {
    let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)));
    let one = |migration: &Value| {
        let applied = migration["applied_at"].as_str().is_some_and(|at| at.ends_with('Z') && at.len() == 20);
        assert_eq!(applied, migration["standing"] != "pending", "{migration}");
        assert!(!migration["name"].as_str().unwrap().is_empty());
        (migration["version"].as_i64().unwrap(), migration["standing"].as_str().unwrap().to_owned())
    };
    all.as_array().unwrap().iter().map(one).collect()
}

#[test]
fn two_that_bring_the_same_file_up_to_date_both_succeed() {
    let dir = tempfile::tempdir().unwrap();
    let before = standing(&run_in(dir.path(), &["migrate", "status", "-o", "json"]));
    assert!(before.len() > 9 && before.iter().all(|(_, standing)| standing == "pending"), "{before:?}");
    let up = || {
        let mut command = cordboard();
        command.args(["migrate", "up", "--data-dir"]).arg(dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let both: Vec<_> = (0..2).map(|_| up()).collect();
    for one in both {
        let ended = one.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
    }
    let after = standing(&run_in(dir.path(), &["migrate", "status", "-o", "json"]));
    assert_eq!(after.len(), before.len());
    assert!(after.iter().all(|(_, standing)| standing == "applied"), "{after:?}");
    let table = said(&run_in(dir.path(), &["migrate", "status"]));
    assert!(table.lines().any(|line| line.starts_with("0001  calls") && line.contains("applied  20")), "{table}");
}

#[test]
fn a_server_that_may_not_do_it_says_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = cordboard();
    command.env("CORDBOARD_STORE__MIGRATE", "false");
    let refused = command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("run `cordboard migrate up` first"), "{}", said(&refused));
    assert_eq!(run_in(dir.path(), &["migrate", "up"]).status.code(), Some(0));
    Server::start(dir.path(), &[("CORDBOARD_STORE__MIGRATE", "false")]).terminate();
}

#[tokio::test]
async fn a_database_is_brought_up_to_date_by_one_of_two() {
    let Some(server) = server() else { return };
    let databases = Databases::on(server);
    let url = databases.empty().await;
    let run = |arguments: &[&str]| {
        let mut command = cordboard();
        command.env("CORDBOARD_STORE__URL", &url).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let status = run(&["migrate", "status", "-o", "json"]).wait_with_output().unwrap();
    assert!(standing(&status).iter().all(|(_, standing)| standing == "pending"));
    let both: Vec<_> = (0..2).map(|_| run(&["migrate", "up", "-o", "json"])).collect();
    for one in both {
        let ended = one.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
        assert!(standing(&ended).iter().all(|(_, standing)| standing == "applied"));
    }
    databases.dropped().await;
}
