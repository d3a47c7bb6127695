//! By which names this viewer may be called.
//!
//! A web page anywhere can make a browser send requests to 127.0.0.1 under the page's own name (DNS rebinding) and read the
//! answers. The name is in the `Host` header, so a viewer on loopback answers to loopback names and configured ones only.

use std::collections::BTreeSet;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    names: BTreeSet<String>,
}

impl Hosts {
    /// None where any name will do: the viewer listens beyond loopback and no names are configured.
    pub(crate) fn new(address: IpAddr, configured: &[String]) -> Option<Self> {
        if !address.is_loopback() && configured.is_empty() {
            return None;
        }
        let mut names: BTreeSet<String> = configured.iter().map(|name| name_of(name)).collect();
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        if !address.is_unspecified() {
            names.insert(match address {
                IpAddr::V4(v4) => v4.to_string(),
                IpAddr::V6(v6) => format!("[{v6}]"),
            });
        }
        Some(Self { names })
    }

    pub(crate) fn allow(&self, host: &str) -> bool {
        self.names.contains(&name_of(host))
    }
}

/// The name in `name:port`, as it is compared.
fn name_of(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    name.to_ascii_lowercase().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_viewer_answers_to_loopback_names_and_configured_ones() {
        let hosts = Hosts::new(IpAddr::from([127, 0, 0, 1]), &["Build.Example:443".to_owned()]).unwrap();

        for host in
            ["localhost", "LOCALHOST:8088", "localhost.", "127.0.0.1:8088", "[::1]:8088", "build.example"]
        {
            assert!(hosts.allow(host), "{host}");
        }
        for host in ["", "evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil", "localhost:80:80", "::1"]
        {
            assert!(!hosts.allow(host), "{host}");
        }
    }

    #[test]
    fn beyond_loopback_any_name_will_do_unless_some_are_configured() {
        let everywhere = IpAddr::from([0, 0, 0, 0]);

        assert_eq!(Hosts::new(everywhere, &[]), None);
        let hosts = Hosts::new(everywhere, &["lp.example".to_owned()]).unwrap();
        assert!(hosts.allow("lp.example:8088") && !hosts.allow("other.example") && !hosts.allow("0.0.0.0"));
    }
}
