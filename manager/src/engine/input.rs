//! `input.data` as the manager assembles it: the task's input, then the outputs of the action's conditions under their names.
//!
//! Later wins, as in LitePipeline, except that the system's own fields, which the node adds last, always do. Values pass through
//! untouched (numbers keep their digits).

use std::collections::BTreeMap;

use lp_protocol::frames::MAX_INPUT_BYTES;
use serde_json::value::RawValue;

pub(super) use crate::core::result::{data_of, empty_object};

/// Fields of an input object, unparsed.
pub(super) type Fields = BTreeMap<String, Box<RawValue>>;

/// Starts from the task's own input. What the HTTP layer let in is an object; anything else counts as none.
pub(super) fn own_fields(input: Option<&RawValue>) -> Fields {
    input.and_then(|input| serde_json::from_str(input.get()).ok()).unwrap_or_default()
}

/// Puts the object together.
///
/// # Errors
/// A sentence, where it would be larger than a node takes.
pub(super) fn assemble(fields: &Fields) -> Result<Box<RawValue>, String> {
    if fields.is_empty() {
        return Ok(empty_object());
    }
    let size: usize = fields.iter().map(|(name, value)| name.len() + value.get().len() + 8).sum();
    if size > MAX_INPUT_BYTES {
        return Err(format!(
            "its input.data would have {size} bytes; at most {MAX_INPUT_BYTES} are handed over"
        ));
    }
    serde_json::value::to_raw_value(fields)
        .map_err(|error| format!("its input.data cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn outputs_are_added_under_their_names_and_win_over_the_tasks_input() {
        let mut fields = own_fields(Some(&raw(r#"{"x": 1.10, "first": "mine"}"#)));
        fields.insert("first".to_owned(), data_of(Some(&raw(r#"{"data": {"n": 1}, "actions": []}"#))));

        assert_eq!(assemble(&fields).unwrap().get(), r#"{"first":{"n": 1},"x":1.10}"#);
    }

    #[test]
    fn an_action_that_left_nothing_hands_on_an_empty_object() {
        assert_eq!(data_of(None).get(), "{}");
        assert_eq!(data_of(Some(&raw(r#"{"actions": []}"#))).get(), "{}");
    }
}
