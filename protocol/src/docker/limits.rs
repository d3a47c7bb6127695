//! How much a container may use.

use serde_json::Value;

use super::reader::{ArgError, Reader, text, wrong};
use crate::manifest::fields::whole;

/// Limits; sizes in bytes, times in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub cpu_period: Option<i64>,
    pub cpu_quota: Option<i64>,
    pub cpu_shares: Option<i64>,
    /// Billionths of a processor.
    pub nano_cpus: Option<i64>,
    pub cpuset_cpus: Option<String>,
    pub cpuset_mems: Option<String>,
    pub mem_limit: Option<i64>,
    pub mem_reservation: Option<i64>,
    /// Memory and swap together; -1: as much swap as there is.
    pub memswap_limit: Option<i64>,
    pub shm_size: Option<i64>,
    /// -1: no limit.
    pub pids_limit: Option<i64>,
    pub ulimits: Vec<Ulimit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// 6 MiB is the least memory an engine takes; a lower limit is a slip of the unit.
const MIN_MEMORY_BYTES: i64 = 6 << 20;

/// A million processors.
const MAX_NANO_CPUS: i64 = 1_000_000_000_000_000;

pub(super) fn read(args: &Reader<'_>) -> Result<Limits, ArgError> {
    let mem_limit = args.size("mem_limit")?;
    if mem_limit.is_some_and(|bytes| bytes != 0 && bytes < MIN_MEMORY_BYTES) {
        return Err(ArgError::new("mem_limit", "must be at least 6m, the least an engine takes"));
    }
    let unlimited = |key: &str| args.get(key).and_then(whole) == Some(-1);
    let memswap_limit = if unlimited("memswap_limit") { Some(-1) } else { args.size("memswap_limit")? };
    if let (Some(swap), memory) = (memswap_limit.filter(|bytes| *bytes > 0), mem_limit.unwrap_or(0))
        && (memory == 0 || swap < memory)
    {
        let problem = "must not be less than `mem_limit`, which it includes and which must be given with it";
        return Err(ArgError::new("memswap_limit", problem));
    }
    let limits = Limits {
        cpu_period: args.number("cpu_period", 1000..=1_000_000)?,
        cpu_quota: args.number("cpu_quota", -1..=i64::from(u32::MAX))?,
        cpu_shares: args.number("cpu_shares", 0..=262_144)?,
        nano_cpus: args.number("nano_cpus", 0..=MAX_NANO_CPUS)?,
        cpuset_cpus: cpuset(args, "cpuset_cpus")?,
        cpuset_mems: cpuset(args, "cpuset_mems")?,
        mem_limit,
        mem_reservation: args.size("mem_reservation")?,
        memswap_limit,
        shm_size: args.size("shm_size")?,
        pids_limit: args.number("pids_limit", -1..=1 << 22)?,
        ulimits: ulimits(args)?,
    };
    if limits.nano_cpus.is_some() && (limits.cpu_quota.is_some() || limits.cpu_period.is_some()) {
        return Err(ArgError::new("nano_cpus", "must not be given with `cpu_quota` or `cpu_period`"));
    }
    Ok(limits)
}

/// `0-3,7`.
fn cpuset(args: &Reader<'_>, key: &str) -> Result<Option<String>, ArgError> {
    let Some(text) = args.text(key)? else { return Ok(None) };
    let is_number =
        |text: &str| !text.is_empty() && text.len() < 8 && text.bytes().all(|b| b.is_ascii_digit());
    let is_range = |part: &str| match part.split_once('-') {
        Some((from, to)) => is_number(from) && is_number(to),
        None => is_number(part),
    };
    if text.split(',').all(is_range) {
        return Ok(Some(text));
    }
    Err(ArgError::new(key, "must be a list such as \"0-2,5\""))
}

fn ulimits(args: &Reader<'_>) -> Result<Vec<Ulimit>, ArgError> {
    args.items("ulimits")?.into_iter().map(|(path, value)| ulimit(&path, value)).collect()
}

/// `{"name": "nofile", "soft": 1024, "hard": 2048}`; the keys also as docker-py's `Ulimit` writes them, `Name`.
fn ulimit(path: &str, value: &Value) -> Result<Ulimit, ArgError> {
    let wanted = "an object such as {\"name\": \"nofile\", \"soft\": 1024, \"hard\": 2048}";
    let Value::Object(members) = value else { return Err(wrong(path, wanted, value)) };
    if let Some(key) =
        members.keys().find(|key| !["name", "soft", "hard"].contains(&key.to_lowercase().as_str()))
    {
        return Err(ArgError::new(format!("{path}.{key}"), format!("is not known; it must be {wanted}")));
    }
    let find = |name: &str| {
        members.iter().find(|(key, value)| key.to_lowercase() == name && !value.is_null()).map(|(_, v)| v)
    };
    let name = find("name").ok_or_else(|| ArgError::new(path, format!("must be {wanted}")))?;
    let number = |key: &str| match find(key) {
        None => Ok(None),
        Some(value) => match whole(value).filter(|number| *number >= -1) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(&format!("{path}.{key}"), "a whole number, -1 for no limit", value)),
        },
    };
    let (soft, hard) = (number("soft")?, number("hard")?);
    let soft_or_hard = soft.or(hard).ok_or_else(|| ArgError::new(path, format!("must be {wanted}")))?;
    Ok(Ulimit {
        name: text(&format!("{path}.name"), name)?,
        soft: soft.unwrap_or(soft_or_hard),
        hard: hard.unwrap_or(soft_or_hard),
    })
}
