//! A real headless browser. It waits for what it is told to look at, and remembers what its console and its network have seen.

use std::path::Path;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};

use crate::driver::Driver;

/// Longest wait for anything that should take a second or two.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Browser {
    pub client: Client,
    /// The viewer.
    base: String,
}

impl Browser {
    /// Starts one with an empty profile below `home`.
    pub async fn start(driver: &Driver, home: &Path, base: &str) -> Self {
        let profile = format!("--user-data-dir={}", home.join("chromium").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &profile,
        ];
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&driver.url)
            .await
            .expect("a browser");
        Self { client, base: base.to_owned() }
    }

    pub async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.expect("the page opens");
    }

    /// Path and query of the page that is open.
    pub async fn place(&self) -> String {
        let url = self.client.current_url().await.expect("an address");
        url.as_str().strip_prefix(&self.base).expect("a page of the viewer").to_owned()
    }

    /// Waits for it.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => panic!("no {css} at {}: {error}\n{}", self.place().await, self.text().await),
        }
    }

    /// Waits until the page says this somewhere.
    pub async fn says(&self, text: &str) {
        self.says_in("body", text).await;
    }

    /// Waits until a part of the page says this. Looks again and again, because the page is brought up to date meanwhile.
    pub async fn says_in(&self, css: &str, text: &str) {
        let script = "return [...document.querySelectorAll(arguments[0])].some((e) => e.textContent.replace(/\\s+/g, ' ').includes(arguments[1]))";
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // in the middle of a navigation there is no page to ask
            let found = self.client.execute(script, vec![json!(css), json!(text)]).await;
            if matches!(found, Ok(Value::Bool(true))) {
                return;
            }
            if tokio::time::Instant::now() > deadline {
                panic!("{css} does not say “{text}” at {}:\n{}", self.place().await, self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All that one can read.
    pub async fn text(&self) -> String {
        let text = self.client.execute("return document.body.innerText", vec![]).await.unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Follows a link or presses a button with these words.
    pub async fn press(&self, words: &str) {
        let path = format!(
            "//*[self::a or self::button or self::summary][contains(normalize-space(.), \"{words}\")][not(ancestor::dialog[not(@open)])]"
        );
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await;
        let element = match found {
            Ok(element) => element,
            Err(error) => {
                panic!("nothing to press “{words}” at {}: {error}\n{}", self.place().await, self.text().await)
            }
        };
        self.script("arguments[0].scrollIntoView({block: 'center'})", vec![json!(element)]).await;
        element.click().await.unwrap_or_else(|error| panic!("“{words}” can be pressed: {error}"));
    }

    /// Presses what asks first, and says yes in the dialog that comes up.
    pub async fn do_and_confirm(&self, words: &str, yes: &str) {
        self.press(words).await;
        self.says_in("dialog[open]", yes).await;
        let path = format!("//dialog[@open]//form//button[contains(normalize-space(.), \"{yes}\")]");
        let button = self.client.wait().at_most(PATIENCE).for_element(Locator::XPath(&path)).await;
        button.expect("the dialog has a button").click().await.expect("it can be pressed");
    }

    /// Types over what stands in a field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("it can be emptied");
        field.send_keys(text).await.expect("it takes keys");
    }

    /// Chooses by the words of an option.
    pub async fn choose(&self, css: &str, words: &str) {
        self.find(css).await.select_by_label(words).await.expect("there is such an option");
    }

    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    /// Fails where the console has shown an error, or anything was asked of another host, since the last time. `refused` pages may have been
    /// answered with a refusal.
    pub async fn is_clean(&self, refused: Refused) {
        let console = self.log("browser").await;
        let errors: Vec<&str> = console
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| {
                refused == Refused::No || !message.contains("the server responded with a status of 4")
            })
            .collect();
        assert!(errors.is_empty(), "the console at {} has:\n{}", self.place().await, errors.join("\n"));
        for entry in self.log("performance").await {
            let Some(message) = entry["message"].as_str() else { continue };
            let message: Value = serde_json::from_str(message).expect("JSON");
            if message["message"]["method"] != "Network.requestWillBeSent" {
                continue;
            }
            let url = message["message"]["params"]["request"]["url"].as_str().unwrap_or_default();
            // `chrome:` is the page it begins with
            let is_ours = url.starts_with(&self.base)
                || ["data:", "blob:", "chrome:"].iter().any(|kind| url.starts_with(kind));
            assert!(is_ours, "a request has left the host: {url}");
        }
    }

    /// What was seen so far was meant to happen.
    pub async fn forget(&self) {
        self.log("browser").await;
    }

    async fn log(&self, kind: &'static str) -> Vec<Value> {
        let entries = self.client.issue_cmd(Extra::Log(kind)).await.expect("a log");
        entries.as_array().cloned().unwrap_or_default()
    }

    /// A command of Chromium's own protocol.
    pub async fn chromium(&self, command: &str, parameters: Value) -> Value {
        let command = Extra::Chromium(json!({"cmd": command, "params": parameters}));
        self.client.issue_cmd(command).await.expect("Chromium does it")
    }

    pub async fn close(self) {
        self.client.close().await.ok();
    }
}

/// Whether pages have been asked for that are refused on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    No,
    Some,
}

/// What Chromium's driver can do beyond the standard.
#[derive(Debug)]
enum Extra {
    Log(&'static str),
    Chromium(Value),
}

impl WebDriverCompatibleCommand for Extra {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        let place = match self {
            Extra::Log(_) => "se/log",
            Extra::Chromium(_) => "goog/cdp/execute",
        };
        base.join(&format!("session/{}/{place}", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        let body = match self {
            Extra::Log(kind) => json!({ "type": kind }),
            Extra::Chromium(command) => command.clone(),
        };
        (Method::POST, Some(body.to_string()))
    }
}
