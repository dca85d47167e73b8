//! What came back.

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::Value;

#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answered {
    pub async fn to(request: RequestBuilder) -> Answered {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answered { status, headers, text: response.text().await.unwrap() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|why| panic!("{why} in {self:?}"))
    }

    pub fn is(self, status: u16) -> Answered {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// An error, told as errors are.
    pub fn refuses(self, status: u16) -> Answered {
        let answered = self.is(status);
        let problem = answered.json();
        assert_eq!(answered.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        assert_eq!(problem["request_id"], answered.header("x-request-id"));
        answered
    }

    /// The platform's acknowledgement.
    pub fn acknowledges(self) -> Answered {
        let answered = self.is(200);
        assert_eq!(answered.header("content-type"), "application/json");
        assert_eq!(answered.text, "{}");
        answered
    }

    /// The one result of a tool call: (key, text) where the key is `result` or `error`.
    pub fn tool_result(&self) -> (String, String) {
        let results = self.json()["results"].as_array().unwrap().clone();
        assert_eq!(results.len(), 1, "{self:?}");
        let said = ["result", "error"].into_iter().find_map(|key| Some((key, results[0][key].as_str()?.to_owned())));
        let (key, text) = said.unwrap_or_else(|| panic!("neither result nor error in {self:?}"));
        assert!(!text.contains('\n'), "a tool's answer is one line");
        (key.to_owned(), text)
    }
}
