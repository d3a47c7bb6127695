//! A page with one form. What the manager refuses is said beside the field it is about, or above the form, and everything typed stays.

use askama::Template;
use askama::filters::HtmlSafe;

use super::Visit;
use crate::failure::Failure;
use crate::frame::{Frame, Section};
use crate::parts::{Field, FormCommand, Prose, UploadField, clip, visible};

/// An intro is a sentence or two.
const MAX_INTRO_CHARS: usize = 500;

#[derive(Template)]
#[template(path = "sheet.html")]
pub(crate) struct Sheet {
    pub(crate) frame: Frame,
    pub(crate) title: String,
    /// One sentence about what will happen.
    pub(crate) intro: Prose,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) action: String,
    pub(crate) pieces: Vec<Piece>,
    /// Names the deed.
    pub(crate) button: &'static str,
    /// Where one goes back to.
    pub(crate) back: String,
    pub(crate) command: Option<FormCommand>,
}

/// What a form is made of.
pub(crate) enum Piece {
    Field(Box<Field>),
    /// Beside one another.
    Row(Vec<Field>),
    /// Fields most people leave as they are.
    More {
        legend: &'static str,
        fields: Vec<Field>,
        is_open: bool,
    },
    Upload(UploadField),
    /// Buttons that put a text into a field: its id, and names and texts.
    Fill {
        field: &'static str,
        label: &'static str,
        texts: Vec<(String, String)>,
    },
    /// A part of our own, rendered and escaped.
    Part {
        name: &'static str,
        html: Markup,
    },
}

/// HTML one of our own templates has made.
pub(crate) struct Markup(pub(crate) String);

impl std::fmt::Display for Markup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

/// What is said above a form.
pub(crate) struct Refusal {
    message: Prose,
    hint: Option<Prose>,
    request_id: Option<String>,
}

impl Piece {
    pub(crate) fn field(field: Field) -> Self {
        Piece::Field(Box::new(field))
    }
}

impl Sheet {
    /// The form that makes a new `noun`; its fields and its command are the caller's.
    pub(crate) fn to_create(visit: &Visit, section: Section, noun: &str, intro: &str) -> Self {
        let title = format!("New {noun}");
        let list = section.place().map_or("/", |place| place.url);
        Self {
            frame: visit.frame_below(section, &title),
            title,
            intro: Prose::new(intro, MAX_INTRO_CHARS),
            refusal: None,
            action: format!("{list}/new"),
            pieces: Vec::new(),
            button: "Create it",
            back: list.to_owned(),
            command: None,
        }
    }

    /// The form that changes what is called `name` and has its page at `url`.
    pub(crate) fn to_change(visit: &Visit, section: Section, name: &str, url: String, intro: &str) -> Self {
        let name = visible(name);
        let title = format!("Edit {name}");
        Self {
            frame: visit.frame_below(section, &clip(&title, 80)).crumb(name, url.clone()),
            title,
            intro: Prose::new(intro, MAX_INTRO_CHARS),
            refusal: None,
            action: format!("{url}/edit"),
            pieces: Vec::new(),
            button: "Save",
            back: url,
            command: None,
        }
    }

    fn has_file(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Upload(_)))
    }
}

/// What is wrong with what was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problem {
    failure: Option<Failure>,
    field: Option<&'static str>,
}

