//! A container's network.

use std::net::IpAddr;

use serde_json::Value;

use super::reader::{ArgError, Reader, few, wrong};
use crate::manifest::fields::whole;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Net {
    /// `bridge`, `none`, `host`, `container:NAME`, or the name of a network of the engine.
    pub network: Option<String>,
    pub ports: Vec<Port>,
    pub publish_all_ports: bool,
    pub hostname: Option<String>,
    pub dns: Vec<String>,
    pub dns_search: Vec<String>,
    pub dns_opt: Vec<String>,
    /// `name:address`.
    pub extra_hosts: Vec<String>,
}

/// A port of the container, and where on the node it can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// `80/tcp`.
    pub container: String,
    pub bindings: Vec<Binding>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    pub address: Option<IpAddr>,
    /// None: any that is free.
    pub port: Option<u16>,
}

pub(super) fn read(args: &Reader<'_>) -> Result<Net, ArgError> {
    let (network, mode) = (args.text("network")?, args.text("network_mode")?);
    if network.is_some() && mode.is_some() {
        return Err(ArgError::new("network_mode", "must not be given with `network`"));
    }
    let (key, network) = if mode.is_some() { ("network_mode", mode) } else { ("network", network) };
    if network.as_ref().is_some_and(|name| name.is_empty() || name.contains(char::is_whitespace)) {
        return Err(ArgError::new(key, "must be the name of a network, \"bridge\" or \"none\""));
    }
    Ok(Net {
        network,
        ports: ports(args)?,
        publish_all_ports: args.flag("publish_all_ports")?.unwrap_or(false),
        hostname: args.text("hostname")?,
        dns: dns(args)?,
        dns_search: args.texts("dns_search")?,
        dns_opt: args.texts("dns_opt")?,
        extra_hosts: extra_hosts(args)?,
    })
}

/// `{"80/tcp": 8080, "81": null, "82": ["127.0.0.1", 8082], "83": [8083, 8084]}`.
fn ports(args: &Reader<'_>) -> Result<Vec<Port>, ArgError> {
    let Some(value) = args.get("ports") else { return Ok(Vec::new()) };
    let Value::Object(members) = value else {
        return Err(wrong("ports", "an object such as {\"80/tcp\": 8080}", value));
    };
    few("ports", members.len())?;
    let port = |(key, value): (&String, &Value)| {
        let path = format!("ports.{key}");
        Ok(Port { container: container_port(&path, key)?, bindings: bindings(&path, value)? })
    };
    members.iter().map(port).collect()
}

fn container_port(path: &str, text: &str) -> Result<String, ArgError> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let is_port = number.parse::<u16>().is_ok_and(|port| port > 0);
    if is_port && ["tcp", "udp", "sctp"].contains(&protocol) {
        return Ok(format!("{number}/{protocol}"));
    }
    Err(ArgError::new(path, "must be named by a port of the container such as \"80/tcp\" or \"53/udp\""))
}

fn bindings(path: &str, value: &Value) -> Result<Vec<Binding>, ArgError> {
    match value {
        // docker-py's tuple of address and port
        Value::Array(pair) if pair.first().is_some_and(|first| address(first).is_some()) => {
            Ok(vec![binding(path, value)?])
        }
        Value::Array(items) => {
            few(path, items.len())?;
            items.iter().map(|item| binding(path, item)).collect()
        }
        one => Ok(vec![binding(path, one)?]),
    }
}

fn binding(path: &str, value: &Value) -> Result<Binding, ArgError> {
    let wanted = "a port of the node, null for any, [\"address\", port], or a list of these";
    let wrong = || wrong(path, wanted, value);
    match value {
        Value::Null => Ok(Binding::default()),
        Value::Array(pair) => match pair.as_slice() {
            [host] => Ok(Binding { address: Some(address(host).ok_or_else(wrong)?), port: None }),
            [host, Value::Null] => {
                Ok(Binding { address: Some(address(host).ok_or_else(wrong)?), port: None })
            }
            [host, number] => Ok(Binding {
                address: Some(address(host).ok_or_else(wrong)?),
                port: host_port(number).ok_or_else(wrong)?,
            }),
            _ => Err(wrong()),
        },
        number => Ok(Binding { address: None, port: host_port(number).ok_or_else(wrong)? }),
    }
}

fn address(value: &Value) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

/// 0 is any that is free.
fn host_port(value: &Value) -> Option<Option<u16>> {
    let number = match value {
        Value::String(text) => text.parse::<u16>().ok()?,
        other => u16::try_from(whole(other)?).ok()?,
    };
    Some(Some(number).filter(|port| *port > 0))
}

fn dns(args: &Reader<'_>) -> Result<Vec<String>, ArgError> {
    let servers = args.texts("dns")?;
    match servers.iter().find(|server| server.parse::<IpAddr>().is_err()) {
        None => Ok(servers),
        Some(server) => Err(ArgError::new("dns", format!("must be addresses; `{server}` is none"))),
    }
}

fn extra_hosts(args: &Reader<'_>) -> Result<Vec<String>, ArgError> {
    let mut hosts = Vec::new();
    for (name, address) in args.pairs("extra_hosts", ':')? {
        let address = address.unwrap_or_default();
        let is_address =
            address == "host-gateway" || address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if name.is_empty() || !is_address {
            let problem = "must give each name an address: {\"db\": \"10.0.0.5\"} or [\"db:10.0.0.5\"]";
            return Err(ArgError::new("extra_hosts", problem));
        }
        hosts.push(format!("{name}:{address}"));
    }
    Ok(hosts)
}
