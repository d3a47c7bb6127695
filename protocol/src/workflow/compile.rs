//! The definition as a whole: its applications, who waits for whom, its event applications.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::definition::{AppName, AppRef, Application, Definition};
use super::{Error, MAX_APPLICATIONS};
use crate::AppId;
use crate::manifest::fields::{Fields, kind};
use crate::manifest::warning::Warnings;
use crate::manifest::{Place, Warning, grammar, graph, names};
use crate::plan::Ordinal;

const TOP: &[&str] = &["applications", "event_applications", "fail_fast"];
const APPLICATION: &[&str] = &["name", "condition", "app_id", "app", "version", "input", "priority"];
const EVENT_APPLICATION: &[&str] = &["app_id", "app", "version", "input", "priority"];

/// Bound of `priority` both ways: sums with the work's and the actions' own stay far from overflow.
const MAX_PRIORITY: i64 = 1_000_000;

/// A workflow that holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub definition: Definition,
    pub warnings: Vec<Warning>,
}

/// Compiles a workflow's value. `strict` refuses what is otherwise a warning.
///
/// # Errors
/// The first rule that is broken: of each application in turn, then of the conditions, then of the events.
pub fn compile(value: &Value, strict: bool) -> Result<Parsed, Error> {
    let Value::Object(members) = value else { return Err(Error::NotAnObject { found: kind(value) }) };
    let mut warnings = Warnings::default();
    let fields = Fields::new(&Place::Manifest, members);
    fields.warn_of_unknown(TOP, &mut warnings);

    let mut raw = Vec::new();
    let mut applications = read_applications(&fields, &mut raw, &mut warnings)?;
    let ordinals: HashMap<String, Ordinal> = applications
        .iter()
        .zip(0..)
        .map(|(application, ordinal)| (application.name.clone(), ordinal))
        .collect();
    let mut waits_for = Vec::with_capacity(applications.len());
    for (application, members) in applications.iter().zip(&raw) {
        waits_for.push(read_condition(&application.name, members, &ordinals, &mut warnings)?);
    }
    if let Some(cycle) = graph::find_cycle(&waits_for) {
        let path = cycle.iter().map(|ordinal| applications[*ordinal as usize].name.clone()).collect();
        return Err(Error::Cycle { path });
    }
    for (application, condition) in applications.iter_mut().zip(waits_for) {
        application.condition = condition;
    }
    let [on_success, on_fail] = read_events(&fields, &mut warnings)?;
    let fail_fast = fields.flag("fail_fast")?.unwrap_or(false);

    let count = warnings.count();
    let warnings = warnings.into_list();
    match warnings.first() {
        Some(first) if strict => Err(Error::Strict { first: first.clone(), more: count - 1 }),
        _ => Ok(Parsed { definition: Definition { applications, on_success, on_fail, fail_fast }, warnings }),
    }
}

/// Reads the applications without their conditions, which may name some further down; `raw` gets their members.
fn read_applications<'m>(
    fields: &Fields<'m>,
    raw: &mut Vec<&'m Map<String, Value>>,
    warnings: &mut Warnings,
) -> Result<Vec<Application>, Error> {
    let items = match fields.get("applications").ok_or_else(|| fields.missing("applications"))? {
        Value::Array(items) => items,
        other => return Err(fields.wrong_kind("applications", "a list of applications", other).into()),
    };
    if items.is_empty() {
        return Err(Error::NoApplications);
    }
    if items.len() > MAX_APPLICATIONS {
        return Err(Error::TooManyApplications { count: items.len() });
    }
    let mut applications = Vec::with_capacity(items.len());
    let mut taken: HashMap<&str, usize> = HashMap::with_capacity(items.len());
    for (item, nth) in items.iter().zip(1..) {
        let Value::Object(members) = item else {
            return Err(fields.wrong_kind(&format!("applications[{}]", nth - 1), "an object", item).into());
        };
        let name = read_name(nth, members)?;
        if let Some(taken_by) = taken.insert(name, nth) {
            return Err(Error::DuplicateName { nth, name: name.to_owned(), taken_by });
        }
        let place = Place::Application(name.to_owned());
        let application = Fields::new(&place, members);
        application.warn_of_unknown(APPLICATION, warnings);
        let app = read_app(&application)?;
        applications.push(Application { name: name.to_owned(), condition: Vec::new(), app });
        raw.push(members);
    }
    Ok(applications)
}

