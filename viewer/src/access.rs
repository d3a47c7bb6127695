//! What a session whose token is a reader's may ask this viewer for.
//!
//! The manager decides and refuses by itself; this only spares people forms that lead to a refusal. So whatever a form sends is refused but for
//! what concerns the browser alone, and a page that is nothing but a question or a form is answered with the reason. `static/access.css` takes
//! the links to them from the pages by the same words.

use actix_web::http::{Method, StatusCode};

use crate::failure::Failure;

/// What a token lets its browser do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Access {
    #[default]
    All,
    Reading,
}

impl Access {
    /// By the manager's word for the role. What is not known here may be tried: the manager knows.
    pub(crate) fn of_role(role: &str) -> Self {
        if role == lp_protocol::views::Role::Reader.as_str() { Access::Reading } else { Access::All }
    }
}

/// The last part of the addresses of forms and questions.
const ASKING: &[&str] = &[
    "new", "edit", "upload", "run", "again", "join", "bulk", "delete", "remove", "revoke", "activate",
    "stop", "rerun", "recover", "restart", "enable", "disable", "trigger", "drain", "undrain",
];

/// What concerns nobody but the browser itself.
const OWN: &[&str] = &["/login", "/logout", "/theme", "/account/sign-out-everywhere"];

/// # Errors
/// `Forbidden` for what a reader cannot do, or would only be refused later.
pub(crate) fn check(access: Access, method: &Method, path: &str) -> Result<(), Failure> {
    match access {
        Access::All => Ok(()),
        Access::Reading if OWN.contains(&path) => Ok(()),
        Access::Reading if method == Method::GET && !is_asking(path) => Ok(()),
        Access::Reading => {
            let message =
                "This wants a token with the role administrator, and you are signed in with a reader's.";
            let hint = "A reader sees everything but tokens and changes nothing. Sign out and sign in with another token; an administrator can make one.";
            Err(Failure::new(StatusCode::FORBIDDEN, "Not allowed", message).hint(hint))
        }
    }
}

fn is_asking(path: &str) -> bool {
    if path == "/tokens" || path.starts_with("/tokens/") {
        return true;
    }
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let last = parts.next_back().unwrap_or_default();
    // a thing that is called so has an address by its id
    parts.next().is_some() && ASKING.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_pages_and_sends_no_form_but_its_own() {
        let allowed = |method: Method, path: &str| check(Access::Reading, &method, path).is_ok();
        for path in [
            "/",
            "/tasks",
            "/apps/x",
            "/tasks/1",
            "/live",
            "/palette.json",
            "/schedules/preview",
            "/run",
            "/account",
        ] {
            assert!(allowed(Method::GET, path), "{path}");
            assert!(!allowed(Method::POST, path), "{path}");
        }
        for path in [
            "/apps/new",
            "/apps/x/run",
            "/tasks/bulk",
            "/tasks/1/stop",
            "/nodes/join",
            "/tokens",
            "/tokens/x/revoke",
            "/apps/x/versions/1/activate",
        ] {
            assert!(!allowed(Method::GET, path) && !allowed(Method::POST, path), "{path}");
        }
        for path in OWN {
            assert!(allowed(Method::GET, path) && allowed(Method::POST, path), "{path}");
        }
        assert!(check(Access::All, &Method::POST, "/tasks/1/stop").is_ok());
    }

    #[test]
    fn the_links_to_what_is_refused_are_taken_away_by_the_same_words() {
        let style = include_str!("../../static/access.css");

        for word in ASKING {
            assert!(style.contains(&format!("a[href$=\"/{word}\"]")), "{word}");
        }
    }
}
