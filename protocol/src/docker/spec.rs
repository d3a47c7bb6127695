//! What a plan holds of a container, as it was written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reference::{self, Reference};

/// A container to run the action in: LitePipeline's `name` and `tag`, or `image`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DockerSpec {
    /// LitePipeline's form: the configured registry is put before a name that has none. Empty where there is an `image`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Any reference, digest included, taken as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    #[serde(default, skip_serializing_if = "Pull::is_default")]
    pub pull: Pull,
    /// As they were written; [`super::Args`] is what is understood of them.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: Map<String, Value>,
    /// The manager's `docker_registry`, put in when the action is given to a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

/// When the image is fetched from its registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// Where the node does not have it.
    #[default]
    Missing,
    /// Every time.
    Always,
    /// Never: the node has it, or the action fails.
    Never,
}

impl Pull {
    pub const WORDS: [(&'static str, Pull); 3] =
        [("missing", Pull::Missing), ("always", Pull::Always), ("never", Pull::Never)];

    fn is_default(&self) -> bool {
        *self == Pull::default()
    }
}

impl DockerSpec {
    /// The image, where `registry` is a node's own setting, which goes before the manager's.
    ///
    /// # Errors
    /// A plan of an old version may hold a name that no engine takes.
    pub fn reference(&self, registry: Option<&str>) -> Result<Reference, reference::Error> {
        if let Some(image) = &self.image {
            return Reference::parse(image);
        }
        let mut named = Reference::parse(&self.name)?;
        if named.tag.is_none() && named.digest.is_none() && !self.tag.is_empty() {
            named.tag = Some(reference::parse_tag(&self.tag)?);
        }
        Ok(named.in_registry(registry.or(self.registry.as_deref())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_of_the_first_version_is_still_read() {
        let old = r#"{"name": "team/img", "tag": "3", "args": {"mem_limit": "10m", "no_such": 1}}"#;

        let spec: DockerSpec = serde_json::from_str(old).unwrap();

        assert_eq!((spec.pull, spec.image.as_ref()), (Pull::Missing, None));
        assert_eq!(spec.reference(None).unwrap().to_string(), "team/img:3");
        assert_eq!(spec.reference(Some("hub.example")).unwrap().to_string(), "hub.example/team/img:3");
        assert!(super::super::Args::parse(&spec.args).is_err(), "but it is not run");
    }

    #[test]
    fn an_image_is_taken_as_it_is_and_a_nodes_registry_goes_before_the_managers() {
        let named = DockerSpec {
            name: "img".into(),
            tag: "1".into(),
            registry: Some("a.example".into()),
            ..DockerSpec::default()
        };
        let whole = DockerSpec {
            image: Some("img".into()),
            registry: Some("a.example".into()),
            ..DockerSpec::default()
        };

        assert_eq!(named.reference(None).unwrap().to_string(), "a.example/img:1");
        assert_eq!(named.reference(Some("b.example")).unwrap().to_string(), "b.example/img:1");
        assert_eq!(whole.reference(Some("b.example")).unwrap().to_string(), "img");
    }
}
