//! `input.data` as LitePipeline's programs expect it.
//!
//! The order of LitePipeline: `task_id` and `workspace` first, then the user's keys and the outputs of the conditions, then `action_info` and
//! the four `ldfs_*` keys. Ours win over the user's where LitePipeline let a key of the input replace the system's `task_id`.

use std::fmt;

use chrono::Local;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::runner::order::Order;

/// The keys the node writes; the same ones of the input are left out.
const OWN: [&str; 7] =
    ["task_id", "workspace", "action_info", "ldfs_host", "ldfs_port", "ldfs_user", "ldfs_password"];

/// Where a program reaches the node, as LitePipeline's had it.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

#[derive(Serialize)]
struct ActionInfo<'a> {
    task_create_at: String,
    task_name: &'a str,
    action_name: &'a str,
    http_host: &'a str,
    http_port: u16,
}

/// The bytes of `input.data`.
///
/// # Errors
/// The input is not a JSON object.
pub(crate) fn build(
    order: &Order,
    input: &RawValue,
    workspace: &str,
    address: &Address,
) -> Result<Vec<u8>, serde_json::Error> {
    let attempt = &order.assignment.attempt;
    let mut bytes = Vec::with_capacity(input.get().len() + 512);
    bytes.extend_from_slice(b"{\"task_id\": ");
    serde_json::to_writer(&mut bytes, &attempt.task_id)?;
    bytes.extend_from_slice(b", \"workspace\": ");
    serde_json::to_writer(&mut bytes, workspace)?;
    let mut given = serde_json::Deserializer::from_str(input.get());
    given.deserialize_map(Copy(&mut bytes))?;
    given.end()?;
    let created = order.assignment.task_create_at.with_timezone(&Local);
    let info = ActionInfo {
        task_create_at: created.format("%Y-%m-%d %H:%M:%S.%6f").to_string(),
        task_name: &order.assignment.task_name,
        action_name: &attempt.action,
        http_host: &address.host,
        http_port: address.port,
    };
    bytes.extend_from_slice(b", \"action_info\": ");
    serde_json::to_writer(&mut bytes, &info)?;
    bytes.extend_from_slice(
        b", \"ldfs_host\": null, \"ldfs_port\": null, \"ldfs_user\": null, \"ldfs_password\": null}",
    );
    Ok(bytes)
}

/// Copies the members of an object, their values untouched.
struct Copy<'b>(&'b mut Vec<u8>);

impl<'de> Visitor<'de> for Copy<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object as the input of an action")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<Name>()? {
            let value: &RawValue = members.next_value()?;
            if OWN.contains(&name.0.as_str()) {
                continue;
            }
            self.0.extend_from_slice(b", ");
            serde_json::to_writer(&mut *self.0, &name.0).map_err(serde::de::Error::custom)?;
            self.0.extend_from_slice(b": ");
            self.0.extend_from_slice(value.get().as_bytes());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Name(String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::order::tests::order;

    fn built(input: &str) -> Result<String, serde_json::Error> {
        let address = Address { host: "10.0.0.1".into(), port: 8001 };
        let input = RawValue::from_string(input.into()).unwrap();
        build(&order("first action"), &input, "/w", &address).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_input_is_what_litepipelines_programs_expect() {
        let text = built(r#"{"x": 1, "big": 12345678901234567890.10, "first": {"data": []}}"#).unwrap();

        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "task_id",
                "workspace",
                "x",
                "big",
                "first",
                "action_info",
                "ldfs_host",
                "ldfs_port",
                "ldfs_user",
                "ldfs_password"
            ]
        );
        assert!(text.contains("12345678901234567890.10"), "values are untouched: {text}");
        let info = &value["action_info"];
        assert_eq!(info["action_name"], "first action");
        assert_eq!((&info["http_host"], &info["http_port"]), (&"10.0.0.1".into(), &8001.into()));
        assert_eq!(info["task_create_at"].as_str().unwrap().len(), "2026-11-22 05:52:16.683930".len());
    }

    #[test]
    fn keys_of_the_user_do_not_replace_the_nodes() {
        let text =
            built(r#"{"task_id": "x", "work\u0073pace": "/", "action_info": 1, "ldfs_user": "u", "y": 2}"#)
                .unwrap();

        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&value["workspace"], &value["ldfs_user"], &value["y"]),
            (&"/w".into(), &().into(), &2.into())
        );
        assert_eq!(text.matches("task_id").count(), 1);
    }

    #[test]
    fn an_input_that_is_no_object_is_an_error() {
        for input in ["[]", "1", "null", "\"x\""] {
            assert!(built(input).is_err(), "{input}");
        }
    }
}
