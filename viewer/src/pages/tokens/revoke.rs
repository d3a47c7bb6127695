//! Taking a token away. What stops working is said first.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use lp_protocol::views::TokenView;

use super::LIST;
use super::list::badge;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::pages::form::Checked;
use crate::pages::sheet::go_on;
use crate::pages::{Nothing, confirm};
use crate::parts::{Command, Confirm, Moment, plural, shell_word, visible};
use crate::state::State;

pub(crate) async fn ask(
    state: web::Data<State>,
    request: HttpRequest,
    signed: web::ReqData<Signed>,
    token: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let view = signed.session.client.fetch_token(&token).await?;
    let browsers = state.sessions.count_of_token(&view.token_id.to_string(), Instant::now()) as u64;
    let frame = Frame::new(&state, &request, Section::Elsewhere, "Revoke the token")
        .crumb("Account", "/account")
        .crumb("Tokens", LIST);
    let now = Utc::now();
    let question = Confirm {
        deed: "Revoke the token".to_owned(),
        badge: Some(badge(&view, now)),
        name: visible(&view.name),
        url: LIST.to_owned(),
        of: String::new(),
        consequence: consequence(&view, browsers, now),
        action: format!("{LIST}/{}/revoke", view.token_id),
        csrf: frame.csrf.clone(),
        fields: Vec::new(),
        is_danger: true,
        command: Some(Command::new(format!("lp token revoke {}", shell_word(&view.name)))),
    };
    confirm(frame, question)
}

pub(crate) async fn carry_out(
    token: web::Path<String>,
    form: Checked<Nothing>,
) -> Result<HttpResponse, Failure> {
    let Nothing {} = form.fields;
    form.signed.session.client.revoke_token(&token).await?;
    Ok(go_on(LIST))
}

fn consequence(token: &TokenView, browsers: u64, now: DateTime<Utc>) -> String {
    let mut text = if token.expired {
        "It has expired already, and only leaves the list.".to_owned()
    } else {
        "Whatever uses it is refused from that moment on, for good. ".to_owned()
            + &match token.used_at {
                Some(at) => format!("It was last used {}.", Moment::new(at, now).relative),
                None => "It was never used.".to_owned(),
            }
    };
    if token.created_by.is_none() {
        text.push_str(" A manager keeps it in its data directory: commands on that machine and the sign-in links of lp up fail until the manager is started again and makes another.");
    }
    if token.current {
        text.push_str(
            " It is the one you are signed in with: this browser has to sign in with another afterwards.",
        );
    } else if browsers > 0 {
        text.push_str(&format!(" Signed in with it here: {}.", plural(browsers, "browser")));
    }
    text
}

#[cfg(test)]
mod tests {
    use lp_protocol::TokenId;
    use lp_protocol::views::Role;

    use super::*;

    #[test]
    fn what_stops_working_is_said_before() {
        let token = TokenView {
            token_id: TokenId::random(),
            name: "ci".to_owned(),
            role: Role::Reader,
            create_at: Utc::now(),
            expire_at: None,
            expired: false,
            used_at: None,
            created_by: Some("ops".to_owned()),
            current: false,
        };
        let said = |token: &TokenView, browsers| consequence(token, browsers, Utc::now());

        assert!(said(&token, 0).ends_with("It was never used."));
        assert!(said(&token, 2).ends_with("Signed in with it here: 2 browsers."));
        let own = TokenView { current: true, created_by: None, used_at: Some(Utc::now()), ..token.clone() };
        for words in ["just now", "data directory", "you are signed in with"] {
            assert!(said(&own, 1).contains(words), "{words}");
        }
        assert!(said(&TokenView { expired: true, ..token }, 0).contains("expired already"));
    }
}
