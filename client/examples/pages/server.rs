//! The `lp up` that is measured, and a browser's session with it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;

use crate::Outcome;

pub(crate) struct Server {
    child: Child,
    http: Client,
    manager: String,
    viewer: String,
    token: String,
    cookies: String,
}

impl Server {
    /// Starts it on free ports and signs in.
    pub(crate) async fn start(program: &Path, data: &Path) -> Outcome<Self> {
        // the client wants one, though nothing here is encrypted; an error says that there is one already
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut command = Command::new(program);
        command.args(["up", "--port", "0", "--viewer-port", "0", "--slots", "1", "--data"]).arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("it has no output")?).lines();
        if !lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("data")) {
            return Err(format!("`lp up` has ended: {}", child.wait()?).into());
        }
        let context: Value = serde_json::from_slice(&std::fs::read(data.join("client.json"))?)?;
        let word = |key: &str| context[key].as_str().map(|word| word.trim_end_matches('/').to_owned());
        let mut server = Self {
            child,
            // as a browser does, and so that an answer's time is the viewer's alone
            http: Client::builder().no_proxy().build()?,
            manager: word("manager").ok_or("client.json names no manager")?,
            viewer: word("viewer").ok_or("client.json names no viewer")?,
            token: word("token").ok_or("client.json has no token")?,
            cookies: String::new(),
        };
        server.sign_in().await?;
        Ok(server)
    }

    async fn sign_in(&mut self) -> Outcome {
        let form = self.http.get(format!("{}/login", self.viewer)).send().await?;
        let cookie = cookies(&form);
        let csrf = cookie.split_once('=').map(|(_, word)| word.to_owned()).ok_or("the form has no cookie")?;
        // neither word has a letter that forms would write in another way
        let fields = format!("csrf={csrf}&token={}&next=%2F", self.token);
        let request = self.http.post(format!("{}/login", self.viewer)).header(COOKIE, cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(fields);
        let entered = request.send().await?;
        self.cookies = cookies(&entered);
        if self.cookies.is_empty() {
            return Err(format!("cannot sign in: {}", entered.status()).into());
        }
        Ok(())
    }

    pub(crate) async fn page(&self, path: &str) -> Outcome<Response> {
        let request = self.http.get(format!("{}{path}", self.viewer)).header(COOKIE, &self.cookies);
        good(request.send().await?)
    }

    pub(crate) async fn api(&self, path: &str) -> Outcome<Response> {
        let request = self.http.get(format!("{}/api/v1{path}", self.manager)).bearer_auth(&self.token);
        good(request.send().await?)
    }

    pub(crate) async fn json(&self, path: &str) -> Outcome<Value> {
        Ok(serde_json::from_slice(&self.api(path).await?.bytes().await?)?)
    }

    /// Stops it in order and waits for its end.
    pub(crate) fn stop(mut self) -> Outcome {
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    /// Where measuring has failed half way.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

fn good(response: Response) -> Outcome<Response> {
    match response.status() {
        StatusCode::OK => Ok(response),
        status => Err(format!("answers {status}").into()),
    }
}

fn cookies(response: &Response) -> String {
    let lines = response.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.filter_map(|line| line.split(';').next()).collect::<Vec<_>>().join("; ")
}
