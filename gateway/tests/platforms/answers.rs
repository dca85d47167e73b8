//! What goes back for tool calls: every call, in its place, under the id it came with.

use engine::call::{Answer, ToolAnswer};
use engine::playbook::Language;
use gateway::platforms::Rendered;
use gateway::platforms::vapi::parse;
use serde_json::Value;

use super::{events, fixture, received};

#[test]
fn every_call_of_a_batch_is_answered_under_its_own_id() {
    let said = |text: &str| Answer::Tool(ToolAnswer::Result(text.into()));
    let rendered = render("tool-calls", &[said("Told."), Answer::Tool(ToolAnswer::Error("No such tool.".into()))]);
    assert_eq!(
        rendered.body,
        r#"{"results":[{"name":"textCaretaker","toolCallId":"call_q1","result":"Told."},{"name":"openTicket","toolCallId":"toolu_02","error":"No such tool."}]}"#
    );
    assert_eq!(render("function-call", &[said("Told.")]).body, r#"{"result":"Told."}"#);
    assert_eq!(render("hang", &[Answer::Ack]).body, "{}");
}

#[test]
fn an_id_goes_back_as_the_json_it_was_and_a_missing_one_is_not_made_up() {
    let long = "x".repeat(5_000);
    let ids = [
        format!("\"{long}\""),
        "17".into(),
        "-1.50e3".into(),
        "[ 1, 2 ]".into(),
        r#""cut \ud83d""#.into(),
        r#""""#.into(),
    ];
    let calls: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":{id},"name":"x"}}"#)).collect();
    let body = body_of_calls(&[&calls[..], &[r#"{"id":null,"name":"x"}"#.into(), r#"{"name":"x"}"#.into()]].concat());
    let delivery = parse(body.as_bytes(), received()).unwrap();
    let answers = vec![Answer::Tool(ToolAnswer::Result("ok".into())); 8];
    let with_id = |id: &String| format!(r#"{{"name":"x","toolCallId":{id},"result":"ok"}}"#);
    let without = r#"{"name":"x","result":"ok"}"#.to_owned();
    let results: Vec<String> = ids.iter().map(with_id).chain([without.clone(), without]).collect();
    assert_eq!(delivery.render(&answers, Language::En).body, format!(r#"{{"results":[{}]}}"#, results.join(",")));
}

#[test]
fn every_call_of_a_long_batch_gets_a_result_in_its_place() {
    let calls: Vec<String> = (0..150).map(|n| format!(r#"{{"id":"t{n}","name":"x"}}"#)).collect();
    let delivery = parse(body_of_calls(&calls).as_bytes(), received()).unwrap();
    let done = vec![Answer::Tool(ToolAnswer::Result("ok".into())); events(&delivery).len()];
    let rendered = delivery.render(&done, Language::Fr);
    let answered: Value = serde_json::from_slice(&rendered.body).unwrap();
    let results = answered["results"].as_array().unwrap();
    assert!(
        results
            .iter()
            .map(|result| &result["toolCallId"])
            .eq((0..150).map(|n| format!("t{n}")).collect::<Vec<_>>().iter())
    );
    assert!(results[..done.len()].iter().all(|result| result["result"] == "ok"));
    assert!(
        results[done.len()..]
            .iter()
            .all(|result| result["error"].as_str().is_some_and(|said| said.contains("rien n'a été fait")))
    );
}

fn render(name: &str, answers: &[Answer]) -> Rendered {
    fixture(name).render(answers, Language::En)
}

fn body_of_calls(calls: &[String]) -> String {
    format!(r#"{{"message":{{"type":"tool-calls","call":{{"id":"c"}},"toolCallList":[{}]}}}}"#, calls.join(","))
}
