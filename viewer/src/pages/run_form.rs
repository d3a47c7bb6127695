//! The form that runs an application or a workflow: its input as JSON, checked while one types and again when it is sent, with the latest
//! inputs to choose from.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::sheet::{Piece, Problem, given, number, object};
use crate::parts::{Field, FormCommand, clip, json, title_of};

/// Earlier runs whose inputs can be chosen.
pub(super) const EARLIER: u32 = 5;

/// A longer input is not worth a button.
const MAX_EARLIER_BYTES: usize = 4 << 10;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RunFields {
    name: String,
    input: String,
    priority: String,
}

/// Where the form for a task and the one for a work differ.
pub(super) struct Words {
    pub(super) input_help: &'static str,
    pub(super) name_label: &'static str,
    pub(super) name_help: &'static str,
}

/// Names and inputs of the latest runs, the newest first, each input once.
#[derive(Debug, Default)]
pub(super) struct Inputs(Vec<(String, String)>);

impl Inputs {
    pub(super) fn add(&mut self, name: &str, input: &RawValue) {
        if input.get().len() > MAX_EARLIER_BYTES {
            return;
        }
        let text = json(input.get()).text;
        if !self.0.iter().any(|(_, known)| *known == text) {
            self.0.push((clip(&title_of(name), 40), text));
        }
    }
}

impl RunFields {
    /// Begins with the latest input.
    pub(super) fn new(earlier: &Inputs) -> Self {
        let input = earlier.0.first().map_or_else(|| "{}".to_owned(), |(_, text)| text.clone());
        Self { name: String::new(), input, priority: "0".to_owned() }
    }

    pub(super) fn name(&self) -> Option<String> {
        given(&self.name)
    }

    pub(super) fn input(&self) -> Result<Option<Box<RawValue>>, Problem> {
        object("input", &self.input)
    }

    pub(super) fn priority(&self) -> Result<i32, Problem> {
        Ok(number("priority", &self.priority)?.unwrap_or(0))
    }

    pub(super) fn pieces(&self, words: Words, earlier: Inputs, problem: &Problem) -> Vec<Piece> {
        let input = Field::json_object("input", "Input", self.input.clone(), 10)
            .help(words.input_help)
            .error(problem.at("input"));
        let name = Field::line("name", words.name_label, self.name.clone())
            .help(words.name_help)
            .error(problem.at("name"));
        let priority = Field::number("priority", "Priority", self.priority.clone())
            .help("Higher goes first; 0 is ordinary.")
            .error(problem.at("priority"));
        let mut pieces = vec![Piece::field(input)];
        if !earlier.0.is_empty() {
            pieces.push(Piece::Fill { field: "f-input", label: "The input of", texts: earlier.0 });
        }
        pieces.push(Piece::Row(vec![name, priority]));
        pieces
    }

    pub(super) fn command(&self, base: String) -> FormCommand {
        FormCommand::new(base)
            .flag("name", "-n", self.name.clone(), "")
            .flag("input", "-i", self.input.clone(), "{}")
            .flag("priority", "-p", self.priority.clone(), "0")
    }
}
