//! The manifest: LitePipeline's `configuration.json` and what `lp` adds to it, compiled to a [`crate::plan::Plan`].
