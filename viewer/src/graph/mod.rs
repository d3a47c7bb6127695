//! Graphs: what waits for what, drawn as an SVG with links and live states.
//!
//! For tasks, plans of applications, workflows and works alike: whoever has vertices in hand ([`Vertex`]) gets a [`Graph`], a part of a
//! page. Large fan-outs are folded before anything is placed, so that a graph of 10,000 vertices is as quick to draw as it is to read.

mod draw;
mod fold;
mod layout;
mod vertex;

pub(crate) use draw::Graph;
pub(crate) use vertex::{Kind, Vertex, of_plan};
