//! A kill cannot show a missing fsync, because the page cache survives it. So this watches the system calls of the real
//! binary: between the arrival of a webhook and the first byte of its answer lies a finished fdatasync.

use std::path::Path;
use std::process::Command;

use super::server::{Server, binary, client, sabotaged_binary, send, status};

const WEBHOOKS: u64 = 12;

/// How many of the answers in this trace were written before anything was synced.
fn answers_without_a_sync(trace: &str) -> (u64, u64) {
    let (mut answers, mut unsynced) = (0, 0);
    let mut synced_since_request = None;
    for line in trace.lines() {
        let finished = line.contains(" = 0") && (line.contains("fdatasync") || line.contains("fsync"));
        if line.contains("POST /webhooks/vapi") {
            synced_since_request = Some(false);
        } else if finished && synced_since_request.is_some() {
            synced_since_request = Some(true);
        } else if line.contains("HTTP/1.1 200")
            && let Some(synced) = synced_since_request.take()
        {
            answers += 1;
            unsynced += u64::from(!synced);
        }
    }
    (answers, unsynced)
}

async fn watch(program: std::path::PathBuf, settings: &[(&str, &str)]) -> Option<(u64, u64)> {
    let data = tempfile::tempdir().expect("a temporary directory");
    let trace = data.path().join("trace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-s", "64", "-e", "trace=read,recvfrom,write,writev,sendto,sendmsg,fdatasync,fsync"]);
    // The shell leaves its process id behind and becomes the server: a killed strace would let it live on.
    let pid = data.path().join("pid");
    strace.arg("-o").arg(&trace).args(["sh", "-c", "echo $$ > \"$0\"; exec \"$@\""]).arg(&pid).arg(program);
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed (scripts/test installs it): system calls not watched");
        return None;
    }
    let server = Server::start(strace, &data.path().join("data"), settings);
    let client = client();
    for number in 0..WEBHOOKS {
        let message = status(&format!("call-{number}"), "in-progress", 1_787_000_000_000 + number);
        let answer = send(&client, &server.url, "watched", &message).await.expect("an answer");
        assert_eq!(answer.status, 200);
        // What is synced for this one is not to be taken for what is synced for the next.
        recorded(&client, &server.url, &data.path().join("data"), number).await;
    }
    let pid = std::fs::read_to_string(pid).expect("the shell wrote it").trim().parse().expect("a pid");
    server.kill_inner(pid);
    Some(answers_without_a_sync(&std::fs::read_to_string(trace).expect("a trace")))
}

async fn recorded(client: &reqwest::Client, url: &str, data: &Path, number: u64) {
    let token = std::fs::read_to_string(data.join("admin-token")).expect("written at the first start");
    let call = format!("{url}/api/calls/call-{number}");
    while client.get(&call).bearer_auth(token.trim()).send().await.expect("an answer").status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_answer_is_written_after_a_finished_sync() {
    if let Some(counted) = watch(binary(), &[]).await {
        assert_eq!(counted, (WEBHOOKS, 0), "(answers, answers without a sync before them)");
    }
}

#[tokio::test]
async fn this_test_notices_when_nothing_is_synced() {
    notices("sync_off").await;
}

#[tokio::test]
async fn this_test_notices_when_the_answer_comes_first() {
    notices("answer_first").await;
}

async fn notices(sabotage: &str) {
    let Some(program) = sabotaged_binary() else {
        eprintln!("SABOTAGED_CORDBOARD is not set (scripts/test sets it): sabotage not tried");
        return;
    };
    if let Some((answers, unsynced)) = watch(program, &[("CORDBOARD_SABOTAGE", sabotage)]).await {
        assert_eq!(answers, WEBHOOKS);
        assert!(unsynced > 0, "{sabotage} broke durability and nothing was noticed");
    }
}

#[test]
fn the_trace_is_read_as_it_is_written() {
    let good = "1 recvfrom(9, \"POST /webhooks/vapi HTTP/1.1\\r\\n\") = 300\n2 fdatasync(7 <unfinished ...>\n\
                1 write(5, \"x\") = 1\n2 <... fdatasync resumed>) = 0\n1 write(9, \"HTTP/1.1 200 OK\\r\\n\") = 90\n";
    assert_eq!(answers_without_a_sync(good), (1, 0));
    let unfinished = good.replace("2 <... fdatasync resumed>) = 0\n", "");
    assert_eq!(answers_without_a_sync(&unfinished), (1, 1));
}
