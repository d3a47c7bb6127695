//! A signed-in person who asks for a page: whose client of the manager it is loaded with, and the frame it stands in.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use lp_protocol::client::ManagerClient;

use super::form::signed_in;
use crate::failure::Failure;
use crate::frame::{Frame, Section, Signed};
use crate::state::State;

pub(crate) struct Visit {
    state: web::Data<State>,
    request: HttpRequest,
    signed: Signed,
}

impl Visit {
    pub(crate) fn client(&self) -> &ManagerClient {
        &self.signed.session.client
    }

    /// `title` is what tells the page from the others in a row of tabs.
    pub(crate) fn frame(&self, section: Section, title: &str) -> Frame {
        Frame::new(&self.state, &self.request, section, title)
    }

    /// The same for a page below the section's own.
    pub(crate) fn frame_below(&self, section: Section, title: &str) -> Frame {
        let frame = self.frame(section, title);
        match section.place() {
            Some(place) => frame.crumb(place.name, place.url),
            None => frame,
        }
    }
}

impl FromRequest for Visit {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<State>>().cloned();
        ready(signed_in(request).and_then(|signed| {
            let state = state.ok_or_else(Failure::starting)?;
            Ok(Self { state, request: request.clone(), signed })
        }))
    }
}