fn read_name(nth: usize, members: &Map<String, Value>) -> Result<&str, Error> {
    let place = Place::NthApplication(nth);
    let fields = Fields::new(&place, members);
    let name = match members.get("name") {
        None | Some(Value::Null) => return Err(fields.missing("name").into()),
        Some(Value::String(name)) => name.as_str(),
        Some(other) => return Err(fields.wrong_kind("name", "a string", other).into()),
    };
    if let Some(rule) = names::broken_rule(name) {
        return Err(Error::UnsafeName { nth, name: name.to_owned(), rule });
    }
    if names::RESERVED.contains(&name) {
        return Err(Error::ReservedName { nth, name: name.to_owned() });
    }
    Ok(name)
}

fn read_app(fields: &Fields<'_>) -> Result<AppRef, Error> {
    let version = fields.whole("version", 1..=i64::MAX)?;
    // within the range, so it fits
    let priority = fields.whole("priority", -MAX_PRIORITY..=MAX_PRIORITY)?.unwrap_or(0) as i32;
    let input = match fields.get("input") {
        None => Map::new(),
        Some(Value::Object(input)) => input.clone(),
        Some(other) => return Err(fields.wrong_kind("input", "an object", other).into()),
    };
    Ok(AppRef { app: read_app_name(fields)?, version, input, priority })
}

/// Reads `app_id`, LitePipeline's key, or `app`, which takes a name as well.
fn read_app_name(fields: &Fields<'_>) -> Result<AppName, Error> {
    let wrong = |key: &str, text: &str| {
        let wanted = "the id of an application, as `lp app list -o wide` shows it";
        Error::from(fields.wrong(key, wanted, crate::manifest::fields::quoted(text)))
    };
    match (fields.text("app_id")?, fields.text("app")?) {
        (Some(_), Some(_)) => Err(Error::TwoApps { place: fields.place.clone() }),
        (None, None) => Err(fields.missing("app_id` or `app").into()),
        (Some(text), None) => match parse_id(text) {
            Some(id) => Ok(AppName::Id(id)),
            None => Err(wrong("app_id", text)),
        },
        (None, Some(text)) if text.trim().is_empty() => Err(fields.rule("app", "must not be empty").into()),
        (None, Some(text)) => Ok(parse_id(text).map_or_else(|| AppName::Name(text.to_owned()), AppName::Id)),
    }
}

fn parse_id(text: &str) -> Option<AppId> {
    text.parse().ok()
}

fn read_condition(
    application: &str,
    members: &Map<String, Value>,
    ordinals: &HashMap<String, Ordinal>,
    warnings: &mut Warnings,
) -> Result<Vec<Ordinal>, Error> {
    let place = Place::Application(application.to_owned());
    let fields = Fields::new(&place, members);
    let items = match fields.get("condition") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(fields.wrong_kind("condition", "a list of names of applications", other).into());
        }
    };
    let mut condition = Vec::with_capacity(items.len());
    let mut seen = HashSet::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let Value::String(name) = item else {
            let key = format!("condition[{position}]");
            return Err(fields.wrong_kind(&key, "the name of an application of the workflow", item).into());
        };
        let Some(ordinal) = ordinals.get(name) else {
            let nearest = grammar::nearest(name, ordinals.keys().map(String::as_str)).map(str::to_owned);
            let application = application.to_owned();
            return Err(Error::UnknownCondition { application, name: name.clone(), nearest });
        };
        if seen.insert(*ordinal) {
            condition.push(*ordinal);
        } else {
            warnings.push(Warning::RepeatedCondition { place: place.clone(), name: name.clone() });
        }
    }
    Ok(condition)
}

/// Reads the event applications, success first.
fn read_events(workflow: &Fields<'_>, warnings: &mut Warnings) -> Result<[Option<AppRef>; 2], Error> {
    let mut apps = [None, None];
    let Some(value) = workflow.get_unless_false("event_applications") else { return Ok(apps) };
    let events = workflow.object("event_applications", value)?;
    events.warn_of_unknown(grammar::EVENTS, warnings);
    for (event, app) in names::RESERVED.into_iter().zip(&mut apps) {
        let Some(value) = events.get_unless_false(event) else { continue };
        let Value::Object(members) = value else {
            return Err(events.wrong_kind(event, "an object", value).into());
        };
        let place = Place::EventApplication(event);
        let fields = Fields::new(&place, members);
        fields.warn_of_unknown(EVENT_APPLICATION, warnings);
        *app = Some(read_app(&fields)?);
    }
    Ok(apps)
}
