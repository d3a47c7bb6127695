//! What of a container only its image can tell: the PATH a venv goes before.

use bollard::models::{ContainerCreateBody, ImageConfig};
use lp_protocol::docker::VENV;

use crate::docker::files::Spec;

/// What engines give a container whose image says nothing.
pub(super) const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The container to create, without its command.
pub(super) fn complete(spec: &Spec, image: &ImageConfig) -> ContainerCreateBody {
    let mut body = spec.body.clone();
    let env = body.env.get_or_insert_default();
    if spec.has_venv {
        let path =
            find(env, "PATH").or_else(|| find_in(image, "PATH")).unwrap_or_else(|| DEFAULT_PATH.to_owned());
        set(env, "PATH", &format!("{VENV}/bin:{path}"));
        set(env, "VIRTUAL_ENV", VENV);
        // a bare name takes the image's away
        env.retain(|pair| !pair.starts_with("PYTHONHOME="));
        env.push("PYTHONHOME".to_owned());
        if !spec.site_packages.is_empty() {
            let mut paths = spec.site_packages.clone();
            paths.extend(find(env, "PYTHONPATH").or_else(|| find_in(image, "PYTHONPATH")));
            set(env, "PYTHONPATH", &paths.join(":"));
        }
    }
    body
}

/// The PATH programs of the container are looked for on.
pub(super) fn path(body: &ContainerCreateBody, image: &ImageConfig) -> String {
    let own = body.env.as_deref().and_then(|env| find(env, "PATH"));
    own.or_else(|| find_in(image, "PATH")).unwrap_or_else(|| DEFAULT_PATH.to_owned())
}

fn find_in(image: &ImageConfig, name: &str) -> Option<String> {
    find(image.env.as_deref().unwrap_or_default(), name)
}

fn find(env: &[String], name: &str) -> Option<String> {
    let mut values = env.iter().filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    values.next_back().map(str::to_owned)
}

fn set(env: &mut Vec<String>, name: &str, value: &str) {
    let begin = format!("{name}=");
    env.retain(|pair| !pair.starts_with(&begin));
    env.push(format!("{begin}{value}"));
}
