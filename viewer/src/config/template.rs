//! The commented file `lp viewer -g DIR` writes.

use super::Config;

impl Config {
    /// Returns a file that lists every key with its default and what it does. Used as it is it changes nothing.
    pub fn template() -> &'static str {
        TEMPLATE
    }
}

const TEMPLATE: &str = r#"# Configuration of `lp viewer`.
# Every key is shown with its default. A variable LP_<KEY> (for example LP_HTTP_PORT) goes over this file, a flag over both.
# A key that is not here is refused; so is a variable that is a slip of one of these. Other variables that begin with LP_ are left alone.
# Durations are seconds or "1h 30m", "100ms".

# Address and port to listen on. 0.0.0.0 is every network of this machine: put a TLS proxy in front of it. Port 0 takes a free one.
http_host: 127.0.0.1
http_port: 8088

# Host names by which browsers may call. A viewer that listens on loopback always answers to localhost, 127.0.0.1 and [::1] and to
# nothing else but these, so that no web page can reach it under a name of its own.
allowed_hosts: []

# The address people type where a proxy stands in front, for example https://lp.example. With https the cookies are for encrypted
# connections only.
public_url:

# Where the manager listens, as a host and a port or as one URL (which goes over the two).
manager_http_host: 127.0.0.1
manager_http_port: 8000
manager:

# An API token, here or alone in a file. With one the viewer prints a one-time login link when it starts, and whoever opens it works
# with this token. Without one people sign in with tokens of their own.
token:
token_file:

# A browser is signed out after this long without a request, and after a week in any case.
session_idle: 12h

# error, warn, info, debug or trace, or a filter such as info,lp_viewer=debug.
log_level: info
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_shows_every_key_and_changes_nothing() {
        assert_eq!(
            Config::load(&lp_settings::Layers { file: Some(("f", TEMPLATE)), ..Default::default() }).unwrap(),
            Config::default()
        );
        for key in Config::KEYS {
            assert!(TEMPLATE.contains(&format!("\n{key}:")), "{key}");
        }
    }
}
