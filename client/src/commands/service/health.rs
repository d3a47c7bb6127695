//! The health command of a service, as options and as a line of its report.

use std::time::Duration;

use clap::Args;
use lp_protocol::health::Health;
use lp_protocol::plan::Command;
use serde_json::{Map, Value};

use crate::commands::args;
use crate::failure::Failure;
use crate::output::text;

#[derive(Args, Debug)]
pub(super) struct HealthArgs {
    /// Command that is run beside the program, as `main` is; a JSON list is run as written; `none`: no such command
    #[arg(long, value_name = "COMMAND|none")]
    health: Option<String>,
    /// Time between two runs of the health command; default 10s
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    health_interval: Option<Duration>,
    /// A run that takes longer is killed and has failed; default 5s
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    health_timeout: Option<Duration>,
    /// Failed runs in a row that end the program; default 3
    #[arg(long, value_name = "N")]
    health_failures: Option<u32>,
    /// Time after the start in which failed runs do not count; default 10s
    #[arg(long, value_parser = args::duration, value_name = "TIME")]
    health_grace: Option<Duration>,
}

impl HealthArgs {
    /// What is asked for: None: nothing; the inner None: that there be no command.
    pub(super) fn given(self) -> Result<Option<Option<Value>>, Failure> {
        let Self { health, health_interval, health_timeout, health_failures, health_grace } = self;
        let seconds = |time: Option<Duration>| time.map(|time| Value::from(time.as_secs_f64()));
        let rules = [
            ("interval", seconds(health_interval)),
            ("timeout", seconds(health_timeout)),
            ("failures", health_failures.map(Value::from)),
            ("grace", seconds(health_grace)),
        ];
        let mut fields: Map<String, Value> =
            rules.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        match health.as_deref() {
            Some("none") if fields.is_empty() => return Ok(Some(None)),
            Some("none") => {
                return Err(Failure::usage(
                    "there is nothing to say about a health command that is to be none",
                    "leave out the other --health-... options",
                ));
            }
            Some(command) => {
                fields.insert("command".to_owned(), written(command));
            }
            None => {}
        }
        Ok((!fields.is_empty()).then_some(Some(Value::Object(fields))))
    }
}

/// Words where it is a JSON list of texts, else a line.
fn written(command: &str) -> Value {
    serde_json::from_str::<Vec<String>>(command).map_or_else(|_| command.into(), Value::from)
}

/// For the report.
pub(super) fn sentence(health: &Health) -> String {
    let Health { command, interval, timeout, failures, grace } = health;
    let command = match command {
        Command::Line(line) => line.clone(),
        Command::Words(words) => serde_json::to_string(words).unwrap_or_default(),
    };
    let failures =
        if *failures == 1 { "1 failure".to_owned() } else { format!("{failures} failures in a row") };
    format!(
        "{command} (every {}, at most {}; stopped after {failures}, from {} after the start)",
        text::duration(*interval),
        text::duration(*timeout),
        text::duration(*grace)
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        health: HealthArgs,
    }

    fn given(words: &[&str]) -> Result<Option<Option<Value>>, Failure> {
        Line::parse_from([&["lp"], words].concat()).health.given()
    }

    #[test]
    fn a_command_is_a_line_or_a_json_list_and_none_takes_it_away() {
        for (words, expected) in [
            (&[][..], None),
            (&["--health", "none"], Some(None)),
            (&["--health", "./ok -x"], Some(Some(json!({"command": "./ok -x"})))),
            (&["--health", "[ -e ready ] #"], Some(Some(json!({"command": "[ -e ready ] #"})))),
            (&["--health", r#"["curl", "-f"]"#], Some(Some(json!({"command": ["curl", "-f"]})))),
            (
                &["--health-interval", "1m", "--health-failures", "1", "--health-grace", "0"],
                Some(Some(json!({"interval": 60.0, "failures": 1, "grace": 0.0}))),
            ),
            (&["--health-timeout", "100ms"], Some(Some(json!({"timeout": 0.1})))),
        ] {
            assert_eq!(given(words).unwrap(), expected, "{words:?}");
        }
        assert!(given(&["--health", "none", "--health-failures", "2"]).is_err());
    }
}
