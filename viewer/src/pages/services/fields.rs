//! The fields of a service's form, and the requests they stand for.

use lp_protocol::plan::Command as Main;
use lp_protocol::views::{CreateService, ServiceInfo, UpdateService};
use serde::Deserialize;
use serde_json::{Value, json as object_of};

use crate::pages::sheet::{Problem, empty_object, given, number, object};
use crate::parts::json;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(super) name: String,
    /// The application's id.
    pub(super) app: String,
    pub(super) description: String,
    pub(super) input: String,
    pub(super) signal: String,
    pub(super) grace: String,
    pub(super) follow_active: String,
    pub(super) delay: String,
    pub(super) max_delay: String,
    pub(super) reset_after: String,
    pub(super) max_restarts: String,
    /// A command line, or a JSON list of words.
    pub(super) health: String,
    pub(super) health_interval: String,
    pub(super) health_timeout: String,
    pub(super) health_failures: String,
    pub(super) health_grace: String,
    pub(super) enable: String,
}

impl Fields {
    pub(super) fn new(app: Option<String>) -> Self {
        Self {
            app: app.unwrap_or_default(),
            input: "{}".to_owned(),
            signal: "15".to_owned(),
            enable: "on".to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn of(info: &ServiceInfo) -> Self {
        let view = &info.service;
        let on = |is_on: bool| if is_on { "on".to_owned() } else { String::new() };
        let health = view.health.as_ref();
        let seconds = |pick: fn(&lp_protocol::health::Health) -> std::time::Duration| {
            health.map(|health| pick(health).as_secs_f64().to_string()).unwrap_or_default()
        };
        Self {
            name: view.name.clone(),
            app: view.app_id.to_string(),
            description: view.description.clone(),
            input: json(info.input_data.get()).text,
            signal: view.signal.abs().to_string(),
            grace: view.grace.map(|grace| grace.to_string()).unwrap_or_default(),
            follow_active: on(view.follow_active),
            delay: view.delay.to_string(),
            max_delay: view.max_delay.to_string(),
            reset_after: view.reset_after.to_string(),
            max_restarts: view.max_restarts.map(|most| most.to_string()).unwrap_or_default(),
            health: health.map(|health| written(&health.command)).unwrap_or_default(),
            health_interval: seconds(|health| health.interval),
            health_timeout: seconds(|health| health.timeout),
            health_failures: health.map(|health| health.failures.to_string()).unwrap_or_default(),
            health_grace: seconds(|health| health.grace),
            enable: on(view.enable),
        }
    }

    fn health(&self) -> Result<Option<Value>, Problem> {
        let Some(command) = given(&self.health) else {
            let rest =
                [&self.health_interval, &self.health_timeout, &self.health_failures, &self.health_grace];
            return match rest.iter().any(|text| given(text).is_some()) {
                true => Err(Problem::at_field("health", "Say which command is run.")),
                false => Ok(None),
            };
        };
        let command = match command.starts_with('[') {
            true => serde_json::from_str(&command).map_err(|error| {
                Problem::at_field("health", &format!("This is no list of words: {error}."))
            })?,
            false => Value::String(command),
        };
        let mut health = object_of!({ "command": command });
        let times = [
            ("interval", "health_interval", &self.health_interval),
            ("timeout", "health_timeout", &self.health_timeout),
            ("grace", "health_grace", &self.health_grace),
        ];
        for (key, field, text) in times {
            if let Some(seconds) = number::<f64>(field, text)? {
                health[key] = object_of!(seconds);
            }
        }
        if let Some(failures) = number::<u32>("health_failures", &self.health_failures)? {
            health["failures"] = object_of!(failures);
        }
        Ok(Some(health))
    }

    pub(super) fn create(&self) -> Result<CreateService, Problem> {
        let app_id =
            self.app.parse().map_err(|_| Problem::at_field("app", "Choose the application it runs."))?;
        Ok(CreateService {
            name: self.name.trim().to_owned(),
            app_id,
            description: given(&self.description),
            input_data: object("input", &self.input)?,
            signal: number("signal", &self.signal)?,
            grace: number("grace", &self.grace)?,
            follow_active: !self.follow_active.is_empty(),
            delay: number("delay", &self.delay)?,
            max_delay: number("max_delay", &self.max_delay)?,
            reset_after: number("reset_after", &self.reset_after)?,
            max_restarts: number("max_restarts", &self.max_restarts)?,
            health: self.health()?,
            enable: !self.enable.is_empty(),
        })
    }

    /// All of the form: what was emptied is taken away, or is as by default again.
    pub(super) fn update(&self, before: &Fields) -> Result<UpdateService, Problem> {
        let made = self.create()?;
        let was_emptied = |now: &str, then: &str| given(now).is_none() && given(then).is_some();
        Ok(UpdateService {
            name: (self.name.trim() != before.name.trim()).then_some(made.name),
            app_id: (self.app != before.app).then_some(made.app_id),
            description: Some(made.description.unwrap_or_default()),
            input_data: made.input_data.or_else(empty_object),
            signal: made.signal,
            grace: Some(made.grace),
            follow_active: Some(made.follow_active),
            delay: made.delay.or(was_emptied(&self.delay, &before.delay).then_some(1.0)),
            max_delay: made.max_delay.or(was_emptied(&self.max_delay, &before.max_delay).then_some(300.0)),
            reset_after: made
                .reset_after
                .or(was_emptied(&self.reset_after, &before.reset_after).then_some(600.0)),
            max_restarts: Some(made.max_restarts),
            health: Some(made.health),
            enable: Some(made.enable),
        })
    }
}

fn written(command: &Main) -> String {
    match command {
        Main::Line(line) => line.clone(),
        Main::Words(words) => serde_json::to_string(words).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields { name: "web".to_owned(), ..Fields::new(Some(uuid::Uuid::nil().to_string())) }
    }

    #[test]
    fn a_form_becomes_a_request_or_says_which_field_is_wrong() {
        let made = Fields {
            health: "[\"curl\", \"-f\"]".to_owned(),
            health_interval: "2.5".to_owned(),
            max_restarts: "3".to_owned(),
            ..fields()
        };
        let made = made.create().unwrap();
        assert_eq!(made.health.unwrap(), object_of!({"command": ["curl", "-f"], "interval": 2.5}));
        assert_eq!((made.max_restarts, made.signal, made.delay), (Some(3), Some(15), None));
        for (field, change) in [
            ("app", Fields { app: String::new(), ..fields() }),
            ("input", Fields { input: "[]".to_owned(), ..fields() }),
            ("grace", Fields { grace: "soon".to_owned(), ..fields() }),
            ("health", Fields { health: "[1".to_owned(), ..fields() }),
            ("health", Fields { health_interval: "1".to_owned(), ..fields() }),
            ("max_restarts", Fields { max_restarts: "-1".to_owned(), ..fields() }),
        ] {
            assert!(change.create().unwrap_err().at(field).is_some(), "{field}");
        }
    }

    #[test]
    fn what_is_emptied_is_taken_away() {
        let before =
            Fields { grace: "5".to_owned(), delay: "9".to_owned(), health: "./x".to_owned(), ..fields() };
        let update = fields().update(&before).unwrap();

        assert_eq!(
            (update.grace, update.delay, update.health, update.name),
            (Some(None), Some(1.0), Some(None), None)
        );
    }
}