impl Problem {
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Of the manager. `words` are what its message says of a field, and the field; the first that stands in it counts.
    pub(crate) fn of(failure: Failure, words: &[(&str, &'static str)]) -> Self {
        let message = failure.message.to_lowercase();
        let field = words.iter().find(|(word, _)| message.contains(word)).map(|(_, field)| *field);
        Self { failure: Some(failure), field }
    }

    /// Of a field, found here.
    pub(crate) fn field(field: &'static str, failure: Failure) -> Self {
        Self { failure: Some(failure), field: Some(field) }
    }

    /// The same in one sentence.
    pub(crate) fn at_field(field: &'static str, sentence: &str) -> Self {
        let message = crate::failure::sentence(sentence);
        Self::field(field, Failure::new(actix_web::http::StatusCode::BAD_REQUEST, "Not accepted", message))
    }

    /// What stands under a field.
    pub(crate) fn at(&self, field: &str) -> Option<String> {
        self.failure.as_ref().filter(|_| self.field == Some(field)).map(Failure::line)
    }

    /// All of it in one line.
    pub(crate) fn line(&self) -> Option<String> {
        self.failure.as_ref().map(Failure::line)
    }

    /// What stands above the form.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        let failure = self.failure.as_ref().filter(|_| self.field.is_none())?;
        Some(Refusal {
            message: Prose::new(&failure.message, 2000),
            hint: failure.hint.as_ref().map(|hint| Prose::new(hint, 2000)),
            request_id: failure.request_id.clone(),
        })
    }

    /// The status of the page that comes back.
    pub(crate) fn status(&self) -> actix_web::http::StatusCode {
        self.failure.as_ref().map_or(actix_web::http::StatusCode::OK, |failure| failure.status)
    }
}

/// Answers with the form: as it is, or as it was sent with what is wrong.
pub(crate) fn answer(sheet: &Sheet, problem: &Problem) -> Result<actix_web::HttpResponse, Failure> {
    // a session that has ended, or a manager that is away, is not the form's business
    if let Some(failure) = problem.failure.as_ref().filter(|failure| failure.is_signed_out()) {
        return Err(failure.clone());
    }
    let body = super::text(sheet)?;
    Ok(actix_web::HttpResponse::build(problem.status()).content_type("text/html; charset=utf-8").body(body))
}

/// Goes on to a page of ours after something was done.
pub(crate) fn go_on(to: &str) -> actix_web::HttpResponse {
    use actix_web::http::header;
    actix_web::HttpResponse::SeeOther()
        .insert_header((header::LOCATION, crate::frame::local_path(to)))
        .finish()
}

/// A field's text, if anything was typed.
pub(crate) fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A number somebody typed.
pub(crate) fn number<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<Option<T>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let message = format!("`{}` is not a number that fits here.", crate::parts::clip(text, 40));
        Problem::field(field, Failure::new(actix_web::http::StatusCode::BAD_REQUEST, "Not accepted", message))
    })
}

/// A JSON object somebody typed; the manager gets it as it was written.
pub(crate) fn object(
    field: &'static str,
    text: &str,
) -> Result<Option<Box<serde_json::value::RawValue>>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let refuse = |message: String| {
        Problem::field(field, Failure::new(actix_web::http::StatusCode::BAD_REQUEST, "Not accepted", message))
    };
    let raw = serde_json::value::RawValue::from_string(text.to_owned())
        .map_err(|error| refuse(format!("This is not JSON: {error}.")))?;
    if raw.get().starts_with('{') {
        Ok(Some(raw))
    } else {
        Err(refuse("This has to be a JSON object: { … }".to_owned()))
    }
}

/// What an emptied input is.
pub(crate) fn empty_object() -> Option<Box<serde_json::value::RawValue>> {
    serde_json::value::RawValue::from_string("{}".to_owned()).ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;

    use super::*;

    #[test]
    fn a_refusal_stands_at_the_field_it_names_or_above_the_form() {
        let failure = |message: &str| Failure::new(StatusCode::BAD_REQUEST, "Not accepted", message);
        let words = [("time zone", "tz"), ("cron", "cron")];

        let problem = Problem::of(failure("`x` is not a time zone of the IANA database."), &words);
        assert!(problem.at("tz").is_some() && problem.at("cron").is_none() && problem.refusal().is_none());
        let problem = Problem::of(failure("Something else."), &words);
        assert!(problem.at("tz").is_none() && problem.refusal().is_some());
    }

    #[test]
    fn json_is_taken_as_it_was_written_or_refused_with_the_place() {
        assert_eq!(object("i", " {\"a\": 1.50} ").unwrap().unwrap().get(), "{\"a\": 1.50}");
        assert!(object("i", "").unwrap().is_none());
        for wrong in ["{", "[1]", "{\"a\": 1} x", "1"] {
            assert!(object("i", wrong).unwrap_err().at("i").is_some(), "{wrong}");
        }
    }
}
