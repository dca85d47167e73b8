//! The API of a server, as commands ask it.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Overrides;
use super::exit::{Exit, Failed};
use super::target::{base_url, local_url};
use crate::{data_dir, settings};

const TOKEN: &str = "CORDBOARD_TOKEN";
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);

pub struct Api {
    client: reqwest::Client,
    base: Url,
    token: SecretString,
}

/// What a server says when it refuses.
#[derive(Default, Deserialize)]
struct Refused {
    #[serde(default)]
    detail: String,
}

impl Api {
    /// The settings are read only for what was not said.
    pub fn find(to: Option<&str>, token: Option<SecretString>, overrides: &Overrides) -> Result<Api, Failed> {
        let token = token.or_else(|| std::env::var(TOKEN).ok().filter(|text| !text.is_empty()).map(SecretString::from));
        let (base, token) = match (to, token) {
            (Some(to), Some(token)) => (base_url(to)?, token),
            (to, token) => {
                let settings = settings::load(&overrides.layers())?.settings;
                let base = base_url(&to.map_or_else(|| local_url(&settings), str::to_owned))?;
                let kept = || data_dir::read_admin_token(&settings.data_dir);
                (base, token.or_else(kept).ok_or_else(|| no_token(&settings.data_dir))?)
            }
        };
        Ok(Api { client: client(ANSWERS_WITHIN)?, base, token })
    }

    /// For what takes its time.
    pub fn patient(self, answers_within: Duration) -> Result<Api, Failed> {
        Ok(Api { client: client(answers_within)?, ..self })
    }

    /// The body of the answer to a POST, as it comes.
    pub async fn body(&self, path: &str) -> Result<impl Stream<Item = reqwest::Result<Bytes>> + Unpin, Failed> {
        let response = self.client.post(self.url(path)?).bearer_auth(self.token.expose_secret()).send().await?;
        let status = response.status();
        if !status.is_success() {
            return Err(refusal(status, &response.text().await?));
        }
        // Length by length: a body that is cut is an error.
        Ok(Box::pin(stream::try_unfold(response, async |mut response| {
            Ok(response.chunk().await?.map(|chunk| (chunk, response)))
        })))
    }

    fn url(&self, path: &str) -> Result<Url, Failed> {
        self.base.join(path).map_err(|_| Failed::new(Exit::Usage, format!("{}: not a base URL", self.base)))
    }

    /// The answer of a success.
    pub async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, Failed> {
        let url = self.url(path)?;
        let request = self.client.request(method, url).bearer_auth(self.token.expose_secret());
        let request = body.map_or(request.try_clone(), |body| request.try_clone().map(|it| it.json(body)));
        let response = request.expect("its body is in memory").send().await?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            return Err(refusal(status, &text));
        }
        serde_json::from_str(&text)
            .map_err(|_| Failed::new(Exit::FailedCheck, "the answer is not what this version expects"))
    }
}

fn client(answers_within: Duration) -> Result<reqwest::Client, Failed> {
    let client = reqwest::Client::builder().timeout(answers_within).redirect(reqwest::redirect::Policy::none());
    Ok(client.build()?)
}

fn refusal(status: StatusCode, text: &str) -> Failed {
    let Refused { detail } = serde_json::from_str(text).unwrap_or_default();
    let why = if detail.is_empty() { format!("the server answered {status}") } else { detail };
    let exit = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Exit::Authentication,
        StatusCode::NOT_FOUND => Exit::NotFound,
        status if status.is_server_error() => Exit::Unreachable,
        _ => Exit::FailedCheck,
    };
    Failed::new(exit, why)
}

fn no_token(dir: &Path) -> Failed {
    let dir = dir.display();
    Failed::new(
        Exit::Authentication,
        format!("no token: give --token, or the --data-dir of the server ({dir} has none)"),
    )
}
