//! By which names this manager may be called.
//!
//! A web page anywhere can make a browser send requests to 127.0.0.1 under the page's own name (DNS rebinding) and read the
//! answers. The name is in the `Host` header, so a manager that listens on loopback answers to loopback names and configured ones only.

use std::collections::BTreeSet;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    names: BTreeSet<String>,
}

impl Hosts {
    /// None where any name will do: the manager listens beyond loopback and no names are configured.
    pub(crate) fn new(address: IpAddr, configured: &[String]) -> Option<Self> {
        if !address.is_loopback() && configured.is_empty() {
            return None;
        }
        let mut names: BTreeSet<String> = configured.iter().map(|name| name.to_ascii_lowercase()).collect();
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        names.insert(match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        });
        Some(Self { names })
    }

    pub(crate) fn allow(&self, host: &str) -> bool {
        let name = match host.rsplit_once(':') {
            Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        self.names.contains(name.to_ascii_lowercase().trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loopback_manager_answers_to_loopback_names_and_configured_ones() {
        let hosts = Hosts::new(IpAddr::from([127, 0, 0, 1]), &["Build.Example".to_owned()]).unwrap();

        for host in [
            "localhost",
            "LOCALHOST:8000",
            "localhost.",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[::1]",
            "build.example:80",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "127.0.0.1@evil",
            "localhost:80:80",
            "::1",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
    }

    #[test]
    fn beyond_loopback_any_name_will_do_unless_some_are_configured() {
        let everywhere = IpAddr::from([0, 0, 0, 0]);

        assert_eq!(Hosts::new(everywhere, &[]), None);
        let hosts = Hosts::new(everywhere, &["lp.example".to_owned()]).unwrap();
        assert!(hosts.allow("lp.example:8000") && !hosts.allow("other.example"));
    }
}
